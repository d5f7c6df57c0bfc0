"""Pages and plots: single files, nothing beside them."""
