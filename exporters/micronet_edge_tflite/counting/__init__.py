"""What a TFLite file costs, from its own graph."""
