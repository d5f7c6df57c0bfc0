"""Every file that is no good checkpoint is refused in one line that names it, and runs no code."""

import os
import pickle
import re

import numpy as np
import pytest
import torch
from reference.authors import weights
from safetensors.torch import save, save_file
from torch import Tensor, nn

from micronet_edge.errors import CheckpointError
from micronet_edge.models import MicroNet, load_checkpoint

CLASSES = 3
CONV = "features.1.layers.0.conv.0.weight"
OUR_CONV = "features.block1.depthwise.vertical.weight"
COUNTER = "features.1.layers.0.conv.1.num_batches_tracked"


def m0_weights(**changed: Tensor) -> dict[str, Tensor]:
    return {**weights("m0", CLASSES, 1), **changed}


@pytest.fixture
def error_line(refusal):
    """What load_checkpoint says of a file that it must refuse, its path written as FILE."""

    def call(path, **asked) -> str:
        message = refusal(CheckpointError, load_checkpoint, path, **asked)
        assert str(path) in message
        return message.replace(str(path), "FILE")

    return call


@pytest.fixture
def saved(tmp_path):
    """Writes what torch.save makes of an object; gives the path."""

    def call(content: object, **settings) -> object:
        path = tmp_path / "saved.pth"
        torch.save(content, path, **settings)
        return path

    return call


# --- No checkpoint at all

NO_TENSORS = "FILE holds no tensors, only {}: save the network's state_dict()"
NO_CHECKPOINT = "FILE is not a checkpoint, or is truncated"


def test_a_missing_file(tmp_path, error_line):
    assert error_line(tmp_path / "none.pth") == "checkpoint FILE does not exist: check the path"


def test_a_directory(tmp_path, error_line):
    assert error_line(tmp_path) == "checkpoint FILE is a folder, not a file: give the checkpoint file itself"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "checkpoint FILE is empty (0 bytes): copy or download it again", id="nothing"),
        pytest.param(b"x", NO_CHECKPOINT, id="one byte"),
        pytest.param(b"a text, and not a checkpoint\n", NO_CHECKPOINT, id="text"),
        pytest.param(
            b"<!DOCTYPE html>\n<html>404</html>\n", "FILE is a web page, not a checkpoint", id="web page"
        ),
        pytest.param(
            b"version https://git-lfs.github.com/spec/v1\n", "FILE is a Git LFS pointer", id="git lfs"
        ),
        pytest.param(b"\x1c\0\0\0TFL3" + bytes(50), "FILE is a TFLite file, not a", id="tflite"),
        pytest.param(b"\x08\x08\x12\x07pytorch:", "FILE is an ONNX file, not a", id="onnx"),
        pytest.param(b"\x1f\x8b\x08\0 and more", "FILE is a compressed archive", id="gzip"),
        pytest.param(b"\x89HDF\r\n and more", "FILE is an HDF5 file, as Keras", id="hdf5"),
        pytest.param(b'{"json": [1, 2, 3]}', NO_CHECKPOINT, id="json"),
        pytest.param(b"12345678{ and more", "FILE is a damaged safetensors", id="brace at the ninth byte"),
        pytest.param(b"\2\0\0\0\0\0\0\0{}", "FILE holds no tensors", id="empty safetensors"),
        pytest.param(b"PK\3\4 and more", NO_CHECKPOINT, id="start as of a zip file"),
        pytest.param(b"\x80\2 and more", NO_CHECKPOINT, id="start as of a pickle"),
    ],
)
def test_a_file_of_something_else(tmp_path, error_line, content, message):
    path = tmp_path / "bad.pth"
    path.write_bytes(content)
    assert error_line(path).startswith(message)


@pytest.mark.parametrize("new_format", [True, False], ids=["zip", "old format"])
@pytest.mark.parametrize("kept", [0.0001, 0.01, 0.5, 0.99, 0.9999])
def test_a_truncated_torch_file(saved, error_line, kept, new_format):
    path = saved(m0_weights(), _use_new_zipfile_serialization=new_format)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert error_line(path).startswith(f"{NO_CHECKPOINT} ({int(kept * len(content)):,} bytes)")


@pytest.mark.parametrize("kept", [0.0001, 0.01, 0.5, 0.9999])
def test_a_truncated_safetensors_file(tmp_path, error_line, kept):
    path = tmp_path / "ours.safetensors"
    save_file(MicroNet("m0", CLASSES).state_dict(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert error_line(path).startswith("FILE is a damaged safetensors file")


def test_random_bytes(tmp_path, error_line):
    rng = np.random.default_rng(0)
    path = tmp_path / "random.pth"
    for size in rng.integers(1, 400, 300):
        path.write_bytes(rng.bytes(size))
        assert error_line(path).startswith(NO_CHECKPOINT)


@pytest.mark.parametrize("container", ["zip", "old format", "safetensors"])
def test_flipped_bytes(tmp_path, error_line, container):
    tensors = {"a": torch.zeros(3), "b": torch.ones(2)}
    path = tmp_path / "flipped.pth"
    torch.save(tensors, path, _use_new_zipfile_serialization=container == "zip")
    whole = save(tensors) if container == "safetensors" else path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        content = np.frombuffer(whole, dtype=np.uint8).copy()
        content[rng.integers(len(content), size=4)] = rng.integers(256, size=4)
        path.write_bytes(content.tobytes())
        error_line(path)


# --- Code in the file


class Bomb:
    """Makes a folder when unpickled by whoever trusts the file."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def bomb(tmp_path):
    """An object whose pickle runs code, proven to; the folder that it makes must not be there after."""
    folder = tmp_path / "code-was-run"
    pickle.loads(pickle.dumps(Bomb(folder)))  # noqa: S301
    folder.rmdir()
    yield Bomb(folder)
    assert not folder.exists()


RAN_NOTHING = re.compile(
    r"FILE holds Python code or objects \((\S+)\) beside tensors; none of it was run: "
    r"save only the network's state_dict\(\) and give that file"
)


@pytest.mark.parametrize("new_format", [True, False], ids=["zip", "old format"])
def test_code_beside_the_weights_is_not_run(bomb, saved, error_line, new_format):
    content = {"state_dict": m0_weights(), "extra": bomb}
    message = error_line(saved(content, _use_new_zipfile_serialization=new_format))
    assert RAN_NOTHING.fullmatch(message)[1] == f"{os.name}.mkdir"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_in_a_plain_pickle_is_not_run(bomb, tmp_path, error_line, protocol):
    path = tmp_path / "bomb.pkl"
    path.write_bytes(pickle.dumps({"state_dict": {}, "extra": bomb}, protocol))
    message = error_line(path)
    assert RAN_NOTHING.fullmatch(message) or message.startswith(NO_CHECKPOINT)


def test_a_whole_pickled_network_is_not_unpickled(saved, error_line):
    message = error_line(saved(MicroNet("m0", CLASSES)))
    assert message == (
        "FILE is a pickled object (micronet_edge.models.micronet.MicroNet), not its weights; none of its "
        "code was run: load it where its class is available and save only the network's state_dict()"
    )


# --- Tensors, but not those of a MicroNet

EXPECTED = "expected one of m0, m1, m2, m3: give a checkpoint of one"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            nn.Linear(3, 4).state_dict(),
            f"FILE is not a MicroNet: found 2 tensors, the first of them 'weight', {EXPECTED}",
        ),
        ({}, NO_TENSORS.format("nothing")),
        ({"epoch": 3}, NO_TENSORS.format("'epoch'")),
        (
            {"model": {"weight": torch.zeros(2)}},
            f"FILE is not a MicroNet: found 1 tensors, the first of them 'weight', {EXPECTED}",
        ),
        ({"model": {"epoch": 3}}, NO_TENSORS.format("'model'")),
        ([torch.zeros(2)], "FILE holds a list, not a dict of tensors: save the network's state_dict()"),
        (torch.zeros(2), "FILE holds a Tensor, not a dict of tensors: save the network's state_dict()"),
    ],
    ids=["linear", "nothing", "no tensors", "nested", "nested nothing", "list", "tensor"],
)
def test_foreign_content(saved, error_line, content, message):
    assert error_line(saved(content)) == message


def test_another_variant_than_asked_for(saved, error_line):
    message = error_line(saved(m0_weights()), variant="m3")
    assert message.startswith("FILE holds m0, not m3")


def test_another_number_of_classes_than_asked_for(saved, error_line):
    message = error_line(saved(m0_weights()), num_classes=1000)
    assert message.startswith("FILE holds 3 classes, not 1000")


@pytest.mark.parametrize("variant", ["m0", "m1", "m2", "m3"])
def test_a_tensor_of_another_shape(saved, error_line, variant):
    changed = {**weights(variant, CLASSES, 1), "classifier.0.linear.1.weight": torch.ones(7)}
    expected = len(weights(variant, CLASSES, 1)["classifier.0.linear.1.weight"])
    assert (
        f"nearest is {variant}, where classifier.hidden.norm.weight is of shape [7], "
        f"expected shape [{expected}] (differences in all: 1)" in error_line(saved(changed))
    )


def test_a_missing_tensor(saved, error_line):
    kept = m0_weights()
    del kept[CONV]
    assert f"nearest is m0, where {OUR_CONV} is missing" in error_line(saved(kept))


def test_an_unknown_tensor(saved, error_line):
    message = error_line(saved(m0_weights(stranger=torch.ones(1))))
    assert re.search(r"nearest is m0, where \W?stranger\W? is unknown", message)


def test_an_unknown_tensor_with_a_line_break_in_its_name(saved, error_line):
    assert "is unknown" in error_line(saved(m0_weights(**{"two\nlines": torch.ones(1)})))


def test_a_network_without_classes(saved, error_line):
    assert "0 classes" in error_line(saved(weights("m0", 0, 1)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_weight_that_is_no_number(saved, error_line, value):
    changed = m0_weights()
    changed[CONV][0, 0, 1, 0] = value
    message = error_line(saved(changed))
    diverged = "the training run diverged; give an earlier checkpoint"
    assert message == f"FILE: tensor {OUR_CONV} holds NaN or infinity: {diverged}"


def test_a_weight_that_float32_cannot_hold(saved, error_line):
    changed = m0_weights()
    changed[CONV] = changed[CONV].double() * 1e300
    message = error_line(saved(changed))
    assert f"FILE: tensor {OUR_CONV} holds values up to " in message
    assert "beyond float32: the training run diverged, or the weights were scaled" in message


@pytest.mark.parametrize(
    "convert",
    [
        lambda weight: weight.to(torch.int64),
        lambda weight: weight.to(torch.complex64),
        lambda weight: weight.to("meta"),
    ],
    ids=["integers", "complex", "meta"],
)
def test_a_weight_that_is_no_plain_float(saved, error_line, convert):
    changed = m0_weights()
    changed[CONV] = convert(changed[CONV])
    assert f"tensor {OUR_CONV}" in error_line(saved(changed))


def test_a_step_counter_of_another_shape(saved, error_line):
    changed = m0_weights(**{COUNTER: torch.zeros(5, dtype=torch.int64)})
    message = error_line(saved(changed))
    assert "features.block1.depthwise.vertical_norm.num_batches_tracked is of shape [5]" in message


def test_an_unknown_step_counter(saved, error_line):
    changed = m0_weights(**{"stranger.num_batches_tracked": torch.tensor(0)})
    assert re.search(r"stranger\.num_batches_tracked\W? is unknown", error_line(saved(changed)))
