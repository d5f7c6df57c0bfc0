"""A network in float32 becomes one in integers: ranges, simulation, corrections, sensitivity, the recipe."""
