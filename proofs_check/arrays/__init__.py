"""Numbers and arrays of claims, and the back ends that they run on: exact, balls, symbols, digits, floats."""
