"""Rows about softmax and attention regression that other claims cover, or that say more than one claim does."""

COVERED = {
    "C19": (("P1-1", "F13"), "the tensor trick's identity: true row by row, false column by column"),
    "P0-7": (("P0-5", "P0-6"), "the informal theorem is the two shift theorems together"),
    "P1-5": (
        ("P0-1.3", "P1-4-f", "P0-3.5"),
        "a block is a vector problem with d^2 columns, so its 1/alpha differentiates as in P0-1.3; c = f - b moves as f",
    ),
    "P1-9": (
        ("P0-3.0", "P0-2", "P0-3.6-f", "P0-3.6-c", "P1-9-h", "P1-9-q"),
        "the bounds of u, alpha, f and c are those of a vector problem with d^2 columns",
    ),
    "P1-10": (
        ("K4", "K7", "P1-10-alpha", "P1-10-alpha-inverse", "P1-10-h", "P1-10-q"),
        "u and f of a block are those of a vector problem with d^2 columns; c moves as f",
    ),
    "P1-11": (
        ("P1-11-u", "P0-6-best", "P1-11-alpha", "P1-11-alpha-inverse", "P1-11-h", "P1-11-q", "P1-11-kron"),
        "f and c of a block move with A as the prediction of P0-6-best",
    ),
    "F8": (
        ("F8", "F8-matrix", "P0-5", "P0-6", "P1-13", "P1-14"),
        "the theorems hold and are loose; F8 bounds the conclusion without them",
    ),
    "F9": (("F9", "F9-match", "P0-8", "P0-8-equal"), "opposite and matching data moves; closeness does not follow"),
    "F13": (("F13", "F13-swapped", "P1-7-column"), "column-major vec with A1 (x) A2, in values and in gradients"),
    "7-JE-2.9": (("JE-2.9", "JE-2.9-half"), "the printed tail against an exact binomial one"),
    "7-JE-4.1": (("F4",), "probabilities above the leverage scores"),
    "7-AS-kron": (("AS-kron", "AS-kron-m1"), "the printed index of a Kronecker product"),
    "7-AS-q": (("AS-q",), "the two definitions of q are transposes"),
}
