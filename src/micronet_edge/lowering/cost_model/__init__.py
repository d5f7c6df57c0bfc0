"""Costs of operators in each runtime, and the choice of the cheapest channel orders."""
