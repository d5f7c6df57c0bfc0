"""The baselines: networks to compare MicroNet with, defined from their papers, exported in the same way."""
