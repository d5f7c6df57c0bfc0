"""The measuring: how files are timed side by side, and what the figures are worth."""
