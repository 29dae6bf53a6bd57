"""How far a factorized H~ is from H: the extreme eigenvalues of L^{-1} H L^{-T}, H~ = L L^T, by Lanczos iteration.

Ritz values lie inside the spectrum, so what is found is at most the truth; with as many iterations as unknowns it is
the truth. From a random start, k iterations in d dimensions miss the largest eigenvalue of a positive semidefinite
matrix by a relative e with probability at most 1.648 sqrt(d) exp(-(2k - 1) sqrt(e)) (Kuczynski and Wozniakowski, 1992).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from numeric.kernels import Array

ITERATIONS = 12
"""Products with H at most; the probability above is 1e-2 for e = 0.1 and d = 32."""
FEWEST = 4
SETTLED = 0.03
"""From `FEWEST` products on, the iteration ends where another one makes eps0 larger by less than this share: what is
found is then 5 to 15 percent too small, for half of the cost. With few unknowns all are reached, and it goes on."""


@dataclass(frozen=True)
class Spread:
    """The interval of the eigenvalues of H~^{-1} H that was found.

    Attributes:
        low: the smallest; negative or zero proves that H is not positive definite.
        high: the largest.
    """

    low: float
    high: float

    @property
    def eps0(self) -> float:
        """||H^{-1/2} (H~ - H) H^{-1/2}||, infinite where H is not positive definite."""
        return max(1.0 / self.low - 1.0, 1.0 - 1.0 / self.high) if self.low > 0.0 else np.inf


def spread(
    product: Callable[[Array], Array],
    L: Array,
    generator: np.random.Generator,
    iterations: int = ITERATIONS,
    limit: float = np.inf,
) -> Spread:
    """The extreme Ritz values, with full orthogonalization.

    Args:
        product: v -> H v, in the coordinates of L.
        L: lower triangular, shape (r, r), H~ = L L^T.
        generator: of the start.
        iterations: at most, and no more than r; fewer where eps0 has settled, or H is seen not to be definite.
        limit: an eps0 from which on its size does not matter.
    """
    r = len(L)
    vectors, images = np.zeros((0, r)), np.zeros((0, r))
    v, found = generator.standard_normal(r), Spread(np.nan, np.nan)
    for count in range(1, min(iterations, r) + 1):
        v /= np.linalg.norm(v)
        half = scipy.linalg.solve_triangular(L, v, lower=True, trans=1)
        image = scipy.linalg.solve_triangular(L, product(half), lower=True)
        vectors, images = np.vstack([vectors, v]), np.vstack([images, image])
        before, found = found, _ritz(vectors, images)
        if r > iterations and (found.eps0 >= limit or (count >= FEWEST and _settled(before, found))):
            break
        v = image
        for _ in range(2):
            v = v - vectors.T @ (vectors @ v)
        # What is left is rounding: the vectors so far span an invariant subspace.
        if np.linalg.norm(v) <= r * np.finfo(float).eps * np.linalg.norm(image):
            break
    return found


def _ritz(vectors: Array, images: Array) -> Spread:
    projected = vectors @ images.T
    ritz = np.linalg.eigvalsh((projected + projected.T) / 2)
    return Spread(float(ritz[0]), float(ritz[-1]))


def _settled(before: Spread, found: Spread) -> bool:
    return found.eps0 <= (1.0 + SETTLED) * before.eps0
