"""Constants of statements that relatives of the three papers print."""

CONSTANTS = {
    "JE-2.9": "exp(-s*e**2/(v + g*e/3))",
    "JE-2.9-half": "exp(-s*e**2/(2*(v + g*e/3)))",
    "JE-2.9-half-sharp": "7/10",
}
