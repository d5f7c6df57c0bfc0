"""Runs a program with memory of its own for every buffer, so that each can be read afterwards."""

import ctypes
from pathlib import Path

import numpy as np

from micronet_edge_c.compiling import compile_library
from micronet_edge_c.program.memory_plan import MemoryPlan
from micronet_edge_c.writer.c_file import Named, c_text
from micronet_edge_c.writer.header import arena_bytes, header_text

DTYPES = {"int8_t": np.int8, "int16_t": np.int16, "int32_t": np.int32, "float": np.float32}


def plan_without_reuse(program):
    buffers = dict.fromkeys(
        buffer for step in program.steps for buffer in (*step.writes, *step.scratch) if buffer.in_arena
    )
    offsets, end = {}, 0
    for buffer in buffers:
        offsets[buffer] = end
        end += buffer.size_bytes + 16
    return MemoryPlan(offsets, end, end)


def run(program, image, metadata, scores_qparams, folder: Path):
    """The tensors by name, [c, h, w], and the scores."""
    named, function = library(program, plan_without_reuse(program), metadata, scores_qparams, folder)
    arena, scores = np.zeros(arena_bytes(named) + 16, np.uint8), scores_array(named)
    start = -arena.ctypes.data % 16
    function(image.ctypes.data, scores.ctypes.data, arena.ctypes.data + start)
    offsets = named.plan.offsets.items()
    found = {buffer.name: read(arena[start:], buffer, offset) for buffer, offset in offsets}
    return found, scores


def library(program, plan, metadata, scores_qparams, folder: Path):
    """The program with its plan, and its function, compiled for this machine."""
    named = Named(program, plan, "network", "network")
    (folder / "network.c").write_text(c_text(named, "", ""))
    (folder / "network.h").write_text(header_text(named, metadata, scores_qparams))
    compile_library(folder / "network.c", folder / "network.so")
    function = ctypes.CDLL(str(folder / "network.so")).network_run
    function.argtypes, function.restype = [ctypes.c_void_p] * 3, None
    return named, function


def scores_of(named, function, image):
    """The scores of an image, in memory that holds something else before."""
    arena, scores = np.full(arena_bytes(named) + 16, 0x5A, np.uint8), scores_array(named)
    function(image.ctypes.data, scores.ctypes.data, arena.ctypes.data + -arena.ctypes.data % 16)
    return scores


def scores_array(named):
    return np.empty(named.program.scores.elements, DTYPES[named.program.scores.ctype])


def read(arena, buffer, offset):
    rows = [
        arena[offset + buffer.start + row * buffer.pitch :][: buffer.row_bytes].view(DTYPES[buffer.ctype])
        for row in range(buffer.height)
    ]
    return np.stack(rows).reshape(buffer.height, buffer.width, buffer.channels).transpose(2, 0, 1)
