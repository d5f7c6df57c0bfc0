"""What runs on a device: standard library, numpy and the runtime found there, Python 3.9 or later.

`packing.py` makes one file of this package. Nothing here imports anything of micronet_edge.
"""
