"""The fused kernels inside both runtimes: the same numbers as the plain file, which needs nothing of ours."""

import threading
from collections import OrderedDict

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from cli.command import DIGITS
from kernels.small_networks import images, in_pytorch, maps, network, write_float, write_int8
from lowering.networks import lively, shift_max, stem
from torch import nn
from torch.nn import functional

from micronet_edge import ExportSettings, export, kernels
from micronet_edge.errors import VerificationError
from micronet_edge.targets.registry import find_target
from micronet_edge_onnx.recognition import fold_activations

# Sums over all pixels in another order, and products that are added without rounding between.
FLOAT_TOLERANCE = 2e-6
WITHIN_A_STEP, MOST_STEPS = 0.99, 2
"""Of an int8 file's numbers: the plain one rounds each product and sum, which may add up to two steps.

How many do depends on the ranges: with these, which hold in other light as well, 0.4 to 0.9 %.
"""

pytestmark = pytest.mark.usefixtures("path")
FORMATS = pytest.mark.parametrize("name", ["onnx", "tflite"])


def both(name, path):
    target = find_target(name)
    return target.open(path, kernels="off"), target.open(path)


def relative(found, wanted):
    return np.abs(found - wanted).max() / np.abs(wanted).max()


@FORMATS
@pytest.mark.parametrize(
    ("channels", "groups", "shifts", "fusions", "size"),
    [
        (12, 4, 2, 2, 16),
        (8, 2, 2, 1, 9),
        (16, 4, 1, 2, 7),
        (48, 6, 2, 2, 14),
        (20, 5, 3, 2, 8),
        (6, 3, 2, 3, 5),
    ],
)
def test_float_files(tmp_path, name, channels, groups, shifts, fusions, size):
    module = network(channels, groups, shifts, fusions)
    plain, fused = both(name, write_float(module, name, tmp_path, size=size))
    given = images(3, size)
    assert (plain.fused, fused.fused) == (0, 1)
    assert relative(maps(fused, given), maps(plain, given)) < FLOAT_TOLERANCE
    if name == "onnx":
        assert relative(maps(fused, given), in_pytorch(module, given)) < FLOAT_TOLERANCE


@FORMATS
@pytest.mark.parametrize(
    ("channels", "groups", "fusions", "size"), [(12, 4, 2, 16), (8, 2, 1, 16), (24, 4, 2, 8), (64, 8, 2, 8)]
)
def test_int8_files(tmp_path, name, channels, groups, fusions, size):
    plain, fused = both(
        name, write_int8(network(channels, groups, fusions=fusions), name, tmp_path, size=size)
    )
    given = images(3, size)
    ours, theirs = maps(fused, given), maps(plain, given)
    assert fused.fused == 1
    if name == "onnx":  # whose activations compute in float32
        assert relative(ours, theirs) < FLOAT_TOLERANCE
        return
    steps = np.diff(np.unique(ours))
    apart = np.rint((ours - theirs) / np.median(steps))
    assert (np.abs(apart) <= 1).mean() >= WITHIN_A_STEP
    assert np.abs(apart).max() <= MOST_STEPS
    assert apart.any()  # they do not round alike: it was the kernel that ran


@FORMATS
def test_several_images_at_a_time(tmp_path, name):
    plain, fused = both(name, write_float(network(), name, tmp_path, batch=3))
    given = images(3, 8)
    assert fused.fused == 1
    assert relative(maps(fused, given), maps(plain, given)) < FLOAT_TOLERANCE


@FORMATS
@pytest.mark.parametrize("clip", [nn.ReLU6(), nn.ReLU()], ids=["relu6", "relu"])
@pytest.mark.parametrize("fusions", [1, 2])
def test_a_clip_behind_the_activation(tmp_path, name, fusions, clip):
    module = network(fusions=fusions, behind=[clip])
    plain, fused = both(name, write_float(module, name, tmp_path))
    given = images(3, 8)
    assert fused.fused == 1
    assert maps(fused, given).min() == 0
    assert relative(maps(fused, given), maps(plain, given)) < FLOAT_TOLERANCE


def test_any_number_of_images(tmp_path):
    plain, fused = both("onnx", write_float(network(), "onnx", tmp_path, batch=None))
    given = images(5, 8)
    assert relative(maps(fused, given), maps(plain, given)) < FLOAT_TOLERANCE


def test_several_threads_share_a_session(tmp_path):
    file = write_float(network(), "onnx", tmp_path, fused=True)
    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(str(kernels.library()))
    session = onnxruntime.InferenceSession(file, options)
    given = images(8, 8)
    alone = [session.run(None, {"image": each[None]})[0] for each in given]
    wrong = []

    def work(place):
        for _ in range(50):
            found = session.run(None, {"image": given[place][None]})[0]
            if not (found == alone[place]).all():
                wrong.append(place)

    threads = [threading.Thread(target=work, args=[place]) for place in range(len(given))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_many_sessions_come_and_go(tmp_path):
    file = write_float(network(), "onnx", tmp_path)
    given = images(1, 8)
    wanted = maps(find_target("onnx").open(file, kernels="off"), given)
    for _ in range(10):
        assert relative(maps(find_target("onnx").open(file), given), wanted) < FLOAT_TOLERANCE


def test_a_file_that_the_kernels_would_run_otherwise_is_not_written(tmp_path, monkeypatch):
    def shifted_once_too_often(channels):
        return ",".join(map(str, np.roll(channels, 1).ravel()))

    monkeypatch.setattr(fold_activations, "_as_text", shifted_once_too_often)
    with pytest.raises(VerificationError, match="does not compute the same function"):
        export(DIGITS, settings=ExportSettings(formats=("onnx",), output=tmp_path))
    assert not list(tmp_path.iterdir())


def test_without_the_library_the_same_file_runs_plainly(tmp_path, monkeypatch):
    for name in ("onnx", "tflite"):
        file = write_float(network(), name, tmp_path)
        monkeypatch.setattr(kernels, "library", lambda _machine=None: None)
        session = find_target(name).open(file)
        assert session.fused == 0
        assert np.isfinite(maps(session, images(1, 8))).all()
        assert "not built" in kernels.describe(session.fused, "auto")
        monkeypatch.undo()


class LikeOne(nn.Module):
    """Squeeze-and-excite whose factor is one plus a clip, as of an activation of one shift and fusion."""

    def __init__(self, channels):
        super().__init__()
        self.squeeze, self.excite = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)
        self.register_buffer("one", torch.ones(1, channels))

    def forward(self, x):
        row = functional.adaptive_avg_pool2d(x, 1).flatten(1)
        hidden = functional.relu(functional.linear(row, self.squeeze.weight.flatten(1), self.squeeze.bias))
        gate = functional.relu6(functional.linear(hidden, self.excite.weight.flatten(1), self.excite.bias))
        return x * (gate + self.one).reshape(-1, x.shape[1], 1, 1)


@pytest.mark.parametrize("name", ["act", "features/block1/project_activation", "maximum"])
def test_a_written_file_has_a_node_for_each_activation_and_for_nothing_like_one(tmp_path, name):
    layers = {"first": stem(12), "like": LikeOne(12), name: shift_max(12, 4), "last": nn.Conv2d(12, 4, 1)}
    module = lively(nn.Sequential(OrderedDict(layers))).eval()
    file = write_float(module, "onnx", tmp_path, fused=True)
    ours = [(node.op_type, node.name) for node in onnx.load(file).graph.node if node.domain]
    assert ours == [("DynamicShiftMax0", name)]
    plain = onnx.load(write_float(module, "onnx", tmp_path))
    assert fold_activations.fold_activations(plain) == 2  # by what they compute
    given = images(1, 8)
    assert relative(maps(find_target("onnx").open(file), given), in_pytorch(module, given)) < FLOAT_TOLERANCE
