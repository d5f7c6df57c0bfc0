"""A checkpoint is data: it never chooses the code that runs, and its texts reach no shell or terminal."""

import json
import sys

import pytest
from own_pets import METADATA, pets, write_source
from safetensors.torch import save_file

import micronet_edge
from micronet_edge.errors import CheckpointError
from micronet_edge.models import load_checkpoint
from micronet_edge.models.own_checkpoints import KEY
from micronet_edge.models.source import read_source
from micronet_edge.settings import CheckpointSettings


@pytest.fixture
def mine(tmp_path):
    yield write_source(tmp_path)
    sys.modules.pop("_own_pets_net", None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pets.safetensors"


def test_no_code_runs_unless_the_caller_names_it(mine, path, refusal, monkeypatch):
    micronet_edge.save(pets(), path, METADATA, factory=f"{mine}:pets")
    ran = mine.with_name("ran")
    ran.unlink()
    monkeypatch.chdir(mine.parent)
    for read in (
        micronet_edge.load,
        load_checkpoint,
        lambda each: read_source(each, None, CheckpointSettings()),
    ):
        message = refusal(CheckpointError, read, path)
        assert message == (
            f"{path} holds the weights of {mine}:pets(), and no checkpoint chooses the code that runs: if "
            f"you trust that function, give {mine}:pets --weights {path} instead; in Python, "
            f"micronet_edge.load(path, factory='{mine}:pets')"
        )
        assert not ran.exists()


def forged(path, **changes):
    """A checkpoint whose description somebody wrote by hand."""
    said = {"format": "micronet-edge-network/1", "factory": "pets_net.py:pets", "arguments": {}}
    said["metadata"] = METADATA.to_texts()
    save_file(dict(pets().state_dict()), path, {KEY: json.dumps(said | changes)})
    return path


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"factory": "os:system", "arguments": {"command": "reboot"}}, "is no function of yours"),
        ({"factory": "subprocess:run"}, "is no function of yours"),
        ({"factory": "pets_net.py:pets\n$(reboot)"}, "give package.module:name or file.py:name"),
        ({"factory": "\x1b[2Jnet.py:pets"}, "give package.module:name or file.py:name"),
        ({"factory": 3}, "give package.module:name or file.py:name"),
        ({"arguments": {"classes": "../../x"}}, "a checkpoint keeps numbers, words"),
        ({"arguments": {"not a name": 1}}, "a checkpoint keeps numbers, words"),
        ({"arguments": [1]}, "give a dict, and the factory"),
        ({"format": "micronet-edge-network/9"}, "format 'micronet-edge-network/9' is unknown"),
        ({"metadata": {}}, "carries no labels"),
        ({"metadata": None}, "cannot be read"),
    ],
)
def test_a_forged_description_is_refused(path, changes, reason, refusal):
    message = refusal(CheckpointError, load_checkpoint, forged(path, **changes))
    assert message.startswith(f"{path}: what it says of its network cannot be read (")
    assert reason in message
    assert message.endswith(": save it again")


def test_a_shell_reads_the_advice_as_it_is_meant(tmp_path, refusal):
    path = tmp_path / "my nets; reboot.safetensors"
    message = refusal(CheckpointError, load_checkpoint, forged(path, factory="my $(x) nets.py:pets"))
    assert f"give 'my $(x) nets.py:pets' --weights '{path}' instead" in message
