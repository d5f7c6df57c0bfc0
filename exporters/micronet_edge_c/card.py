"""The code that a C file's model card shows."""

from pathlib import Path

from micronet_edge.data.metadata import FileMetadata
from micronet_edge_c.c_files import header_name
from micronet_edge_c.writer.identifiers import identifier

_CALL = """\
#define {prefix}_LABELS  /* for the labels */
#include "{header}"

static uint8_t arena[{prefix}_ARENA_BYTES] __attribute__((aligned(16)));

int classify(const {image} *image) {{  /* {height} x {width} pixels of {channels}, as above */
  static {scores} scores[{prefix}_OUTPUTS];
  {name}_run(image, scores, arena);
  return {name}_argmax(scores);  /* {name}_labels[...] is its name */
}}"""


def card_code(file: str, metadata: FileMetadata) -> dict[str, tuple[str, str]]:
    """A function that classifies an image."""
    stem = Path(file).stem
    name = identifier(stem)
    channels, height, width = metadata.preprocessing.shape
    types = {"float32": "float", "int8": "int8_t", "uint8": "uint8_t"}
    text = _CALL.format(
        name=name,
        prefix=name.upper(),
        header=header_name(file),
        image=types[metadata.io],
        scores=types["float32" if metadata.precision == "float32" else "int8"],
        height=height,
        width=width,
        channels=channels,
    )
    return {"C": ("c", text)}
