"""What every other part uses and none owns: text, files, processes."""
