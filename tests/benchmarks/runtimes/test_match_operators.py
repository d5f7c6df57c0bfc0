"""XNNPACK's operators given back to the file's that they work for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micronet_edge_bench.runner.runtimes.match_operators import match_operators
from micronet_edge_bench.runner.runtimes.xnnpack_names import kind_of

# What LiteRT 2.3 made of operators of our files, as its profiler showed it.
SEEN = {
    "CONV_2D": ["Convolution (NHWC, QC8) IGEMM"],
    "DEPTHWISE_CONV_2D": ["Convolution (NHWC, F32) DWConv"],
    "FULLY_CONNECTED": ["Fully Connected (NC, QS8, QC8W) GEMM"],
    "MUL": ["Multiply (ND)"],
    "MEAN": ["Mean (ND) Reduce2"],
    "STRIDED_SLICE": ["Slice (ND, X32)"],
    "MAXIMUM": ["Maximum (ND)"],
    "CONCATENATION": ["Copy (NC, X8)"],
    "HARD_SWISH": ["HardSwish (NC)"],
    "BATCH_MATMUL": ["Batch Matrix Multiply (NC, QS8) GEMM"],
}
# The same, for operators that become something else with their neighbours.
FOLDED = {
    ("PAD", "CONV_2D"): [(1, "Convolution (NHWC, QC8) IGEMM")],
    ("ADD", "MUL"): [(0, "Add (ND)"), (0, "Clamp (NC)"), (1, "Multiply (ND)")],
    ("MUL", "SUB", "MUL", "CONV_2D"): [
        (0, "Multiply (ND)"),
        (2, "Invalid Unary Op"),
        (3, "Fully Connected (NC, QS8, QC8W) GEMM"),
    ],
}
PIECES = [((kind,), [(0, name) for name in names]) for kind, names in SEEN.items()] + list(FOLDED.items())


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_every_operator_of_a_row_is_found_again(pieces):
    operators, names, places = [], [], []
    for kinds, made in pieces:
        places += [len(operators) + place for place, _ in made]
        names += [name for _, name in made]
        operators += kinds
    assert match_operators(operators, names) == places


def test_what_fits_nothing_is_left_without_a_match():
    operators = ["CONV_2D", "MUL", "MEAN"]
    names = ["Convolution (NHWC, F32) GEMM", "Softmax (NC, F32)", "Multiply (ND)", "Mean (ND) Reduce"]
    assert match_operators(operators, names) == [0, None, 1, 2]


def test_an_operator_that_vanished_does_not_take_its_neighbours_name():
    assert match_operators(["MUL", "MEAN", "MUL"], ["Multiply (ND)", "Multiply (ND)"]) == [0, 2]


def test_helpers_belong_to_the_operator_beside_them():
    names = ["Static Reshape (NC)", "Fully Connected (NC, F32) GEMM", "HardSwish (NC)"]
    assert match_operators(["FULLY_CONNECTED", "HARD_SWISH"], names) == [0, 0, 1]
    names = ["Slice (ND, X8)", "Slice (ND, X8)", "Multiply (ND)"]
    assert match_operators(["SPLIT", "MUL"], names) == [0, 0, 1]


def test_nothing_matches_nothing():
    assert match_operators([], []) == []
    assert match_operators(["MUL"], []) == []
    assert match_operators([], ["Multiply (ND)"]) == [None]


@pytest.mark.parametrize(
    ("name", "kind"), [("Add (ND)", "Add"), ("Invalid Unary Op", "Invalid Unary Op"), ("", "")]
)
def test_a_kind_is_the_name_without_layout_and_kernel(name, kind):
    assert kind_of(name) == kind
