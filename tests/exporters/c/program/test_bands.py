"""Bands of rows change where a program keeps its numbers, not the numbers."""

import numpy as np
import pytest
import torch
from exporters.c.every_tensor import library, scores_of
from exporters.c.networks import IMAGES, METADATA, PIXELS, lowered
from quantization.networks import quantized

from micronet_edge.lowering.ir.graph import only_input
from micronet_edge_c.program.bands import with_bands
from micronet_edge_c.program.buffers import UINT8
from micronet_edge_c.program.memory_plan import plan_memory
from micronet_edge_c.quantized_graph import quantized_graph
from micronet_edge_c.write_program import write_program


@pytest.fixture(scope="module", params=["m0", pytest.param("m1", marks=pytest.mark.slow)])
def found(request):
    return quantized_graph(quantized(lowered(request.param), given=IMAGES))


def test_bands_give_the_same_scores_in_less_memory(found, tmp_path):
    whole = write_program(found, UINT8)
    banded = with_bands(whole)
    *_, end = found.network.graph.nodes
    image = np.ascontiguousarray(PIXELS[0].permute(1, 2, 0).numpy())
    results = []
    for number, program in enumerate((whole, banded)):
        folder = tmp_path / str(number)
        folder.mkdir()
        named, function = library(
            program, plan_memory(program), METADATA, found.qparams(only_input(end)), folder
        )
        results.append(scores_of(named, function, image))
    assert np.array_equal(*results)
    assert any(step.bands is not None for step in banded.steps)
    assert plan_memory(banded).size_bytes < 0.8 * plan_memory(whole).size_bytes


def test_a_result_never_lies_over_rows_that_are_still_to_be_read(found):
    program = with_bands(write_program(found, UINT8))
    offsets = plan_memory(program).offsets
    loops = {}
    for step in program.steps:
        if step.bands is not None:
            loops.setdefault(step.bands, []).append(step)
    trailing = 0
    for bands, (first, second) in loops.items():
        x, y = first.arguments[0], second.arguments[2]
        if x.buffer not in offsets or y.buffer not in offsets:
            continue
        read_from = offsets[x.buffer] + x.buffer.start + x.offset
        read_to = offsets[x.buffer] + x.buffer.size_bytes
        for band in range(bands.count - 1):
            start = offsets[y.buffer] + y.buffer.start
            written = range(start, start + y.per_band * (band + 1))
            unread = range(read_from + x.per_band * (band + 1), read_to)
            assert written.stop <= unread.start or written.start >= unread.stop
            trailing += written.stop > offsets[x.buffer]
    assert trailing


def test_a_program_without_pairs_stays_as_it_is(found):
    program = with_bands(write_program(found, UINT8))
    assert with_bands(program) is program


def test_images_differ_so_that_a_wrong_row_would_show():
    assert torch.unique(PIXELS).numel() > 200
