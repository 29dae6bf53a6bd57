"""Covariance laws of a user's own, from npz files."""

from pathlib import Path

from numeric.in_context.covariance import CovarianceMixture, eigenvalue_samples
from numeric.loading import read_arrays
from numeric.validation import InputError, real_array

KEYS = "Lambda (d x d, or k x d x d) or eigenvalues (k x d) [and weights (k)]"


def load_covariance(path: str | Path) -> CovarianceMixture:
    """Read a law of the covariance Lambda; keys other than these are ignored.

    The file holds `Lambda`, one covariance (d x d) or k samples of it (k x d x d, any positive definite matrices), or
    `eigenvalues`, k samples of the diagonal of diagonal ones (k x d); and `weights`, k probabilities, if the samples
    are not equally likely. Samples stand for the law: what is computed is exact for their mixture.

    Args:
        path: an npz file.

    Raises:
        InputError: the file cannot be read, lacks the keys or has both, or holds no covariances.
    """
    arrays = read_arrays(Path(path), {"Lambda", "eigenvalues", "weights"}.__contains__, KEYS)
    weights, found = arrays.pop("weights", None), sorted(arrays)
    if len(found) != 1:
        got = " and ".join(found) or "neither of them"
        raise InputError(f"{path}: a covariance law needs the keys {KEYS}; the file has {got}")
    try:
        if "eigenvalues" in arrays:
            return eigenvalue_samples(arrays["eigenvalues"], weights)
        return CovarianceMixture(real_array("Lambda", arrays["Lambda"], (2, 3)), weights)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
