"""The page of layers names nothing that a file cannot hold, and every module that one can."""

import re
from pathlib import Path

import pytest

from micronet_edge.lowering.vocabulary.registry import VOCABULARY

PAGE = Path(__file__).parents[3] / "docs" / "layers.md"
ROW = re.compile(r"^\| [a-z ]+ \|(?P<modules>[^|]*)\|(?P<functions>[^|]*)\|$", re.MULTILINE)
NO_NAMES = {"+", "-", "*", "/", "**", "@", "x[...]"}
RARE = {"FeatureAlphaDropout", "Dropout3d", "Identity"}
"""Left out of the page, or what the tracer already drops."""


def _named(column):
    cells = (row[column] for row in ROW.finditer(PAGE.read_text()))
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
