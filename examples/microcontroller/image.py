"""Writes an image as the bytes that a network in C takes: python image.py NAME.c IMAGE OUTPUT."""

import sys
from pathlib import Path

import micronet_edge
from micronet_edge_c.image import image_bytes
from micronet_edge_c.metadata import read_description


def write_image(network: Path, image: Path, output: Path) -> None:
    """Resizes and crops the image as the network's metadata says, and writes it in the network's layout."""
    metadata = micronet_edge.read_metadata(network)
    pixels = image_bytes(metadata.preprocessing.batch([image]), read_description(network), metadata)
    output.write_bytes(pixels.tobytes())
    print(f"{output}: {pixels.nbytes:,} bytes, {' x '.join(map(str, pixels.shape[1:]))}, {pixels.dtype}")


if __name__ == "__main__":
    if len(sys.argv) != 4:  # noqa: PLR2004 - the script and its three files
        sys.exit(__doc__)
    write_image(*map(Path, sys.argv[1:]))
