"""The seam between a network and the file formats."""
