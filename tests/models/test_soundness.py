"""Weights that compute nothing are refused when they are read, with the tensor that is to blame."""

import pytest
import torch
from cli.command import DIGITS

from micronet_edge.errors import CheckpointError
from micronet_edge.models import load_checkpoint

STEM = "features.stem.vertical.weight"


@pytest.fixture
def changed(tmp_path):
    """Saves the digits' weights, each changed by a function of its name and value; gives the path."""

    def call(change):
        state = load_checkpoint(DIGITS).network.state_dict()
        path = tmp_path / "changed.pth"
        torch.save({n: change(n, v) if v.is_floating_point() else v for n, v in state.items()}, path)
        return path

    return call


def variances(name, value):
    return -value if name.endswith("running_var") else value


def of(end, factor):
    return lambda name, value: value * factor if name.endswith(end) else value


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (variances, "tensor features.stem.vertical_norm.running_var holds a negative variance, -"),
        (
            of("", 1e30),
            "layer features.stem.vertical_norm gives values beyond float32 (the largest",
        ),
        (of("weight", 1e10), f"number up to it is 1.1e+10, in {STEM}): the training run diverged"),
        (
            of("running_var", 0),
            "beyond float32 (the variances up to it are all zero: features.stem.vertical_norm",
        ),
        (
            of("", 0),
            f"gives the same output for every image, since these weights are all zero: {STEM}, features",
        ),
        (
            of(STEM, 0),
            f"gives the same output for every image, since these weights are all zero: {STEM}; they",
        ),
    ],
    ids=["negative variance", "all x 1e30", "weights x 1e10", "variances 0", "all 0", "stem 0"],
)
def test_weights_that_compute_nothing(changed, refusal, change, said):
    path = changed(change)
    message = refusal(CheckpointError, load_checkpoint, path)
    assert message.startswith(f"{path}: ")
    assert said in message


def test_a_layer_of_zeros_beside_others_is_left_alone(changed):
    path = changed(of("block2.depthwise_activation.excite.weight", 0))
    state = load_checkpoint(path).network.state_dict()
    assert not state["features.block2.depthwise_activation.excite.weight"].any()
