"""Constants of 2306.09927; entries that end in "-sharp" are the factors of false twins."""

CONSTANTS = {
    "ICL-rates": "1",
    "ICL-rates-sharp": "99/100",
    "ICL-rates-gap": "1",
    "ICL-rates-gap-sharp": "101/100",
    "ICL-noiseless-bound": "d+1",
    "ICL-noiseless-bound-sharp": "99/100",
    "ICL-averaged-first": "d+1",
    "ICL-averaged-first-sharp": "99/100",
    "ICL-averaged-second": "1+2*d+d**2*kappa",
    "ICL-averaged-second-sharp": "99/100",
    "ICL-4.3": "1+2*d+d**2*kappa",
    "ICL-4.3-sharp": "99/100",
    "ICL-eq-4.4": "1/N",
    "ICL-eq-4.4-sharp": "99/100",
    "ICL-eq-4.7-N": "1/N",
    "ICL-eq-4.7-N-sharp": "99/100",
    "ICL-eq-4.8-limit": "2/M",
    "ICL-eq-4.8-limit-sharp": "99/100",
    "ICL-covariate-scaling-N": "c**2/N",
    "ICL-covariate-scaling-N-sharp": "99/100",
}
