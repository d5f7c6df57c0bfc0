"""Bad command lines and damaged files, many thousands of them, and what every one of them must end in."""
