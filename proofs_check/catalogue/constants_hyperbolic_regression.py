"""Constants of arXiv 2305.00660, reconstructed: correct an entry here against the printed text and check again.

Entries that end in "-sharp", "-low" or "-best" are no constants of the paper: factors of false twins, and derived ones.
"""

_EACH_KIND = {
    "P3-5-u-{k}": "sqrt(n)*exp(R**2)",
    "P3-5-alpha-{k}": "n*exp(R**2)",
    "P3-5-c-{k}": "2*n*R*exp(R**2)",
    "P3-7-lower-{k}": "-4*n*exp(2*R**2)",
    "P3-7-upper-{k}": "8*n*exp(2*R**2)",
    "P3-9-upper-{k}": "1/9",
    "P3-9-lower-{k}": "-1/11",
    "P3-10-u-{k}": "2*sqrt(n)*R*exp(R**2)",
    "P3-10-c-{k}": "sqrt(n)",
    "P3-12-u-{k}": "2*sqrt(n)*R*exp(R**2)",
    "P3-12-c-{k}": "sqrt(n)",
}
# cosh and sinh reach half of e^(R^2) each, and their norms less than sqrt(n) of it.
_FACTORS = {
    "P3-5-u-{k}-sharp": "49/100",
    "P3-5-alpha-{k}-sharp": "49/100",
    "P3-5-c-{k}-sharp": "24/100",
    "P3-7-lower-{k}-sharp": "1/2000",
    "P3-7-upper-{k}-sharp": "1/50",
    "P3-9-upper-{k}-sharp": "1/50",
    "P3-9-lower-{k}-sharp": "1/10000",
    "P3-10-u-{k}-sharp": "24/100",
    "P3-10-c-{k}-sharp": "99/100",
    "P3-11-{k}-sharp": "1/400",
    "P3-12-u-{k}-sharp": "24/100",
    "P3-12-c-{k}-sharp": "99/100",
}

CONSTANTS = {
    entry.format(k=k): text for k in ("exp", "cosh", "sinh") for entry, text in (_EACH_KIND | _FACTORS).items()
} | {
    "P3-6": "exp(-R**2)",
    "P3-6-exp-sharp": "101/100",
    "P3-6-cosh-sharp": "101/100",
    "P3-8": "4*n*exp(2*R**2)",
    "P3-8-low": "n*exp(2*R**2)/100",
    "P3-8-rank": "1/1000",
    "P3-9-weight": "72*n*exp(2*R**2)",
    "P3-11": "n**(3/2)*exp(20*R**2)",
    "P3-13": "n**(3/2)*exp(10*R**2)",
    "P3-13-exp-sharp": "1/50",
    "P3-13-cosh-sharp": "1/1000",
    "P3-13-data-exp-sharp": "1/50",
    "P3-13-data-cosh-sharp": "1/1000",
    "P3-13-best-exp": "P*R*exp(R**2)/(n*exp(-R**2/sqrt(n)))",
    "P3-13-best-exp-sharp": "9/10",
    "P3-13-best-cosh": "P*R*sinh(R**2)/n",
    "P3-13-best-cosh-sharp": "1/20",
}
