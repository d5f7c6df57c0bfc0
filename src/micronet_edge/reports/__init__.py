"""Pages and plots as self-contained files."""
