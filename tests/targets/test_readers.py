"""Who reads a file: a light reader where there is one, else the whole target."""

from pathlib import Path

import pytest

from micronet_edge.errors import TargetError
from micronet_edge.targets.readers import find_reader, reader_of
from micronet_edge.targets.registry import find_target, target_names


@pytest.mark.parametrize("name", sorted(target_names()))
def test_every_target_is_read(name):
    target, reader = find_target(name), find_reader(name)
    assert (reader.name, reader.suffix) == (target.name, target.suffix)
    assert reader_of(Path(f"network{target.suffix}")).name == name


def test_an_unknown_suffix_is_told_with_those_that_are_known(refusal):
    error_line = refusal(TargetError, reader_of, Path("network.pb"))
    assert "network.pb: no installed target reads .pb: give a file ending in .c, .onnx, .tflite" in error_line
    assert "unknown format 'none'" in refusal(TargetError, find_reader, "none")
