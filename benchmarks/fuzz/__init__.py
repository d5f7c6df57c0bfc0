"""A fuzzer: thousands of bad command lines and damaged files, and rules for the outcome of each run."""
