"""To register an operator is all that it takes: files have it, whoever asks knows it."""

import pytest
import torch
from tflite_networks import around, exported, is_ours, quantized
from torch import nn

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import TargetError
from micronet_edge.lowering import lower
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.targets.protocol import Ends, ExportSpec
from micronet_edge.targets.registry import find_target
from micronet_edge_tflite import operators
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.network_file import is_writable
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS, in_integers

OPERATIONS = 3


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return around(nn.CELU())


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    """A layer that the vocabulary leaves whole, as a new operator's author would have it."""
    VOCABULARY._read()
    monkeypatch.setattr(VOCABULARY, "_spellings", dict(VOCABULARY._spellings))

    @VOCABULARY.spells(nn.CELU)
    def celu(write, layer, x):
        return write.same(layer, x)


@pytest.fixture
def with_celu(monkeypatch):
    """The registry with one more layer while the test runs: with an alpha of 1 it is an ELU."""
    monkeypatch.setattr(operators, "_INTEGER_FORMS", dict(operators._INTEGER_FORMS))
    for registered in ("_writers", "_operators"):
        monkeypatch.setattr(OPERATORS, registered, dict(getattr(OPERATORS, registered)))
    OPERATORS.names("ELU", formula=elementwise(OPERATIONS), allowed_in=EVERYWHERE)

    in_integers(nn.CELU)

    @OPERATORS.writes(nn.CELU)
    def write(_layer, call):
        call.write("ELU", call.inputs, call.result())


def lowered(network):
    spec = ExportSpec(40, 1, naive=False, portable=False, metadata=None)
    return lower(network, find_target("tflite").pipeline(spec), 40).network


def test_without_it_files_take_normalized_images_alone(network, tmp_path, refusal):
    metadata = FileMetadata("own", ("a", "b"), Preprocessing(40, 40))
    spec = ExportSpec(40, 1, naive=False, portable=False, metadata=metadata, ends=Ends(io="uint8"))
    target = find_target("tflite")
    form = lower(network, target.pipeline(spec), 40).network
    error_line = refusal(TargetError, target.export, form, spec, tmp_path / "file.tflite")
    assert "take normalized float32 alone: leave --io and --pixels out" in error_line


def test_without_it_networks_go_through_the_converter_and_are_not_quantized(
    network, calibration, tmp_path, refusal
):
    assert not is_writable(lowered(network))
    error_line = refusal(TargetError, quantized, network, tmp_path, calibration, "int8")
    assert "CELU(alpha=1.0): put another layer in its place" in error_line


@pytest.mark.usefixtures("with_celu")
def test_with_it_our_writer_writes_them(network, tmp_path):
    assert is_writable(lowered(network))
    file = exported(network, tmp_path)
    assert is_ours(file.path)
    assert file.proof.operators["ELU"] == 1
    assert file.proof.relative_difference < 1e-5
    found = find_target("tflite").count(file.path)
    assert found.uncounted == {}
    assert sum(each.figures.other_operations for each in found.operators if each.kind == "ELU") == (
        OPERATIONS * 16 * 20 * 20
    )


@pytest.mark.usefixtures("with_celu")
def test_with_it_they_are_quantized(network, calibration, tmp_path):
    file = quantized(network, tmp_path, calibration, "int8")
    assert file.proof.operators["ELU"] == file.proof.operators["QUANTIZE"] == 1
    assert file.proof.cosine > 0.999
