"""Fits the table of costs to a device, by what whole networks take there."""
