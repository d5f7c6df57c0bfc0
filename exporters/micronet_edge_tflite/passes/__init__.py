"""Passes that only TFLite files need."""
