"""Statements of the derived constants, of 2305.00660 and of the Newton scheme that have no claim of their own name.

Row id of the source page -> what decides it (ids of claims, or tests by name) and why.
"""

COVERED: dict[str, tuple[tuple[str, ...], str]] = {
    "K12'": (
        ("K12-prime-lower", "K12-prime-upper"),
        "both ends of the range of normalized cosh",
    ),
    "N1": (
        ("P3-8-exp", "P3-11-exp", "K15-exp", "K16-exp"),
        "a definition: part (i) is P3-8, part (ii) P3-11 with the sharp constants K15 and K16; part (iii) is a choice",
    ),
    "N3'": (
        ("N3-prime", "N3-prime-euclidean", "N3-prime-exp"),
        "for quadratics with any approximate Hessian, and for softmax with a scaled one",
    ),
    "N6": (
        ("F4", "test_sampling_of_rows_has_the_stated_tail"),
        "a statement about probabilities: exact binomial tails of N6' on rows with one column; sampling is F4",
    ),
    "N6'": (
        ("test_sampling_of_rows_has_the_stated_tail",),
        "exact binomial tails in rational arithmetic, for rows with one column",
    ),
    "P3-14": (
        ("N3", "N4", "N5", "N3-prime", "test_sketched_newton_in_both_norms", "test_iterations_of_the_main_theorem"),
        "the rate and the count are the claims; runs of the sketched Newton solver show both norms",
    ),
    "F6": (
        ("D1", "D1-normalized", "D2", "D1-exp", "P3-8-cosh", "P3-8-sinh"),
        "0 is critical (cosh) or minimal (sinh), and P3-8 makes it unique; exp is not trivial",
    ),
    "6.4": (
        ("DLS-psd", "DLS-upper", "DLS-lower", "DLS-lipschitz", "LSZ-exp", "LSZ-cosh", "LSZ-sinh"),
        "the bounds of the two relatives, each with its sharp threshold beside it",
    ),
}
