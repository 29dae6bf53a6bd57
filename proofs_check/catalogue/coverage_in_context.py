"""Rows of 2306.09927 that say more than the claims of their own name; along the flow, what is certified and what runs add.

Row -> what decides it (ids of claims, or tests by name) and why. A row is named as its claims: ICL- and the number of a
theorem, lemma or corollary, "eq-" for a displayed equation of its own, or a word.
"""

_FLOW = "test_the_flow_reaches_its_limit_within_its_bounds"

COVERED: dict[str, tuple[tuple[str, ...], str]] = {
    "ICL-4.1": (
        ("ICL-4.1", "ICL-4.1-entry", "ICL-5.9", "ICL-A.2", "ICL-G1", "ICL-G1-attained", _FLOW),
        "convergence by certified flows, at sampled times; its end is a global minimum over all parameters",
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
        ("ICL-4.5", "ICL-4.5-entry", "ICL-C.8-limits", "ICL-C.4", "ICL-C.4-gap", "ICL-C.4-A", _FLOW),
        "convergence by certified flows, at sampled times; the end is the minimum of Lemma C.4",
    ),
    "ICL-eq-4.4": (
        ("ICL-eq-4.4", "ICL-eq-4.4-variance", "ICL-eq-4.4-best"),
        "both limits by their rates, and the limit is the best linear predictor's value",
    ),
    "ICL-A.3": (("ICL-A.3", "ICL-A.3-flow", _FLOW), "the balance as an identity at every state, and along flows"),
    "ICL-A.4": (("ICL-A.4", "ICL-A.4-start", "ICL-A.4-zero", _FLOW), "u > 0 along flows, and the steps of the proof"),
    "ICL-A.5": (("ICL-A.5", _FLOW), "the bound on the least u along certified flows"),
    "ICL-5.4": (
        ("ICL-5.4", "ICL-eq-A.15", "ICL-eq-A.16", _FLOW),
        "the PL ratio along certified flows; the two inequalities of its proof at every state",
    ),
    "ICL-decay": (("ICL-decay", _FLOW), "the envelope of the gap along certified flows"),
    "ICL-5.9": (("ICL-5.9", "ICL-4.1-entry", _FLOW), "the end of certified flows, and why it is their limit"),
    "ICL-C.5": (("ICL-C.5", "ICL-C.5-flow", _FLOW), "the balance as an identity at every state, and along flows"),
    "ICL-C.6": (
        ("ICL-C.6", "ICL-C.6-display", "ICL-C.6-display-lower", _FLOW),
        "the conclusion by certified flows; the displayed equality is false, the inequality that the proof needs is true",
    ),
    "ICL-C.7": (("ICL-C.7", "ICL-C.7-exponential", _FLOW), "the bound on the least u along certified flows"),
    "ICL-C.8": (
        ("ICL-C.8", "ICL-C.8-decay", "ICL-C.8-limits", "ICL-eq-C.15", "ICL-eq-C.15-squares", _FLOW),
        "rate and limits by certified flows; (C.15) as printed is false, with squares it is true",
    ),
    "ICL-G2": (
        ("ICL-G2", "ICL-G2-entry", "ICL-G2-random", "test_any_sigma_converges"),
        "certified flows and runs from far beyond the condition on sigma",
    ),
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
