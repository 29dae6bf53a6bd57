"""Constants of arXiv 2305.00660, reconstructed: correct an entry here against the printed text and check again."""

CONSTANTS = {
    "P3-6": "exp(-R**2)",
    "P3-11": "n**(3/2)*exp(20*R**2)",
}
