"""The header of a C file: sizes, scales, labels, and how to call it."""

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge_c.program.buffers import ALIGNMENT, FLOAT
from micronet_edge_c.writer.c_file import Named, argmax_signature, run_signature
from micronet_edge_c.writer.identifiers import comment_text, string_literal
from micronet_edge_c.writer.numbers import float_text


def arena_bytes(named: Named) -> int:
    """Bytes of the arena; kernels read, but never use, up to a vector behind their last buffer."""
    return named.plan.size_bytes + ALIGNMENT


def header_text(named: Named, metadata: FileMetadata, scores: QuantParams | None) -> str:
    """The text of the header.

    Args:
        named: the program.
        metadata: of the network.
        scores: the quantization parameters of the scores; None for float32.
    """
    prefix, image = named.prefix, named.program.image
    macros: dict[str, object] = {
        "INPUT_HEIGHT": image.height,
        "INPUT_WIDTH": image.width,
        "INPUT_CHANNELS": image.channels,
        "INPUT_BYTES": image.elements * image.element_bytes,
        "OUTPUTS": named.program.scores.elements,
        "ARENA_BYTES": arena_bytes(named),
    }
    if scores is not None:
        macros |= {"OUTPUT_SCALE": float_text(scores.scale), "OUTPUT_ZERO_POINT": scores.zero_point}
    defines = "\n".join(f"#define {prefix}_{name} {value}" for name, value in macros.items())
    guard = f"{prefix}_H"
    return f"""/* {comment_text(metadata.variant)}: see {named.stem}.c */
#ifndef {guard}
#define {guard}

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

{defines}

/* Computes the scores of an image. {_image_note(named, metadata)}
   `arena` is scratch memory of {prefix}_ARENA_BYTES bytes, aligned to {ALIGNMENT} bytes; between calls it may
   hold anything else. {_scores_note(prefix, scores)} */
{run_signature(named)};

/* The number of the class with the highest score, the first one of equals. */
{argmax_signature(named)};

#ifdef {prefix}_LABELS
static const char *const {named.name}_labels[{prefix}_OUTPUTS] = {{
{_labels(named, metadata)}
}};
#endif

#ifdef __cplusplus
}}
#endif

#endif
"""


def _image_note(named: Named, metadata: FileMetadata) -> str:
    image, order = named.program.image, metadata.preprocessing.color_order
    shape = f"{image.height} x {image.width} pixels of {image.channels}"
    if image.ctype == FLOAT:
        return f"`image` holds {shape} float32 ({order}),\n   normalized, row by row, channels adjacent."
    value = "the pixel, 0 to 255" if image.ctype == "uint8_t" else "the pixel less 128"
    if metadata.pixels == "normalized":
        value = "as the comment in the C file says"
    return f"`image` holds {shape} bytes ({order}),\n   row by row, channels adjacent; a byte is {value}."


def _scores_note(prefix: str, scores: QuantParams | None) -> str:
    if scores is None:
        return "`scores` receives one float for each class."
    return (
        f"`scores` receives one byte s for each class, which\n"
        f"   stands for {prefix}_OUTPUT_SCALE * (s - {prefix}_OUTPUT_ZERO_POINT)."
    )


def _labels(named: Named, metadata: FileMetadata) -> str:
    count = named.program.scores.elements
    labels = [*metadata.labels, *map(str, range(len(metadata.labels), count))][:count]
    return ",\n".join(f"    {string_literal(label)}" for label in labels)
