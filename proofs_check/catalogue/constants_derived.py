"""Sharp constants, derived."""

CONSTANTS = {
    "K4-exp": "R*exp(R**2)",
    "K4-cosh": "R*sinh(R**2)",
    "K4-sinh": "R*cosh(R**2)",
    "K7": "R/2",
}
