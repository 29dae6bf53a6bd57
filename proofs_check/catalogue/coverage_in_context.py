"""Rows of 2306.09927 that say more than the claims of their own name, and statements along the flow that runs cover.

Row -> what decides it (ids of claims, or tests by name) and why. A row is named as its claims: ICL- and the number of a
theorem, lemma or corollary, "eq-" for a displayed equation of its own, or a word.
"""

_FLOW = "test_the_flow_reaches_its_limit_within_its_bounds"

COVERED: dict[str, tuple[tuple[str, ...], str]] = {
    "ICL-4.1": (
        (_FLOW, "ICL-A.2", "ICL-G1", "ICL-G1-attained"),
        "convergence by runs of the flow; its end is a global minimum over all parameters",
    ),
    "ICL-4.2": (
        ("ICL-4.2-linear", "ICL-4.2-cubic", "ICL-4.2-sign", "ICL-4.2-predictor"),
        "exact moments of whole prompts for four label laws against the formula",
    ),
    "ICL-4.2-proof": (
        ("ICL-4.2-cross", "ICL-4.2-II", "ICL-4.2-III"),
        "the terms of the proof, for cubic labels, which are not linear",
    ),
    "ICL-4.3": (("ICL-4.3", "ICL-eq-4.2", "ICL-averaged"), "prediction, error and length of the corollary"),
    "ICL-4.5": (
        (_FLOW, "ICL-C.4", "ICL-C.4-gap", "ICL-C.4-A"),
        "convergence by runs of the flow; the end is the minimum of Lemma C.4",
    ),
    "ICL-eq-4.4": (
        ("ICL-eq-4.4", "ICL-eq-4.4-variance", "ICL-eq-4.4-best"),
        "both limits by their rates, and the limit is the best linear predictor's value",
    ),
    "ICL-A.3": ((_FLOW,), "the balance along runs of the flow"),
    "ICL-A.4": ((_FLOW,), "u stays positive along runs of the flow"),
    "ICL-A.5": ((_FLOW,), "the bound on u along runs of the flow"),
    "ICL-5.4": (
        (_FLOW, "ICL-eq-A.15", "ICL-eq-A.16"),
        "the PL ratio along runs of the flow; the two inequalities of its proof at every state",
    ),
    "ICL-decay": ((_FLOW,), "the envelope of the gap along runs of the flow"),
    "ICL-5.9": ((_FLOW,), "the end of runs of the flow"),
    "ICL-C.5": ((_FLOW,), "the balance along runs of the flow"),
    "ICL-C.6": (
        (_FLOW, "ICL-C.6-display", "ICL-C.6-display-lower"),
        "the conclusion by runs; the displayed equality is false, the inequality that the proof needs is true",
    ),
    "ICL-C.7": ((_FLOW,), "the bound on u along runs of the flow"),
    "ICL-C.8": (
        (_FLOW, "ICL-eq-C.15", "ICL-eq-C.15-squares"),
        "rate and limits by runs of the flow; (C.15) as printed is false, with squares it is true",
    ),
    "ICL-G2": (("test_any_sigma_converges",), "runs from far beyond the condition on sigma"),
    "ICL-G3": (
        ("ICL-G3", "ICL-G3-gap", "test_generic_starts_find_spurious_minima_with_their_names"),
        "the rank-one points are critical and too high; runs end there",
    ),
    "ICL-G4": (
        ("test_minibatch_descent_finds_the_product_and_loses_the_balance",),
        "runs of minibatch descent",
    ),
    "ICL-closed": (
        (
            "ICL-minimum-twice", "ICL-isotropic", "ICL-exponential", "ICL-exponential-trained", "ICL-identity-test",
            "ICL-gradient-step", "ICL-limit-risk", "ICL-limit-risk-a", "ICL-nondiagonal", "ICL-eq-4.8",
        ),
        "section 4 of the page: closed forms beside the paper's",
    ),
}  # fmt: skip
