"""A float file is held against the very network that was written into it before anybody gets it."""

import copy

import pytest
import torch
from cli.command import DIGITS

import micronet_edge
from micronet_edge import ExportSettings
from micronet_edge.errors import TargetError
from micronet_edge.targets.registry import find_target


def has_bias(layer):
    return getattr(layer, "bias", None) is not None


class Careless:
    """A target that writes a network as it is, but for one logit."""

    def __init__(self, name):
        self._target = find_target(name)

    def __getattr__(self, name):
        return getattr(self._target, name)

    def export(self, network, spec, path):
        other = copy.deepcopy(network)
        with torch.no_grad():
            called = [each.target for each in other.graph.nodes if each.op == "call_module"]
            *_, last = filter(has_bias, map(other.get_submodule, called))
            last.bias[3] += 0.01 * last.bias.abs().max() + 0.1
        self._target.export(other, spec, path)


@pytest.mark.parametrize("name", ["onnx", "tflite"])
def test_a_file_of_another_network_is_refused(refusal, tmp_path, name):
    settings = ExportSettings(output=tmp_path / "out", formats=(Careless(name),))
    error_line = refusal(TargetError, micronet_edge.export, DIGITS, settings=settings)
    assert error_line.startswith(
        f"{name}: m0-digits-float32.{name}: the converted file does not compute the same function"
    )
    assert "output 0 differs by up to " in error_line
    assert list(tmp_path.iterdir()) == []


def test_the_other_format_is_named_where_it_came_out_well(refusal, tmp_path):
    settings = ExportSettings(output=tmp_path / "out", formats=(Careless("onnx"), "tflite"))
    error_line = refusal(TargetError, micronet_edge.export, DIGITS, settings=settings)
    assert error_line.endswith("; tflite succeeded: give --format tflite")
    assert list(tmp_path.iterdir()) == []
