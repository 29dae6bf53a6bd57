"""Label laws: y = h(<w, x>) + noise, with the Gaussian moments that Theorem 4.2 asks for.

For x ~ N(0, Lambda) and v = w^T Lambda w, three moments of s = <w, x> ~ N(0, v) give what the theorem needs (Stein):

    a = Lambda^{-1} E[x y] = (E[s h]/v) w
    Cov(x y) = (E[h^2] + noise^2) Lambda + (E[h^2 s^2]/v - E[h^2])/v Lambda w w^T Lambda - Lambda a a^T Lambda
    min_b E(<b, x> - y)^2 = E[h^2] + noise^2 - a^T Lambda a
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad

from numeric.kernels import Array
from numeric.validation import InputError

Link = Callable[[Array], Array]
Moments = Callable[[float], tuple[float, float, float]]


@dataclass(frozen=True, eq=False)
class LabelMoments:
    """Moments of (x, y) for one task: a (d), Cov(x y) (d x d) and the error of the best linear predictor."""

    direction: Array
    covariance: Array
    best_error: float


@dataclass(frozen=True, eq=False)
class Labels:
    """y = link(<w, x>) + noise g, g ~ N(0, 1).

    Attributes:
        link: h, entry by entry.
        link_moments: v -> (E[h^2], E[s h], E[h^2 s^2]) for s ~ N(0, v).
        noise: standard deviation.
        name: for tables.

    Raises:
        InputError: negative noise.
    """

    link: Link
    link_moments: Moments
    noise: float = 0.0
    name: str = "labels"

    def __post_init__(self) -> None:
        if not self.noise >= 0:
            raise InputError(f"noise: got {self.noise}; it is a standard deviation, not negative")

    def draw(self, products: Array, rng: np.random.Generator) -> Array:
        """Labels for products <w, x> of any shape."""
        y = self.link(products)
        return y + self.noise * rng.standard_normal(products.shape) if self.noise else y

    def moments(self, w: Array, covariance: Array) -> LabelMoments:
        """Moments of (x, y) for x ~ N(0, covariance) and a task w that is not 0."""
        image = covariance @ w
        v = float(w @ image)
        squared, first, third = self.link_moments(v)
        a = first / v * w
        spread = (third / v - squared) / v * np.outer(image, image) - np.outer(covariance @ a, covariance @ a)
        total = squared + self.noise**2
        return LabelMoments(a, total * covariance + spread, total - float(a @ covariance @ a))


def linear_labels(noise: float = 0.0) -> Labels:
    """y = <w, x> + noise."""
    return Labels(lambda s: s, lambda v: (v, v, 3 * v**2), noise, "linear")


def cubic_labels(noise: float = 0.0) -> Labels:
    """y = <w, x>^3 + noise."""
    return Labels(lambda s: s**3, lambda v: (15 * v**3, 3 * v**2, 105 * v**4), noise, "cubic")


def sign_labels(noise: float = 0.0) -> Labels:
    """y = 1 + sign(<w, x>) + noise: E y is not 0, and the theorem holds all the same."""
    return Labels(lambda s: 1 + np.sign(s), lambda v: (2.0, float(np.sqrt(2 * v / np.pi)), 2 * v), noise, "sign")


def link_labels(link: Link, noise: float = 0.0, name: str = "link") -> Labels:
    """y = link(<w, x>) + noise for any link, its Gaussian moments by adaptive quadrature (to 1e-10).

    >>> moments = link_labels(lambda s: s**3).link_moments(2.0)
    >>> [round(m, 6) for m in moments]
    [120.0, 12.0, 1680.0]
    """

    def moments(v: float) -> tuple[float, float, float]:
        def mean(f: Callable[[float], float]) -> float:
            def density(g: float) -> float:
                return f(g) * float(np.exp(-g * g / 2)) / float(np.sqrt(2 * np.pi))

            return sum(quad(density, *half, epsabs=0, epsrel=1e-11, limit=200)[0] for half in ((-40, 0), (0, 40)))

        root = float(np.sqrt(v))

        def h(g: float) -> float:
            return float(link(np.asarray(root * g)))

        return mean(lambda g: h(g) ** 2), mean(lambda g: root * g * h(g)), mean(lambda g: v * (g * h(g)) ** 2)

    return Labels(link, moments, noise, name)
