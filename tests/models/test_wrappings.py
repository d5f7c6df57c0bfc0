"""What training tools put around weights comes off, for MicroNets and for users' networks alike."""

import sys
import textwrap
from dataclasses import dataclass

import pytest
import torch
from cli.command import DIGITS
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from micronet_edge.errors import CheckpointError, NetworkError
from micronet_edge.models import load_checkpoint
from micronet_edge.models.factories import Factory, build_described

SOURCE = """
    from torch import nn


    def small():
        last = nn.Sequential(nn.Conv2d(4, 2, 1))
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), last)
"""


def small():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Sequential(nn.Conv2d(4, 2, 1)))


class Lightning(nn.Module):
    """As a LightningModule holds a network."""

    def __init__(self, network, name="model"):
        super().__init__()
        setattr(self, name, network)

    def checkpoint(self):
        optimizer = torch.optim.AdamW(self.parameters())
        sum(each.square().sum() for each in self.parameters()).backward()
        optimizer.step()
        return {
            "epoch": 3,
            "global_step": 300,
            "pytorch-lightning_version": "2.5.0",
            "state_dict": self.state_dict(),
            "optimizer_states": [optimizer.state_dict()],
            "lr_schedulers": [{"last_epoch": 3, "_last_lr": [0.1]}],
            "hparams_name": "kwargs",
        }


def averaged(network):
    """An exponential average that has seen two steps, and now is the network."""
    found = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.0), use_buffers=True)
    for _ in range(2):
        found.update_parameters(network)
    return found


def compiled(network):
    """The wrapper of torch.compile; nothing is compiled before the first call."""
    return torch.compile(network, backend="eager")


def training(network):
    """As a script saves all that it goes on with."""
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
    sum(each.square().sum() for each in network.parameters()).backward()
    optimizer.step()
    optimizer.zero_grad()
    return {"model": network.state_dict(), "optimizer": optimizer.state_dict(), "scaler": {"scale": 2.0**16}}


WRAPPED = {
    "plain": lambda net: net.state_dict(),
    "data parallel": lambda net: nn.DataParallel(net).state_dict(),
    "compiled": lambda net: compiled(net).state_dict(),
    "parallel of compiled": lambda net: nn.DataParallel(compiled(net)).state_dict(),
    "compiled of parallel": lambda net: compiled(nn.DataParallel(net)).state_dict(),
    "averaged": lambda net: averaged(net).state_dict(),
    "averaged of parallel": lambda net: averaged(nn.DataParallel(net)).state_dict(),
    "parallel of compiled of averaged": lambda net: nn.DataParallel(compiled(averaged(net))).state_dict(),
    "lightning": lambda net: Lightning(net).checkpoint(),
    "lightning of compiled": lambda net: Lightning(compiled(net)).checkpoint(),
    "lightning with net": lambda net: Lightning(net, "net").checkpoint(),
    "lightning with backbone": lambda net: Lightning(net, "backbone").checkpoint(),
    "a script's all": training,
    "state_dict_ema alone": lambda net: {"state_dict_ema": net.state_dict(), "epoch": 3},
    "ema_state_dict alone": lambda net: {"ema_state_dict": averaged(net).state_dict()},
}

BOTH = {
    "timm": lambda raw, ema: {"state_dict": raw.state_dict(), "state_dict_ema": ema.state_dict()},
    "torchvision": lambda raw, ema: {"model": raw.state_dict(), "model_ema": averaged(ema).state_dict()},
    "ema": lambda raw, ema: {"net": nn.DataParallel(raw).state_dict(), "ema": ema.state_dict()},
    "swa": lambda raw, ema: {"model": raw.state_dict(), "swa": averaged(ema).state_dict()},
    "ema_state_dict": lambda raw, ema: {"state_dict": raw.state_dict(), "ema_state_dict": ema.state_dict()},
    "lightning": lambda raw, ema: {
        "state_dict": nn.ModuleDict({"model": raw, "ema_model": ema}).state_dict()
    },
}


@dataclass(frozen=True)
class Way:
    """A network, another one like it, and how its file is read: the tensors, and the notes."""

    network: nn.Module
    other: nn.Module
    read: object


@pytest.fixture(params=["micronet", "own"])
def way(request, tmp_path):
    """The two loaders of checkpoints."""
    torch.manual_seed(0)
    if request.param == "micronet":
        network, other = load_checkpoint(DIGITS).network, load_checkpoint(DIGITS).network
        with torch.no_grad():
            other.classifier.logits.linear.bias += 1

        def read(path):
            found = load_checkpoint(path)
            return found.network, found.notes

        yield Way(network, other, read)
        return
    (tmp_path / "mine.py").write_text(textwrap.dedent(SOURCE))

    def read_own(path):
        built = build_described(Factory(str(tmp_path / "mine.py"), "small", path))
        return built.network, built.notes

    yield Way(small(), small(), read_own)
    sys.modules.pop("_own_mine", None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "found.pth"


def same(found, network):
    theirs = network.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in found.state_dict().items())


@pytest.mark.parametrize("name", WRAPPED)
def test_the_network_comes_out_of_its_wrappings(way, path, name):
    content = WRAPPED[name](way.network)
    torch.save(content, path)
    found, notes = way.read(path)
    assert same(found, way.network)
    assert bool(notes) == (name != "plain")
    assert all(note.startswith(f"{path}: ") for note in notes)


@pytest.mark.parametrize("name", BOTH)
def test_averaged_weights_are_taken_before_raw_ones_and_it_is_said(way, path, name):
    torch.save(BOTH[name](way.other, way.network), path)
    found, notes = way.read(path)
    assert same(found, way.network)
    assert notes[0].startswith(f"{path} holds averaged weights (EMA, in ")
    assert ": the averaged ones are used; " in notes[0]


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16], ids=str)
def test_weights_in_half_the_bits_become_float32_and_it_is_said(way, path, kind):
    torch.save(
        {name: v.to(kind) if v.is_floating_point() else v for name, v in way.network.state_dict().items()},
        path,
    )
    found, notes = way.read(path)
    assert {value.dtype for value in found.parameters()} == {torch.float32}
    for name, value in found.named_parameters():
        assert torch.equal(value, way.network.state_dict()[name].to(kind).float())
    assert f" in {str(kind).removeprefix('torch.')}: converted to float32; " in notes[-1]


def test_two_networks_of_a_kind_are_not_guessed_between(way, path, refusal):
    torch.save({"student": way.network.state_dict(), "teacher": way.other.state_dict()}, path)
    message = refusal(CheckpointError, way.read, path)
    assert message == f"{path} holds 2 networks (student, teacher): save only the one you mean"


# --- Where a prefix is no wrapping


@pytest.fixture
def own(tmp_path):
    (tmp_path / "mine.py").write_text(textwrap.dedent(SOURCE))
    yield lambda path: build_described(Factory(str(tmp_path / "mine.py"), "small", path)).network
    sys.modules.pop("_own_mine", None)


def test_a_network_inside_another_one_is_refused(own, path, refusal):
    whole = nn.ModuleDict({"backbone": small(), "head": nn.Linear(2, 3)})
    torch.save(whole.state_dict(), path)
    message = refusal(NetworkError, own, path)
    assert f"{path} does not fit " in message
    assert "it lacks 8 tensors (0.weight, 0.bias, 1.weight" in message


def test_a_prefix_with_other_shapes_is_refused(own, path, refusal):
    state = {f"model.{name}": value for name, value in small().state_dict().items()}
    torch.save(state | {"model.0.weight": torch.zeros(4, 3, 5, 5)}, path)
    assert "does not fit" in refusal(NetworkError, own, path)


def test_names_like_a_wrappers_stay_where_they_are_the_networks_own(tmp_path, path):
    (tmp_path / "named.py").write_text(
        "from torch import nn\n\n\ndef net():\n"
        "    inner = nn.ModuleDict({'module': nn.Linear(2, 2)})\n"
        "    return nn.ModuleDict({'module': nn.Linear(2, 2), 'model': inner})\n"
    )
    network = nn.ModuleDict({"module": nn.Linear(2, 2), "model": nn.ModuleDict({"module": nn.Linear(2, 2)})})
    for content in (network.state_dict(), nn.DataParallel(network).state_dict()):
        torch.save(content, path)
        found = build_described(Factory(str(tmp_path / "named.py"), "net", path)).network
        assert same(found, network)


def test_parts_that_ran_in_parallel_are_read(own, path):
    network = small()
    parts = nn.Sequential(*(nn.DataParallel(layer) for layer in network))
    torch.save(parts.state_dict(), path)
    assert same(own(path), network)
