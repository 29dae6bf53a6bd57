"""What a form offers: one prompt (its linear map, target, weights and mask), evaluated at a point in row blocks.

A problem is a sum over forms. Forms differ in where z comes from: a matrix A1 X A2^T with one group of totals per
row, a dense A x with one group in all, or an A that is read in row blocks. Each answers on a log scale of its own;
`numeric.evaluation` and `numeric.operator` bring a sum to the largest.
"""

from typing import Any, NamedTuple, Protocol

from numeric.kernels import Array, Kernel


class Scaled(NamedTuple):
    """exp(log_scale) * (value, gradient): one pair, whose true size may be outside the range of floats."""

    value: float
    gradient: Array
    log_scale: float


class ScaledValue(NamedTuple):
    """exp(log_scale) * value: a value without its gradient, on the same scale as `Scaled`."""

    value: float
    log_scale: float


class SecondOrder(Protocol):
    """exp(log_scale) M^T (diag(D) + U C U^T) M of one form at one x; results are without the factor exp(log_scale).

    Results may hold infinities and NaN where something overflows: the operator over all forms looks at them.

    Attributes:
        log_scale: of all results; 0 for losses without a degree.
        rank: of U in each group, the regularizer (a diagonal) adds nothing.
        surely_finite: whether a cheap bound excludes that the diagonal overflows before the factor; where it is
            False, the operator forms the diagonal at once, so that an overflow is an error there and not later.
    """

    @property
    def log_scale(self) -> float: ...

    @property
    def rank(self) -> int: ...

    @property
    def surely_finite(self) -> bool: ...

    def apply(self, v: Array) -> Array:
        """The product with v; both have x's shape."""
        ...

    def blocks(self) -> Array:
        """The dense diagonal blocks, shape (k, m, m) with k m the size of x; symmetric, freshly allocated."""
        ...

    def diagonal(self) -> Array:
        """The diagonal, in x's shape."""
        ...

    def eigenvalue_bounds(self) -> tuple[float, float]:
        """An interval that holds every eigenvalue of this form's Hessian in x; an inclusion, by Weyl in z."""
        ...

    def terms(self) -> float:
        """The size of the pieces in z, max of |D| + sum over i, j of |U_i| |C_ij| |U_j|: what may have cancelled."""
        ...


class Evaluation(Protocol):
    """A form at one point, which may keep what value, gradient and Hessian share (streams: the totals)."""

    @property
    def value(self) -> ScaledValue:
        """The value alone, which needs no product with the gradient's rows; raises, and overflows, as `first_order`."""
        ...

    @property
    def first_order(self) -> Scaled:
        """Value and gradient, regularizer included; cached. An overflowing value is inf or NaN, never an error.

        Raises:
            OutsideDomain: a total that must not vanish does; see `numeric.forms.domain.check_domain`.
        """
        ...

    @property
    def smallest_total(self) -> float:
        """The smallest share that a total which must not vanish is of the sum of its absolute terms; 1 without any."""
        ...

    def second_order(self, kind: str) -> SecondOrder:
        """The "hessian", or J^T J plus the regularizer's Hessian for "gauss_newton".

        Raises:
            OutsideDomain: as `first_order`, here and not at the first product.
        """
        ...

    def predict(self) -> Array:
        """The model of the target, of the target's shape; raises as `first_order`."""
        ...


class Form(Protocol):
    """One prompt: a linear map from x to entries z, the target of a loss of z, weights, a mask."""

    @property
    def x_shape(self) -> tuple[int, ...]: ...

    @property
    def shape(self) -> tuple[int, int]:
        """For people: (n, d) of A in vector form, (n1, n2) of B in matrix form."""
        ...

    @property
    def entries(self) -> int:
        """The number of entries of z that are kept by the mask, over all problems of a stack."""
        ...

    @property
    def regularized(self) -> bool:
        """Whether there are weights w."""
        ...

    @property
    def masked(self) -> bool: ...

    def largest_entry(self, x: Array) -> float:
        """max |z| over the kept entries, in blocks; for losses and steps alike, x need not be a point of the loss."""
        ...

    def evaluate(self, loss: Kernel, x: Array) -> Evaluation:
        """The form at x (of `x_shape`, in the dtype of the computation); nothing is computed yet."""
        ...


class DenseForm(Form, Protocol):
    """A form whose linear map is made of arrays in memory."""

    @property
    def factors(self) -> tuple[Array, ...]:
        """The matrices of the map: (A,) or (A1, A2)."""
        ...

    @property
    def target(self) -> Array:
        """b of shape (n,) or (k, n), or B of shape (n1, n2)."""
        ...

    def rebuilt(self, *factors: Array) -> Any:
        """The same form with other factors (other numbers of columns), target and weights in their dtype."""
        ...

    def forward(self, x: Array) -> Array:
        """All entries z, dropped ones included: (n,) or (k, n), or (n1, n2)."""
        ...
