"""A new operator is one file: how its layer is written, what it computes, which files may have it."""

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch import nn

import micronet_edge
from micronet_edge import ExportSettings, FileMetadata, Preprocessing, QuantizeSettings
from micronet_edge.errors import TargetError, VerificationError
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge_onnx.counting.count import count_file
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE

SIZE = 32
METADATA = FileMetadata("small", tuple("abcd"), Preprocessing(SIZE, SIZE))


def network(activation):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1),
        activation,
        nn.Conv2d(16, 24, 1),
        nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(24, 4),
    ).eval()


@pytest.fixture(scope="module")
def calibration(tmp_path_factory):
    folder = tmp_path_factory.mktemp("noise")
    noise = np.random.default_rng(0)
    for number in range(64):
        image = noise.integers(0, 255, (SIZE, SIZE, 3), np.uint8)
        Image.fromarray(image).save(folder / f"{number}.png")
    return folder


def exported(module, folder):
    settings = ExportSettings(output=folder, formats=("onnx",))
    (file,) = micronet_edge.export(module, metadata=METADATA, settings=settings)
    return file


def quantized(module, folder, calibration, precision="int8"):
    settings = QuantizeSettings(
        output=folder, formats=("onnx",), precision=precision, calibration=calibration
    )
    (file,) = micronet_edge.quantize(module, metadata=METADATA, settings=settings).files
    return file


def node_of(path, kind):
    (node,) = (node for node in onnx.load(path).graph.node if node.op_type == kind)
    return node


def is_ours(path):
    """Whether our writer wrote the file: torch.onnx ends names with the kind of the operator."""
    return {node.name for node in onnx.load(path).graph.node} >= {"0", "1", "2", "3", "4", "6"}


# --- Leaky ReLU, the file operators/leaky_relu.py


def test_a_float_file_has_it(tmp_path):
    file = exported(network(nn.LeakyReLU(0.2)), tmp_path)
    assert file.proof.relative_difference < 1e-5
    assert is_ours(file.path)
    node = node_of(file.path, "LeakyRelu")
    assert node.name == "1"
    assert [each.f for each in node.attribute] == [pytest.approx(0.2)]


@pytest.mark.parametrize("precision", ["int8", "int8-a16"])
def test_a_quantized_file_has_it_and_is_what_the_simulation_says(tmp_path, calibration, precision):
    file = quantized(network(nn.LeakyReLU(0.2)), tmp_path, calibration, precision)
    assert file.proof.operators["LeakyRelu"] == 1
    assert file.proof.top1_agreement > 0.9


def test_it_is_counted(tmp_path):
    module = network(nn.LeakyReLU(0.2))
    found = count_file(exported(module, tmp_path).path)
    assert found.uncounted == {}
    plain = count_file(exported(network(nn.ReLU()), tmp_path / "plain").path)
    elements = 16 * (SIZE // 2) ** 2
    assert found.total.other_operations - plain.total.other_operations == elements


# --- An operator that only this file registers


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    """A layer that the vocabulary leaves whole, as a new operator's author would have it."""
    VOCABULARY._read()
    monkeypatch.setattr(VOCABULARY, "_spellings", dict(VOCABULARY._spellings))

    @VOCABULARY.spells(nn.CELU)
    def celu(write, layer, x):
        return write.same(layer, x)


@pytest.fixture
def registered(monkeypatch):
    """The operator as its file would register it."""
    for registry in ("_writers", "_operators"):
        monkeypatch.setattr(OPERATORS, registry, dict(getattr(OPERATORS, registry)))
    OPERATORS.names("Celu", formula=elementwise(3), allowed_in=(PORTABLE,))

    @OPERATORS.writes(nn.CELU)
    def write(layer, call):
        return call.operator("Celu", call.inputs, alpha=layer.alpha)


def test_without_it_files_are_refused(tmp_path, calibration, refusal):
    error_line = refusal(TargetError, quantized, network(nn.CELU()), tmp_path, calibration)
    assert "no ONNX operator for a CELU: put a layer that has one in its place" in error_line
    error_line = refusal(VerificationError, exported, network(nn.CELU()), tmp_path)
    assert "not on the list of allowed operators" in error_line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("registered")
def test_with_it_our_writer_writes_float_and_quantized_files(tmp_path, calibration):
    for number, write in enumerate((exported, lambda *given: quantized(*given, calibration))):
        file = write(network(nn.CELU()), tmp_path / str(number))
        node = node_of(file.path, "Celu")
        assert node.name.startswith("1")
        found = count_file(file.path)
        assert found.uncounted == {}
        assert sum(each.figures.other_operations for each in found.operators if each.kind == "Celu") == (
            3 * 16 * (SIZE // 2) ** 2
        )
