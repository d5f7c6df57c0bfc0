"""Fits the table of costs to a device, by the latency of whole networks there."""
