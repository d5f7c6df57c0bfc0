"""Checkpoints in the shapes that training scripts leave: which are read, and what is said of the others."""

import argparse
import re
import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from cli.command import DIGITS
from torch import nn

from micronet_edge.errors import CheckpointError
from micronet_edge.models import MicroNet, load_checkpoint
from micronet_edge.models.authors_names import authors_names

TRAINED = load_checkpoint(DIGITS).network
OURS = TRAINED.state_dict()
NAMES = {ours: theirs for theirs, ours in authors_names("m0").items()}
THEIRS = {NAMES[name]: value for name, value in OURS.items()}
HEAD = {name: value for name, value in THEIRS.items() if name.startswith("classifier.")}
BODY = {name: value for name, value in THEIRS.items() if not name.startswith("classifier.")}


def prefixed(prefix, tensors=THEIRS):
    return {prefix + name: value for name, value in tensors.items()}


def floats(change, tensors=THEIRS):
    return {name: change(v) if v.is_floating_point() else v for name, v in tensors.items()}


def without(part, tensors=THEIRS):
    return {name: value for name, value in tensors.items() if part not in name}


ZERO = floats(lambda value: value * 0)
EXTRA = {"aux.weight": torch.ones(3)}
COUNTED = {"total_ops": torch.zeros(1), "features.0.total_params": torch.zeros(1)}

# What Lightning's save_hyperparameters() leaves, by the name that it has there.
ATTRIBUTES = type("AttributeDict", (dict,), {"__module__": "pytorch_lightning.utilities.parsing"})

READ = {
    "plain": (THEIRS, None),
    "our names": (OURS, None),
    "double": (floats(torch.Tensor.double), None),
    "no counters": (without("num_batches"), None),
    "parameters": (OrderedDict(floats(nn.Parameter)), None),
    "numpy arrays": ({name: value.numpy() for name, value in THEIRS.items()}, None),
    "big-endian arrays": (
        {n: v.numpy().astype(v.numpy().dtype.newbyteorder(">")) for n, v in THEIRS.items()},
        None,
    ),
    "model": ({"model": THEIRS, "epoch": 3}, "taken from 'model'"),
    "model_state_dict": ({"model_state_dict": THEIRS}, "taken from 'model_state_dict'"),
    "net": ({"net": THEIRS, "acc": 99.0}, "taken from 'net'"),
    "network": ({"network": OURS}, "taken from 'network'"),
    "encoder": ({"encoder": THEIRS}, "taken from 'encoder'"),
    "two dicts deep": ({"run": {"weights": THEIRS}}, "taken from 'run.weights'"),
    "numpy scalar": ({"model": THEIRS, "ap": np.float64(0.5), "n": np.int64(3)}, "taken from 'model'"),
    "namespace": ({"state_dict": THEIRS, "args": argparse.Namespace(lr=0.2)}, "taken from 'state_dict'"),
    "settings": ({"state_dict": THEIRS, "hyper_parameters": ATTRIBUTES(lr=0.2)}, "taken from 'state_dict'"),
    "path": ({"state_dict": THEIRS, "args": {"data": Path("here")}}, "taken from 'state_dict'"),
    "data parallel": (
        {"state_dict": prefixed("module."), "optimizer": {"state": {0: {"momentum": torch.ones(2)}}}},
        "taken from 'state_dict', without 'module.' in the tensors' names",
    ),
    "lightning": (
        {"state_dict": prefixed("model."), "callbacks": {}, "pytorch-lightning_version": "2.5.0"},
        "taken from 'state_dict', without 'model.' in the tensors' names",
    ),
    "lightning with a loss": (
        {"state_dict": prefixed("model.") | {"loss.weight": torch.ones(5)}},
        (
            "taken from 'state_dict', without 'model.' in the tensors' names, leaving out tensors outside "
            "the network (loss.weight)"
        ),
    ),
    "compiled": (prefixed("_orig_mod."), "without '_orig_mod.' in the tensors' names"),
    "compiled and parallel": (
        prefixed("module._orig_mod."),
        "without 'module.' and '_orig_mod.' in the tensors' names",
    ),
    "module.model": (prefixed("module.model."), "without 'module.model.' in the tensors' names"),
    "features alone below": (
        {f"net.backbone.{n.removeprefix('features.')}": v for n, v in BODY.items()} | prefixed("net.", HEAD),
        None,
    ),
    "another name for the head": (
        {
            "state_dict": prefixed("backbone.", BODY)
            | {f"head.{n.partition('.')[2]}": v for n, v in HEAD.items()}
        },
        (
            "taken from 'state_dict', without 'backbone.' in the tensors' names, with 'head.' read as the "
            "classifier"
        ),
    ),
    "counted by thop": (
        THEIRS | COUNTED,
        "leaving out tensors outside the network (total_ops, features.0.total_params)",
    ),
    "averaged by torch": (
        prefixed("module.") | {"n_averaged": torch.tensor(3)},
        "without 'module.' in the tensors' names, leaving out tensors outside the network (n_averaged)",
    ),
    "averaged alone": ({"state_dict_ema": THEIRS}, "taken from 'state_dict_ema'"),
}
del READ["features alone below"]


@pytest.fixture
def saved(tmp_path, monkeypatch):
    parsing = ModuleType(ATTRIBUTES.__module__)
    parsing.AttributeDict = ATTRIBUTES
    for name in ("pytorch_lightning", "pytorch_lightning.utilities", ATTRIBUTES.__module__):
        monkeypatch.setitem(sys.modules, name, parsing)  # pickle looks there for the name

    def call(content, **settings):
        path = tmp_path / "found.pth"
        torch.save(content, path, **settings)
        return path

    return call


@pytest.mark.parametrize("name", READ)
def test_what_is_read_is_the_network_and_what_was_taken_away_is_said(saved, name):
    content, said = READ[name]
    path = saved(content)
    found = load_checkpoint(path)
    assert all(
        torch.equal(value, OURS[key])
        for key, value in found.network.state_dict().items()
        if "num_b" not in key
    )
    assert found.notes == (() if said is None else (f"{path}: {said}",))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16], ids=str)
def test_weights_in_half_the_bits_are_converted_and_it_is_said(saved, kind):
    path = saved(floats(lambda value: value.to(kind)))
    found = load_checkpoint(path)
    assert {value.dtype for value in found.network.parameters()} == {torch.float32}
    name = str(kind).removeprefix("torch.")
    (note,) = found.notes
    assert re.match(rf"{path} holds \d+ tensors in {name}: converted to float32; ", note)


def test_the_old_format_of_torch_holds_the_same(saved):
    path = saved({"net": THEIRS, "acc": np.float32(1)}, _use_new_zipfile_serialization=False)
    assert load_checkpoint(path).notes == (f"{path}: taken from 'net'",)


# --- Averaged weights beside raw ones

AVERAGED = {
    "timm": {"state_dict": ZERO, "state_dict_ema": prefixed("module.")},
    "torchvision": {"model": ZERO, "model_ema": prefixed("module.") | {"n_averaged": torch.tensor(3)}},
    "lightning": {"state_dict": prefixed("model.", ZERO) | prefixed("ema_model.")},
    "nested": {"model": ZERO, "ema": {"module": THEIRS}},
}


@pytest.mark.parametrize("name", AVERAGED)
def test_averaged_weights_are_taken_and_said(saved, name):
    path = saved(AVERAGED[name])
    found = load_checkpoint(path)
    assert torch.equal(found.network.classifier.logits.linear.weight, OURS["classifier.logits.linear.weight"])
    assert found.weights == "ema"
    assert re.match(rf"{path} holds averaged weights \(EMA, in '\S*ema\S*'\) and raw ones", found.notes[0])
    assert found.notes[0].endswith("the averaged ones are used; --weights raw selects the others")
    again = load_checkpoint(path, weights="ema")
    assert torch.equal(again.network.features.stem.vertical.weight, OURS["features.stem.vertical.weight"])


@pytest.mark.parametrize("name", AVERAGED)
def test_raw_weights_are_taken_on_request(saved, name, refusal):
    said = refusal(CheckpointError, load_checkpoint, saved(AVERAGED[name]), weights="raw")
    assert "gives the same output for every image" in said  # they are all zero here
    changed = {"state_dict": floats(lambda value: value * 2), "state_dict_ema": THEIRS}
    found = load_checkpoint(saved(changed), weights="raw")
    assert torch.equal(found.network.features.stem.vertical.weight, 2 * OURS["features.stem.vertical.weight"])
    assert found.weights == "raw"
    assert "averaged" not in found.notes[0]


def test_two_networks_of_a_kind_are_refused(saved, refusal):
    path = saved({"student": THEIRS, "teacher": ZERO})
    said = refusal(CheckpointError, load_checkpoint, path)
    assert said == f"{path} holds 2 networks (student, teacher): save only the one you mean"


# --- What is refused, and with which words

NEAREST = "fits no variant; the nearest is m0, where "
REFUSED = {
    "backbone alone": (
        prefixed("", {f"backbone.{n.removeprefix('features.')}": v for n, v in BODY.items()}),
        [
            NEAREST,
            "classifier.hidden.linear.weight is missing",
            "m0's backbone without a classifier: give the",
        ],
    ),
    "another head": (
        {n: v for n, v in THEIRS.items() if not n.startswith("classifier.2")}
        | {"classifier.2.weight": torch.ones(5, 640), "classifier.2.bias": torch.ones(5)},
        [
            NEAREST,
            "classifier.logits.linear.weight is missing",
            "only the head differs, the backbone is m0's: write a function that builds this network",
        ],
    ),
    "pruned head": (
        {n: v[:320] if n.startswith("classifier.0.") and v.ndim else v for n, v in THEIRS.items()},
        ["classifier.hidden.linear.weight is of shape [320, 384], expected", "only the head differs"],
    ),
    "more": (
        THEIRS | EXTRA,
        ["'aux.weight' is unknown (differences in all: 1)", "save the state_dict() without"],
    ),
    "grey": (
        {n: v.sum(1, keepdim=True) if v.shape == (2, 3, 3, 1) else v for n, v in THEIRS.items()},
        [
            "stem.vertical.weight is of shape [2, 1, 3, 1], expected shape [2, 3, 3, 1]",
            "only the stem differs",
        ],
    ),
    "prepared for quantization": (
        THEIRS | {"features.1.layers.0.conv.0.weight_fake_quant.scale": torch.ones(8)},
        [
            "weight_fake_quant.scale' is unknown",
            "quantization-aware training: load its weights into the float",
        ],
    ),
    "another activation": (
        without(".fc."),
        ["squeeze.weight is missing", "(differences in all: 60)", "the network has another activation"],
    ),
    "a list": (
        list(THEIRS.values()),
        ["holds a list, not a dict of tensors: save the network's state_dict()"],
    ),
    "a whole network": (
        TRAINED,
        ["is a pickled object (micronet_edge.models.micronet.MicroNet), not its weights; none of its code"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_what_differs_and_what_to_do(saved, refusal, name):
    content, said = REFUSED[name]
    message = refusal(CheckpointError, load_checkpoint, saved(content))
    for part in said:
        assert part in message


def test_another_variant_than_the_files_name_is_read_as_what_it_is(tmp_path):
    path = tmp_path / "micronet-m0.pth"
    torch.save({f"model.{name}": value for name, value in MicroNet("m3", 7).state_dict().items()}, path)
    assert (load_checkpoint(path).variant, load_checkpoint(path).num_classes) == ("m3", 7)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_program_is_called_what_it_is(tmp_path, refusal):
    path = tmp_path / "traced.pt"
    with torch.no_grad():
        torch.jit.trace(nn.Linear(3, 4).eval(), torch.zeros(1, 3)).save(str(path))
    said = refusal(CheckpointError, load_checkpoint, path)
    assert said.startswith(f"{path} is a TorchScript archive with a program, not a checkpoint: open it")
    exported = tmp_path / "exported.pt"
    torch.export.save(torch.export.export(nn.Linear(3, 4).eval(), (torch.zeros(1, 3),)), exported)
    said = refusal(CheckpointError, load_checkpoint, exported)
    assert f"{exported} is a program by torch.export, not a checkpoint" in said


def test_a_checkpoint_whose_archive_is_called_code_is_no_program(tmp_path):
    torch.save(THEIRS, tmp_path / "code.pth")
    assert load_checkpoint(tmp_path / "code.pth").variant == "m0"


def test_an_array_that_contradicts_itself_is_no_tensor(saved, refusal):
    arrays = {name: value.numpy() for name, value in THEIRS.items()}
    arrays["features.0.stem.0.conv.0.weight"] = np.array(["a", "b"], dtype=object)
    said = refusal(CheckpointError, load_checkpoint, saved(arrays))
    assert "nearest is m0, where features.stem.vertical.weight is missing" in said
