"""From labelled images to a checkpoint: data, recipe, training loop, distributed runs and the report."""
