"""What compilers expect of hardware that is not at hand: estimates, never measurements."""
