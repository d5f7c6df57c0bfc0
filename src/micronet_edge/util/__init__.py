"""Shared utilities: text, files, processes."""
