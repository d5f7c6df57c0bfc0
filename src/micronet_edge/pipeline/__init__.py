"""From a network to proven files: `run` does a job, `prove_again` proves an existing file."""
