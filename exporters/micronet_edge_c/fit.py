"""Which network fits into which microcontroller at which input size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

import msgspec
import torch
from torch import fx, nn

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.lowering import lower
from micronet_edge.lowering.ir.graph import note_shapes
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import calibrated_tensors
from micronet_edge.util.threads import one_thread
from micronet_edge_c.pipelines import microcontroller
from micronet_edge_c.program.bands import with_bands
from micronet_edge_c.program.buffers import INT8
from micronet_edge_c.program.flash import CODE_BYTES, flash_bytes
from micronet_edge_c.program.memory_plan import plan_memory
from micronet_edge_c.quantized_graph import quantized_graph
from micronet_edge_c.target import COSTS
from micronet_edge_c.write_program import write_program

SIZES = (96, 128, 160, 192, 224)
"""Input sizes in pixels."""

_BITS = 8
_ANY_RANGE = (-1.0, 1.0)
"""Ranges change the numbers of a file, not its size."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a network takes at an input size, in int8.

    `flash_bytes` are weights, tables and the most that code takes; `sram_bytes` are the arena and the scores.
    """

    network: str
    input_size: int
    flash_bytes: int
    sram_bytes: int

    def fits(self, flash_bytes: int, sram_bytes: int) -> bool:
        """Whether flash and SRAM of these sizes hold it."""
        return self.flash_bytes <= flash_bytes and self.sram_bytes <= sram_bytes


class Board(msgspec.Struct, frozen=True):
    """A microcontroller board; sizes in units of 1,024 bytes, as its maker gives them."""

    name: str
    core: str
    flash_kb: int
    sram_kb: int


def boards() -> tuple[Board, ...]:
    """Common boards."""
    text = files(__package__).joinpath("boards.json").read_bytes()
    return msgspec.json.decode(text, type=tuple[Board, ...])


def footprints(
    network: nn.Module, metadata: FileMetadata, sizes: Sequence[int] = SIZES
) -> Iterator[Footprint]:
    """What a network takes at each of the sizes.

    Raises:
        MicronetEdgeError: on a network that the C target cannot express.
    """
    with one_thread():
        lowered = lower(network, microcontroller(COSTS), sizes[0]).network
        for size in sizes:
            note_shapes(lowered, torch.zeros(1, 3, size, size))
            preprocessing = replace(
                metadata.preprocessing, size=size, resize=max(size, metadata.preprocessing.resize)
            )
            yield _footprint(lowered, replace(metadata, preprocessing=preprocessing))


def _footprint(network: fx.GraphModule, metadata: FileMetadata) -> Footprint:
    ranges = dict.fromkeys(calibrated_tensors(network), _ANY_RANGE)
    qparams = assign_qparams(network, ranges, _BITS)
    quantized = QuantizedNetwork(network, metadata.preprocessing, qparams)
    program = with_bands(write_program(quantized_graph(quantized), INT8))
    arena = plan_memory(program).size_bytes
    return Footprint(
        metadata.variant,
        metadata.preprocessing.size,
        flash_bytes(program) + CODE_BYTES,
        arena + program.scores.size_bytes,
    )
