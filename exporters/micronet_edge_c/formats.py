"""What an image may be in a C file, besides the float32 and int8 of other formats."""

UINT8_IO = "uint8"
"""Pixels as cameras give them, 0 to 255."""
