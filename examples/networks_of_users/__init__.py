"""Networks as their authors write them, without a thought of export; `catalogue.py` lists them."""
