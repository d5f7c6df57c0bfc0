"""The demo: a trained MicroNet becomes files that classify digits, with all that it needs inside."""
