"""A target of a stranger's: TorchScript files, written, proven, measured and tuned through the seam alone."""
