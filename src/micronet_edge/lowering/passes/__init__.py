"""Exact passes, one to a file."""
