"""Passes that serve the C target alone."""
