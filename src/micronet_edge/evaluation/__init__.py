"""How often a network or a file is right."""
