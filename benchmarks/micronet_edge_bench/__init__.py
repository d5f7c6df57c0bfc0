"""The bench: times files against each other, with intervals."""
