"""The page of layers names nothing that a file cannot hold, and every module that one can."""

import re
from pathlib import Path

import pytest
import torch
from lowering.vocabulary.spelled import Calls, assert_spelled
from torch.nn import functional as F

from micronet_edge.errors import LoweringError
from micronet_edge.lowering import lower
from micronet_edge.lowering.passes.canonicalize import Canonicalize
from micronet_edge.lowering.vocabulary.registry import VOCABULARY

PAGE = Path(__file__).parents[3] / "docs" / "layers.md"
TABLE, BELOW = PAGE.read_text().split("## Exceptions")
ROW = re.compile(r"^\| [a-z ]+ \|(?P<modules>[^|]*)\|(?P<functions>[^|]*)\|$", re.MULTILINE)
NO_NAMES = {"+", "-", "*", "/", "**", "@", "x[...]"}
RARE = {"FeatureAlphaDropout", "Dropout3d", "Identity"}
"""Left out of the page, or what the tracer already drops."""


def _named(column):
    cells = (row[column] for row in ROW.finditer(TABLE))
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)} - NO_NAMES


@pytest.fixture(scope="module")
def kinds():
    VOCABULARY._read()
    return list(VOCABULARY._spellings)


def test_every_function_is_spelled(kinds):
    known = {kind if isinstance(kind, str) else kind.__name__ for kind in kinds}
    functions = _named("functions")
    assert len(functions) > 100
    assert functions <= known, sorted(functions - known)


def test_the_modules_are_those_that_are_spelled(kinds):
    modules = {kind.__name__ for kind in kinds if isinstance(kind, type)}
    assert len(modules) > 60
    assert _named("modules") ^ modules <= RARE, sorted(_named("modules") ^ modules)


EXCEPTIONS = {
    "max pools": lambda x: F.max_pool2d(x, 2, dilation=2),
    "`interpolate`, `Upsample`": lambda x: F.interpolate(x, scale_factor=1.3),
    "`einsum`": lambda x: torch.einsum("bchw,cw->bch", x, torch.ones(4, 8)),
    "`**`, `pow`": lambda x: x.abs().pow(2.5),
    "`div`": lambda x: x.div(2, rounding_mode="floor"),
    "`softplus`": lambda x: F.softplus(x, threshold=14),
    "`roll`": lambda x: x.roll(1),
    "`x[...]`": lambda x: x[:, [0, 1], [2, 3]],
    "`repeat_interleave`": lambda x: x.repeat_interleave(torch.tensor([1, 2, 1, 1]), 1),
    "`to`, `type`, `float`, `half`": lambda x: x.half(),
    "`dropout`": lambda x: F.dropout(x, 0.001, training=True),
}
WORKS = {
    "area": lambda x: F.interpolate(x, size=(3, 4), mode="area"),
    "recomputed": lambda x: F.interpolate(x, scale_factor=1.3, recompute_scale_factor=True),
    "powers": lambda x: (x.abs() + 1) ** -8 + x.abs() ** -0.5,
    "threshold": lambda x: F.softplus(x, threshold=15),
}


def test_every_exception_has_a_row():
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", BELOW, re.MULTILINE)
    assert rows == ["what", *EXCEPTIONS]


@pytest.mark.parametrize("function", EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_every_exception_is_refused_where_it_stands(refusal, function):
    message = refusal(LoweringError, lower, Calls(function), (Canonicalize(),), torch.randn(1, 4, 6, 8))
    assert f"(test_layers_page.py:{function.__code__.co_firstlineno})" in message


@pytest.mark.parametrize("function", WORKS.values(), ids=WORKS)
def test_what_the_exceptions_leave_works(function):
    assert_spelled(Calls(function), (4, 6, 8))
