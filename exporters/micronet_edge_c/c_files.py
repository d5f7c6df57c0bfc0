"""The files of a network in C: the network itself, its header and its test."""

from pathlib import Path

import msgspec
import numpy as np
import torch

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.graph import only_input
from micronet_edge.lowering.passes.fold_input_normalization import pixels_of
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.common import as_written
from micronet_edge.targets.protocol import INT8_IO, UINT8_IO, ExportSpec
from micronet_edge_c.compiling import kernel_headers
from micronet_edge_c.image import image_bytes
from micronet_edge_c.metadata import Description, description_comment
from micronet_edge_c.program.bands import with_bands
from micronet_edge_c.program.buffers import FLOAT, INT8, UINT8
from micronet_edge_c.program.memory_plan import plan_memory
from micronet_edge_c.write_program import write_program
from micronet_edge_c.writer.arduino import arduino_library
from micronet_edge_c.writer.board_check import self_test_text
from micronet_edge_c.writer.c_file import Named, c_text
from micronet_edge_c.writer.graph_of import graph_of
from micronet_edge_c.writer.head_comment import head_comment
from micronet_edge_c.writer.header import arena_bytes, header_text
from micronet_edge_c.writer.identifiers import file_stem, identifier


def write_quantized(quantized: QuantizedNetwork, spec: ExportSpec, path: Path, image: Images) -> None:
    """Writes the files of a quantized network.

    Args:
        quantized: the network as `quantized_graph` gives it.
        spec: what to write.
        path: of the C file.
        image: of the test, [1, channels, height, width], preprocessed.

    Raises:
        TargetError: on a layer that no kernel computes.
    """
    network = quantized.network
    given, end = next(iter(network.graph.nodes)), next(iter(reversed(network.graph.nodes)))
    pixels = pixels_of(network)
    description = Description(
        name=identifier(path.stem),
        image_type=UINT8 if spec.ends.io == UINT8_IO else INT8,
        image=quantized.tensor_qparams[tensor_name(pixels or given)],
        scores=quantized.qparams(only_input(end)),
        texts=as_written(
            spec,
            layout="NHWC",
            io=UINT8_IO if spec.ends.io == UINT8_IO else INT8_IO,
            pixels="normalized" if pixels is None else "raw",
        ).to_texts(),
    )
    assert description.image is not None
    assert description.scores is not None
    if not quantized.is_integer(given):  # the first layer is in float32, and yet the image comes in integers
        levels = description.image.integers(image) - description.image.zero_point
        image = levels.astype(np.float32) * np.float32(description.image.scale)
    with torch.no_grad():
        logits = Simulation(quantized)(torch.from_numpy(image)).numpy()[0]
    scores = description.scores.integers(logits)
    _write(quantized, description, spec, path, (image, scores))


def write_float(network: QuantizedNetwork, spec: ExportSpec, path: Path, image: Images) -> None:
    """Writes the files of a network that computes in float32 throughout. Raises as `write_quantized`."""
    description = Description(
        name=identifier(path.stem),
        image_type=FLOAT,
        image=None,
        scores=None,
        texts=as_written(spec, layout="NHWC").to_texts(),
    )
    with torch.no_grad():
        scores = network.network(torch.from_numpy(image)).numpy()[0]
    _write(network, description, spec, path, (image, scores))


Example = tuple[Images, "np.ndarray[tuple[int, ...], np.dtype[np.generic]]"]
"""An image and its scores."""


def _check_fits(named: Named, sram_bytes: int | None) -> None:
    if sram_bytes is not None and arena_bytes(named) > sram_bytes:
        raise TargetError(
            f"the arena takes {arena_bytes(named):,} bytes, more than the {sram_bytes:,} of --sram: give a "
            "smaller --input-size or another variant; `micronet-edge fit` shows what fits"
        )


def _write(
    quantized: QuantizedNetwork, description: Description, spec: ExportSpec, path: Path, example: Example
) -> None:
    program = with_bands(write_program(quantized, description.image_type))
    named = Named(program, plan_memory(program), description.name, file_stem(path.stem))
    _check_fits(named, spec.memory.sram_bytes)
    whole = msgspec.structs.replace(description, arena_bytes=arena_bytes(named), graph=graph_of(program))
    metadata = FileMetadata.from_texts(dict(whole.texts), str(path))
    image, scores = image_bytes(example[0], whole, metadata), example[1]
    comments = head_comment(named, metadata), description_comment(whole)
    path.write_text(c_text(named, *comments, spec.memory.weights_section))
    path.with_name(header_name(path.name)).write_text(header_text(named, metadata, whole.scores))
    path.with_name(self_test_name(path.name)).write_text(self_test_text(named, image, scores))
    if spec.arduino:
        sources = {
            f"{named.stem}.c": path.read_bytes(),
            f"{named.stem}.h": path.with_name(header_name(path.name)).read_bytes(),
        }
        library = arduino_library(named, sources | kernel_headers(), (image, scores))
        path.with_name(arduino_name(path.name)).write_bytes(library)


def header_name(name: str) -> str:
    """The name of the header of a C file of that name."""
    return f"{file_stem(Path(name).stem)}.h"


def self_test_name(name: str) -> str:
    """The name of the test of a C file of that name."""
    return f"{file_stem(Path(name).stem)}_test.c"


def arduino_name(name: str) -> str:
    """The name of the Arduino library of a C file of that name."""
    return f"{file_stem(Path(name).stem)}-arduino.zip"
