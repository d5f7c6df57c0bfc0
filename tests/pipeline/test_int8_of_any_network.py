"""A network of two inputs, two outputs and a norm by hand becomes proven int8 files, and is analyzed."""

import numpy as np
import pytest
import torch
from torch import nn

from micronet_edge.cli.sensitivity import _lines
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.errors import SettingsError
from micronet_edge.lowering.ir import primitives as p
from micronet_edge.pipeline.run import quantize
from micronet_edge.pipeline.sensitivity import analyze_file
from micronet_edge.reports.sensitivity_page import page
from micronet_edge.settings import QuantizeSettings

SIGNATURE = Signature(
    (TensorSpec("image", (4, 6, 8)), TensorSpec("tokens", (5, 12))),
    (TensorSpec("output0", (5, 6, 8)), TensorSpec("output1", (5, 3))),
)
METADATA = FileMetadata("pair", (), Preprocessing.imagenet(32), signature=SIGNATURE)
NORM = ("mean", "centred", "square", "variance", "lifted", "root", "normed")


class Pair(nn.Module):
    """A map joined with itself at half the size, and tokens behind a norm."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.swish, self.pool = nn.Conv2d(4, 6, 3, padding=1), nn.SiLU(), nn.MaxPool2d(2)
        self.up, self.joined, self.head = p.Resize((6, 8), "nearest"), p.Concatenate(1), nn.Conv2d(12, 5, 1)
        self.embed, self.classes, self.share = nn.Linear(12, 6, bias=False), nn.Linear(6, 3), nn.Softmax(2)
        self.mean, self.centred = p.Mean((2,), keeps_axes=True), p.Subtract()
        self.square, self.variance = p.Multiply(), p.Mean((2,), keeps_axes=True)
        self.lifted, self.root = p.AddConstant(torch.tensor(1e-5)), p.ReciprocalSquareRoot()
        self.normed = p.Multiply()

    def forward(self, image, tokens):
        maps = self.swish(self.conv(image))
        rows = self.embed(tokens)
        centred = self.centred(rows, self.mean(rows))
        root = self.root(self.lifted(self.variance(self.square(centred, centred))))
        joined = self.joined(maps, self.up(self.pool(maps)))
        return self.head(joined), self.share(self.classes(self.normed(centred, root)))


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    path = tmp_path_factory.mktemp("arrays") / "calibration.npz"
    random = np.random.default_rng(0)
    specs = SIGNATURE.inputs
    np.savez(path, **{spec.name: random.standard_normal((80, *spec.shape), np.float32) for spec in specs})
    return path


def settings_of(folder, arrays, **others):
    return QuantizeSettings(
        output=folder, formats=("onnx", "tflite"), precision="int8", calibration=arrays, batch=1, **others
    )


@pytest.fixture(scope="module")
def found(arrays, tmp_path_factory):
    steps = []
    settings = settings_of(tmp_path_factory.mktemp("files"), arrays)
    return quantize(Pair(), metadata=METADATA, settings=settings, report=steps.append), steps


def test_every_output_is_near_to_float(found):
    for file in found[0].files:
        assert [each.name for each in file.proof.outputs] == ["output0", "output1"]
        assert min(each.signal_db for each in file.proof.outputs) > 25


def test_what_stays_in_float_is_said(found):
    (note,) = (step for step in found[1] if step.startswith("WARNING"))
    assert "stay in float32" in note
    assert note.startswith(f"WARNING: {', '.join(NORM[:5])} and 2 more")


def test_the_analysis_ranks_layers_by_the_noise_of_the_outputs(found, arrays):
    path = next(file.path for file in found[0].files if file.format == "tflite")
    result = analyze_file(path, Pair(), arrays)
    assert result.summary()["agreement"] is None
    rows = {row.layer: row for row in result.analysis.rows}
    assert rows["head"].noise_share > 0
    assert all(rows[name].in_float for name in NORM[1:-1])
    assert f"signal to noise of the outputs against {result.checkpoint.name} in float" in "".join(
        _lines(result, None)
    )
    assert "SQNR of the outputs" in page(result)


@pytest.mark.parametrize(
    ("option", "given"), [("--max-drop", {"max_drop": 1.0}), ("--finetune", {"finetune": "images"})]
)
def test_what_needs_classes_is_refused_in_one_line(option, given, arrays, tmp_path, refusal):
    settings = settings_of(tmp_path, arrays, data=tmp_path, **given)
    line = refusal(SettingsError, quantize, Pair(), metadata=METADATA, settings=settings)
    assert "Pair is no image classifier" in line
    assert option in line
