"""Constants of the statements of 2306.09927 along the flow; "-sharp" entries are the factors of false twins.

start = ||Lambda Theta||_F^2, or ||E[Lambda] Theta||_F^2; Gamma, Lambda and second are operator norms of Gamma, Lambda and
E[Lambda^2]; moment = E[||Gamma||_op ||Lambda||_F^2]; traces = tr(Gamma^-1 Lambda^-1) tr(Lambda^-1); nu = the least of eta_i
and zeta_ij.
"""

_START = "sigma**2*start*(2 - sqrt(d)*sigma**2*Gamma)"
_RANDOM = "sigma**2*(2*start - sqrt(d)*sigma**2*moment)"

CONSTANTS = {
    "ICL-A.4-start": "sigma**2/2*start*(sqrt(d)*sigma**2*Gamma - 2)",
    "ICL-A.4-start-sharp": "101/100",
    "ICL-A.5": f"{_START}/(2*sqrt(d)*Lambda**2)",
    "ICL-A.5-sharp": "101/100",
    "ICL-A.5-ten": "10",
    "ICL-5.4": f"{_START}/(sqrt(d)*Lambda**2*traces)",
    "ICL-5.4-sharp": "5/2",
    "ICL-5.4-twice": "2",
    "ICL-5.4-best": "201/100",
    "ICL-decay-sharp": "99/100",
    "ICL-C.7": f"{_RANDOM}/(2*sqrt(d)*second)",
    "ICL-C.7-sharp": "101/100",
    "ICL-C.7-exponential-sharp": "2",
    "ICL-C.8": f"nu*{_RANDOM}/(2*sqrt(d)*second)",
    "ICL-C.8-sharp": "10",
    "ICL-C.8-exponential-sharp": "100",
    "ICL-C.8-twice": "2",
    "ICL-C.8-twice-sharp": "5/2",
    "ICL-C.8-decay-sharp": "99/100",
}
