"""The runner on a device: needs Python 3.9 or later, numpy and a runtime.

`packing.py` packs this package into one file. Nothing here imports micronet_edge.
"""
