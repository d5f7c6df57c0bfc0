"""Layers that only move numbers: shuffles that no kernel does while it writes, and views."""

import numpy as np
from torch import nn

from micronet_edge.counting.graph import Arithmetic
from micronet_edge.lowering.ir.primitives import Frame
from micronet_edge.lowering.ir.reorder import GatheredReorder
from micronet_edge.models import ChannelShuffle
from micronet_edge_c.operators import OPERATORS
from micronet_edge_c.program.buffers import UINT16
from micronet_edge_c.program.steps import Pointer
from micronet_edge_c.writer.call import Call, rows_and_columns
from micronet_edge_c.writer.layout import is_view, reads_arena, shuffle_of


@OPERATORS.writes(ChannelShuffle, GatheredReorder)
def write_shuffle(_layer: nn.Module, call: Call) -> None:
    order = shuffle_of(call.node)
    x, y = call.read(), call.result()
    function = "micronet_permute" if call.integer else "micronet_f32_permute"
    arguments = (
        *(Pointer(x), Pointer(y, written=True), *rows_and_columns(x, y), x.channels, x.pitch, y.pitch),
        call.integers("order", UINT16, np.array(order)),
    )
    call.step("permute", function, arguments, Arithmetic())


@OPERATORS.writes(nn.Flatten, supports=is_view)
def write_flatten(_layer: nn.Flatten, call: Call) -> None:
    call.program.share(call.node, call.read(), integer=call.integer)


@OPERATORS.writes(Frame, supports=lambda node: not reads_arena(node))
def write_frame(_layer: Frame, call: Call) -> None:
    """The convolution that reads the image reads what is around it as well."""
    x = call.program.as_it_is(call.sources[0], integer=call.integer)
    call.program.share(call.node, x, integer=call.integer)
