"""Best constants for two rows, derived and proved; entries that end in "-sharp" are the factors of the false twins."""

CONSTANTS = {
    "K10-two": "(41904/100000)**2",
    "K10-two-sharp": "(41902/41904)**2",
    "K12-two-lower": "-24042/100000",
    "K12-two-lower-sharp": "24040/24042",
    "K12-two-upper": "30813/100000",
    "K12-two-upper-sharp": "30811/30813",
}
