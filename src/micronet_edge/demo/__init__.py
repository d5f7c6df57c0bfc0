"""The demo: a trained MicroNet becomes files that classify handwritten digits, with all that it needs inside."""
