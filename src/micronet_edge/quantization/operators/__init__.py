"""What the quantization knows of each operator: one file each, and `registry.py` as the table of them."""
