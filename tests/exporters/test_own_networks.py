"""Networks with layers that no MicroNet has: each file is right, or is refused in one line."""

import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional

from micronet_edge.counting import count
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.errors import LoweringError, TargetError
from micronet_edge.lowering import lower
from micronet_edge.lowering.ir.graph import results, shape_of
from micronet_edge.lowering.ir.runs import tensors_in
from micronet_edge.models import DynamicShiftMax, FactorizedStem
from micronet_edge.models import MicroFactorizedDepthwise as Depthwise
from micronet_edge.models import MicroFactorizedPointwise as Pointwise
from micronet_edge.targets.protocol import ExportSpec
from micronet_edge.targets.registry import find_target
from micronet_edge.verification.conversion_check import check_conversion
from micronet_edge_tflite.converter.outputs import outputs_of

SIZE = 96
TOLERANCE = 1e-5


def block(inputs, hidden, outputs, stride):
    return nn.Sequential(
        Depthwise(inputs, 3, stride=stride),
        DynamicShiftMax(inputs, 4),
        Pointwise(inputs, hidden, outputs, (2, 4)),
        DynamicShiftMax(outputs, 4),
    )


class Classifier(nn.Module):
    """A stem, two blocks of ours, and a linear layer: `between` stands in front of the second block."""

    def __init__(self, stem=None, between=None):
        super().__init__()
        self.stem = stem or FactorizedStem(3, (4, 4))
        self.first, self.second = block(16, 16, 32, 2), block(32, 16, 64, 2)
        self.between = between or nn.Identity()
        self.linear = nn.Linear(64, 5)

    def features(self, x):
        return self.second(self.between(self.first(self.stem(x))))

    def forward(self, x):
        return self.linear(functional.adaptive_avg_pool2d(self.features(x), 1).flatten(1))


class Excited(Classifier):
    """Squeeze-and-excite behind the blocks, functional activations and a view."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(64, 16, 1), nn.ReLU(), nn.Conv2d(16, 64, 1), nn.Sigmoid()
        )

    def forward(self, x):
        y = functional.relu(self.features(x))
        pooled = functional.adaptive_avg_pool2d(y * self.gate(y), 1)
        return self.linear(pooled.view(pooled.shape[0], -1))


class Detector(Classifier):
    """A map, upsampled and set beside a finer one, the maps themselves, and a row of means."""

    def __init__(self):
        super().__init__()
        self.up, self.head = nn.Upsample(scale_factor=2), nn.Conv2d(96, 9, 1)

    def forward(self, x):
        fine = self.first(self.stem(x))
        coarse = self.second(fine)
        return self.head(torch.cat([self.up(coarse), fine], 1)), fine, coarse, coarse.mean((2, 3))


class Attentive(Classifier):
    """Attention among the last map's pixels, and a softmax at the end."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(64, 4, batch_first=True)

    def forward(self, x):
        pixels = self.features(x).flatten(2).transpose(1, 2)
        pixels, _ = self.attention(pixels, pixels, pixels)
        return self.linear(pixels.mean(1)).softmax(1)


class ErrorFunction(nn.Module):
    """A function that LiteRT has no operator for."""

    def forward(self, x):
        return torch.erf(x)


def plain_stem(activation):
    return nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), activation)


NETWORKS = {
    "ours alone": Classifier,
    "ReLU6 stem": lambda: Classifier(plain_stem(nn.ReLU6())),
    "SiLU and LeakyReLU": lambda: Classifier(plain_stem(nn.SiLU()), nn.LeakyReLU(0.1)),
    "squeeze and excite": Excited,
    "four outputs": Detector,
    "attention and softmax": Attentive,
}


def made(build):
    """The network with norms that have seen images."""
    torch.manual_seed(0)
    network = build()
    if isinstance(network, Classifier):
        with torch.no_grad():
            for _ in range(4):
                network.train()(torch.randn(4, 3, SIZE, SIZE))
    return network.eval()


def spec(outputs=()):
    made = tuple(TensorSpec(f"made{place}", shape) for place, shape in enumerate(outputs))
    signature = Signature((TensorSpec("image", (3, SIZE, SIZE)),), made) if made else None
    metadata = FileMetadata("own", ("a",), Preprocessing(SIZE, SIZE), None, signature=signature)
    return ExportSpec(SIZE, 1, naive=False, portable=False, metadata=metadata)


def write(network, target, path):
    lowered = lower(network, target.pipeline(spec()), SIZE).network
    target.export(lowered, spec([shape_of(node)[1:] for node in results(lowered)]), path)


def run(path, image):
    if path.suffix == ".tflite":
        return outputs_of(path)(image)
    return onnxruntime.InferenceSession(str(path)).run(None, {"image": image})


@pytest.mark.parametrize("format_", ["onnx", "tflite"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_is_right(tmp_path, name, format_):
    network, target = made(NETWORKS[name]), find_target(format_)
    path = tmp_path / f"own{target.suffix}"
    write(network, target, path)
    image = torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = [tensor.numpy() for tensor in tensors_in(network(image))]
    found = run(path, image.numpy())
    assert [each.shape for each in found] == [each.shape for each in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert abs(ours - theirs).max() < TOLERANCE * abs(theirs).max()


@pytest.mark.parametrize("name", ["ours alone", "squeeze and excite", "attention and softmax"])
def test_what_activations_of_any_name_multiply_is_counted(tmp_path, name):
    """As in the network, which knows its own; squeeze-and-excite and attention multiply as well."""
    network, path = made(NETWORKS[name]), tmp_path / "own.onnx"
    write(network, find_target("onnx"), path)
    found, expected = find_target("onnx").count(path), count(network, SIZE)
    assert found.shift_max_madds == expected.shift_max_madds > 0
    multiplying = {layer for layer, figures in found.layers.items() if figures.shift_max_madds}
    assert multiplying == {"first/1", "first/3", "second/1", "second/3"}


def test_in_a_tflite_file_as_well(tmp_path):
    network, path = made(Classifier), tmp_path / "own.tflite"
    write(network, find_target("tflite"), path)
    found = find_target("tflite").count(path)
    assert found.shift_max_madds >= count(network, SIZE).shift_max_madds  # a matrix holds zeros as well
    multiplying = {layer for layer, figures in found.layers.items() if figures.shift_max_madds}
    assert multiplying == {"first/1", "first/3", "second/1", "second/3"}


def test_an_operator_that_litert_lacks_is_named(tmp_path, refusal):
    network = made(lambda: Classifier(plain_stem(ErrorFunction())))
    error_line = refusal(LoweringError, write, network, find_target("tflite"), tmp_path / "own.tflite")
    assert "erf (test_own_networks.py:" in error_line
    assert "use GELU" in error_line


@pytest.mark.parametrize("format_", ["onnx", "tflite"])
def test_a_file_of_another_network_is_refused(tmp_path, refusal, format_):
    network, target = made(Classifier), find_target(format_)
    path = tmp_path / f"own{target.suffix}"
    write(network, target, path)
    with torch.no_grad():
        network.linear.bias[3] += 0.01 * network(torch.zeros(1, 3, SIZE, SIZE)).abs().max()
    error_line = refusal(
        TargetError,
        check_conversion,
        path.name,
        network,
        lambda images: run(path, images),
        preprocessing=Preprocessing(SIZE, SIZE),
        batch=1,
    )
    assert "does not compute the same function: output 0 differs by up to " in error_line
    assert "(1e-04 allowed)" in error_line
