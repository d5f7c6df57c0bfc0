"""A function that builds a network is found by name, and everything wrong with it is said in one line."""

import sys
import textwrap
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from micronet_edge.errors import CheckpointError, NetworkError
from micronet_edge.models.factories import Factory, build, factory_named

SOURCE = """
    import sys
    from dataclasses import dataclass

    from torch import nn

    from beside import CLASSES


    @dataclass
    class Plan:
        classes: int = CLASSES


    def net():
        return nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.LazyLinear(Plan().classes))


    def small():
        return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))


    def needs(width, depth=2):
        return small()


    def gives():
        return {"net": small()}


    def fails():
        raise KeyError("no such width")


    def leaves():
        sys.exit("usage: mine.py")


    NUMBER = 3
"""


@pytest.fixture
def mine(tmp_path):
    """A person's own file, with another beside it."""
    path = tmp_path / "mine.py"
    path.write_text(textwrap.dedent(SOURCE))
    (tmp_path / "beside.py").write_text("CLASSES = 7\n")
    yield path
    sys.modules.pop("beside", None)


def factory(path, name, weights=None):
    return Factory(str(path), name, weights)


@pytest.mark.parametrize(
    ("text", "place", "name"),
    [
        ("mine.py:net", "mine.py", "net"),
        ("some/folder/mine.py:net", "some/folder/mine.py", "net"),
        ("package.module:build_net", "package.module", "build_net"),
        (Path("package:net"), "package", "net"),
    ],
)
def test_how_a_factory_is_named(text, place, name):
    assert factory_named(text) == Factory(place, name)
    assert factory_named(text, Path("w.pth")) == Factory(place, name, Path("w.pth"))


@pytest.mark.parametrize(
    "text",
    ["m0", "net.safetensors", "a:b:c", "mine.py", "mine.py:", ":net", "ssh://a", "a-b:c", "m:1", None, 3],
)
def test_what_names_none(text):
    assert factory_named(text) is None


def test_a_file_of_such_a_name_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py:net").touch()
    assert factory_named("mine.py:net") is None


def test_it_builds_what_the_function_gives(mine):
    network = build(factory(mine, "net"))
    assert network(torch.zeros(1, 3, 2, 2)).shape == (1, 7)
    assert str(mine.parent) not in sys.path


def test_a_module_is_found_where_the_command_runs(mine, monkeypatch):
    monkeypatch.chdir(mine.parent)
    try:
        assert isinstance(build(Factory("mine", "small")), nn.Module)
    finally:
        sys.modules.pop("mine")


@pytest.mark.parametrize(
    ("name", "error_line"),
    [
        ("nothing", "has no function nothing: it has Plan, net, small, needs, gives and 2 more"),
        ("NUMBER", "has no function NUMBER: it has "),
        ("needs", ":needs needs arguments (width): name a function without arguments"),
        ("gives", ":gives returns a dict, not a torch.nn.Module: return the network"),
        ("fails", ":fails fails (KeyError: 'no such width')"),
        ("leaves", ":leaves fails (SystemExit: usage: mine.py)"),
    ],
)
def test_a_function_that_will_not_do(refusal, mine, name, error_line):
    assert error_line in refusal(NetworkError, build, factory(mine, name))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("def net(:\n", "SyntaxError: "),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_file_that_cannot_be_imported(refusal, tmp_path, text, reason):
    (tmp_path / "mine.py").write_text(text)
    error_line = refusal(NetworkError, build, factory(tmp_path / "mine.py", "net"))
    assert f"mine.py cannot be imported ({reason}" in error_line


def test_what_is_not_there(refusal, tmp_path):
    error_line = refusal(NetworkError, build, factory(tmp_path / "none.py", "net"))
    assert error_line.endswith("none.py does not exist: check its name")
    error_line = refusal(NetworkError, build, Factory("no_such.module", "net"))
    assert error_line == (
        "no_such.module:net: no_such.module cannot be imported (ModuleNotFoundError: "
        "No module named 'no_such')"
    )


# --- Weights


@pytest.fixture
def state():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).state_dict()


def loaded(mine, tmp_path, content):
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    return build(factory(mine, "small", path)).state_dict()


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": {f"module.{name}": value for name, value in state.items()}},
        lambda state: {f"_orig_mod.{name}": value for name, value in state.items()},
        lambda state: {name: value for name, value in state.items() if "num_batches" not in name},
        lambda state: {"optimizer": {"step": torch.zeros(1)}, "net": state},
    ],
    ids=["plain", "state_dict", "data parallel", "compiled", "no counters", "optimizer"],
)
def test_weights_are_loaded_from_what_training_scripts_save(mine, tmp_path, state, wrapped):
    found = loaded(mine, tmp_path, wrapped(state))
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


def test_weights_in_safetensors(mine, tmp_path, state):
    save_file(state, tmp_path / "weights.safetensors")
    found = build(factory(mine, "small", tmp_path / "weights.safetensors")).state_dict()
    assert all(torch.equal(found[name], state[name]) for name in state)


@pytest.mark.parametrize(
    ("change", "error_line"),
    [
        (
            lambda state: {**state, "0.weight": torch.zeros(3, 5)},
            "0.weight is [3, 5] there, [3, 4] in the net",
        ),
        (
            lambda state: {**state, "2.bias": torch.zeros(3)},
            "it holds 1 tensor that the network lacks (2.bias)",
        ),
        (lambda state: {"0.bias": state["0.bias"]}, "it lacks 5 tensors (0.weight, 1.weight, 1.bias"),
        (
            lambda state: {**state, "0.bias": torch.full((3,), torch.nan)},
            "tensor 0.bias holds NaN or infinity",
        ),
        (lambda _state: {"epoch": 3}, "holds no tensors: save the network's state_dict()"),
        (lambda _state: [1, 2], "holds no tensors: save the network's state_dict()"),
    ],
    ids=["shape", "unknown", "missing", "nan", "no tensors", "a list"],
)
def test_weights_that_do_not_fit(refusal, mine, tmp_path, state, change, error_line):
    assert error_line in refusal(NetworkError, loaded, mine, tmp_path, change(state))


def test_two_networks_are_not_guessed_between(refusal, mine, tmp_path, state):
    error_line = refusal(CheckpointError, loaded, mine, tmp_path, {"student": state, "teacher": state})
    assert error_line.endswith("holds 2 networks (student, teacher): save only the one you mean")


def test_weights_never_run_code(refusal, mine, tmp_path):
    error_line = refusal(CheckpointError, loaded, mine, tmp_path, nn.Linear(2, 2))
    assert "is a pickled object (torch.nn.modules.linear.Linear)" in error_line
    assert "does not exist" in refusal(
        CheckpointError, build, factory(mine, "small", tmp_path / "none.safetensors")
    )
