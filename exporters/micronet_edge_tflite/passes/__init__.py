"""Passes that serve LiteRT alone."""
