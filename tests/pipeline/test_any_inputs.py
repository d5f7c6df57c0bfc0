"""Networks with any inputs and outputs, from a module to proven files and back."""

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

import micronet_edge
from micronet_edge import ExportSettings, evaluate, export, quantize, read_metadata, verify
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.errors import NetworkError, SettingsError, TargetError, VerificationError
from micronet_edge.settings import QuantizeSettings

FORMATS = pytest.mark.parametrize("format_", ["onnx", "tflite"])


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU6())
        self.boxes, self.scores = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 3, 1)

    def forward(self, image):
        maps = self.stem(image)
        return {"boxes": self.boxes(maps), "scores": self.scores(maps)}


class TwoRows(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(6, 8), nn.Linear(4, 8)

    def forward(self, left, right):
        return self.left(left) + self.right(right)


@pytest.fixture
def written(tmp_path):
    def write(network, format_, **settings):
        torch.manual_seed(0)
        made = ExportSettings(formats=(format_,), output=tmp_path, overwrite=True, **settings)
        (file,) = export(network().eval(), settings=made)
        return file

    return write


@pytest.fixture
def rows(tmp_path):
    random = np.random.default_rng(0)
    arrays = {"left": (40, 6), "right": (40, 4)}
    path = tmp_path / "rows.npz"
    np.savez(
        path, **{name: random.standard_normal(shape).astype(np.float32) for name, shape in arrays.items()}
    )
    return path


@FORMATS
def test_a_grey_wide_image_to_two_maps(written, format_):
    file = written(Detector, format_, input_shapes=((1, 30, 50),))
    metadata = read_metadata(file.path)
    assert metadata.preprocessing.shape == (1, 30, 50)
    assert {spec.name: spec.shape for spec in metadata.signature.outputs} == {
        "boxes": (4, 15, 25),
        "scores": (3, 15, 25),
    }
    assert [each.name for each in file.proof.outputs] == ["boxes", "scores"]
    assert max(each.relative_difference for each in file.proof.outputs) < 1e-5
    assert file.proof.top1_agreement is None
    assert "grey" not in file.assumption
    assert "mean 0.449" in file.assumption
    manifest = json.loads(file.manifest.read_text())
    assert [each["name"] for each in manifest["proof"]["outputs"]] == ["boxes", "scores"]
    assert manifest["signature"] == metadata.signature.to_dict()


@FORMATS
def test_one_of_two_outputs(written, format_):
    file = written(Detector, format_, input_shapes=((1, 30, 50),), outputs=("scores",))
    torch.manual_seed(0)
    proof = verify(file.path, Detector().eval())
    assert [each.name for each in proof.outputs] == ["scores"]


@FORMATS
def test_two_rows_proven_on_the_users_arrays(written, format_, rows):
    file = written(TwoRows, format_, input_shapes=((6,), (4,)), samples=rows)
    assert (file.proof.images, file.proof.weakness) == (40, None)
    torch.manual_seed(0)
    again = verify(file.path, TwoRows().eval(), samples=rows)
    assert again == file.proof


@FORMATS
def test_two_rows_proven_on_noise_say_so(written, format_):
    proof = written(TwoRows, format_, input_shapes=((6,), (4,))).proof
    assert proof.noise_alone
    assert proof.weakness.startswith("proven on noise alone: give --samples")


def test_a_planted_fault_in_one_output_is_found(written, refusal):
    path = written(Detector, "onnx", input_shapes=((1, 30, 50),)).path
    model = onnx.load(path)
    (weight,) = (each for each in model.graph.initializer if each.name.endswith("scores/weight"))
    changed = numpy_helper.to_array(weight).copy()
    changed.flat[0] += 0.1
    weight.CopyFrom(numpy_helper.from_array(changed, weight.name))
    onnx.save(model, path)
    path.with_name(path.name + ".manifest.json").unlink()
    torch.manual_seed(0)
    said = refusal(VerificationError, verify, path, Detector().eval())
    assert "output scores[0, " in said
    assert "in PyTorch" in said


def test_another_network_is_refused(written, refusal):
    path = written(Detector, "onnx", input_shapes=((1, 30, 50),)).path
    assert "cannot take" in refusal(NetworkError, verify, path, nn.Conv2d(2, 4, 3))


def test_commands_for_classifiers_say_so(written, refusal, tmp_path, rows):
    file = written(TwoRows, "onnx", input_shapes=((6,), (4,)))
    said = refusal(SettingsError, evaluate, file.path, tmp_path)
    assert "is no image classifier (it takes left [6], right [4] and gives output0 [8]): `evaluate`" in said
    settings = QuantizeSettings(
        input_shapes=((6,), (4,)), calibration=rows, data=tmp_path, max_drop=1.0, output=tmp_path / "out"
    )
    assert "--max-drop needs one logit per label" in refusal(
        SettingsError, quantize, TwoRows(), settings=settings
    )


def test_a_c_file_is_for_classifiers(refusal, tmp_path):
    settings = ExportSettings(formats=("c",), input_shapes=((6,), (4,)), output=tmp_path)
    assert "a C file takes one image" in refusal(TargetError, export, TwoRows(), settings=settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"samples": "{folder}"}, "takes arrays, not images"),
        ({"samples": "{folder}/none.npz"}, "does not exist"),
        ({"precision": "int8"}, "needs calibration arrays"),
        ({"precision": "int8", "calibration": "{folder}"}, "takes arrays, not images"),
        ({"precision": "int8", "calibration": "{rows}", "samples": "{rows}"}, "--samples is for float files"),
    ],
)
def test_what_an_array_network_is_not_given(refusal, tmp_path, rows, settings, said):
    texts = {name: text.format(folder=tmp_path, rows=rows) for name, text in settings.items()}
    made = ExportSettings(formats=("onnx",), input_shapes=((6,), (4,)), output=tmp_path / "out", **texts)
    assert said in refusal(SettingsError, export, TwoRows(), settings=made)
    assert not (tmp_path / "out").exists()


def test_counts_of_a_network_and_its_file_agree(written):
    file = written(TwoRows, "onnx", input_shapes=((6,), (4,)))
    of_file = micronet_edge.count(file.path).count
    of_network = micronet_edge.count(TwoRows(), input_shapes=((6,), (4,))).count
    assert of_file.linear_madds == of_network.linear_madds == 8 * (6 + 4)


@pytest.mark.parametrize("size", [(40, 70), (97, 33)])
@FORMATS
def test_a_micronet_of_any_proportions(format_, size, tmp_path):
    settings = ExportSettings(formats=(format_,), input_shapes=((3, *size),), output=tmp_path)
    (file,) = export("m0", settings=settings)
    assert file.proof.relative_difference < 1e-4
    metadata = read_metadata(file.path)
    assert isinstance(metadata, FileMetadata)
    assert metadata.preprocessing.shape == (3, *size)
    assert metadata.signature is None


@pytest.mark.parametrize("precision", ["int8", "int8-a16"])
@FORMATS
def test_rows_in_integers(format_, precision, rows, tmp_path):
    torch.manual_seed(0)
    network = TwoRows().eval()
    settings = QuantizeSettings(
        formats=(format_,), precision=precision, input_shapes=((6,), (4,)), calibration=rows, output=tmp_path
    )
    quantized = quantize(network, settings=settings)
    (file,) = quantized.files
    assert all(each.signal_db > 30 for each in file.proof.outputs)
    assert any("on the 40 calibration samples themselves" in note for note in quantized.notes)
    again = verify(file.path, network, calibration=rows)
    assert again.images == 40
    floating = [note for note in quantized.notes if "operators in float32" in note]
    assert floating == (
        ["onnx: 1 of 3 operators in float32, where its runtime has no integer form or a slower one: 1 Add"]
        if (format_, precision) == ("onnx", "int8")
        else []
    )


@FORMATS
def test_grey_images_in_integers(format_, tmp_path):
    torch.manual_seed(0)
    network = Detector().eval()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 60), np.uint8)
    np.save(tmp_path / "grey.npy", pixels)
    settings = QuantizeSettings(
        formats=(format_,), input_shapes=((1, 30, 50),), calibration=tmp_path / "grey.npy", output=tmp_path
    )
    (file,) = quantize(network, settings=settings).files
    assert [each.name for each in file.proof.outputs] == ["boxes", "scores"]
    assert all(each.signal_db > 25 for each in file.proof.outputs)


def test_export_says_as_well_what_stays_in_float(rows, tmp_path):
    torch.manual_seed(0)
    settings = ExportSettings(
        formats=("onnx",), precision="int8", input_shapes=((6,), (4,)), calibration=rows, output=tmp_path
    )
    (file,) = export(TwoRows().eval(), settings=settings)
    assert any("1 of 3 operators in float32" in note for note in file.notes)


@pytest.mark.parametrize(("format_", "gains"), [("onnx", False), ("tflite", True)])
def test_a_file_that_gains_nothing_from_integers_says_so(format_, gains, rows, tmp_path):
    class Sum(nn.Module):
        def forward(self, left, right):
            return left[:, :4] + right

    settings = QuantizeSettings(
        formats=(format_,), input_shapes=((6,), (4,)), calibration=rows, output=tmp_path
    )
    notes = quantize(Sum(), settings=settings).notes
    assert any("so the file runs no faster than a float32 one" in note for note in notes) is not gains
