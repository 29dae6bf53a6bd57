"""Constants of arXiv 2304.13276, reconstructed: correct an entry here against the printed text and check again."""

# beta, the lower bound of <exp(Ax), 1>, is exp(-R^2) in the paper's school of notation.
CONSTANTS = {
    "P0-2": "exp(-R**2)",
    "P0-3.0": "sqrt(n)*exp(R**2)",
    "P0-3.1": "2*sqrt(n)*R*exp(R**2)",
    "P0-3.4": "exp(2*R**2)*n**(3/2)*exp(3*R**2)",
}
