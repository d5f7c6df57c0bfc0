"""Checkpoints of both kinds, in all their spellings, give the network that was saved."""

import hashlib
import json
import subprocess
import sys
from collections import OrderedDict

import pytest
import torch
from reference.authors import GOLDEN, LIVELY, VARIANTS, weights
from reference.fill import image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import CheckpointError, OutputError, SettingsError
from micronet_edge.models import MicroNet, load_checkpoint, save_checkpoint
from micronet_edge.models.authors_names import authors_names
from micronet_edge.models.checkpoints import DESCRIPTION_KEY

CLASSES = 3
LABELS = ("zero", "naïve 零", 'a "quoted", one')
PREPROCESSING = Preprocessing(96, 110, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "BGR", "bicubic")

each_variant = pytest.mark.parametrize("variant", VARIANTS)


def authors_weights(variant: str) -> dict[str, Tensor]:
    return weights(variant, CLASSES, 1, LIVELY)


def expected_network(variant: str, theirs: dict[str, Tensor]) -> MicroNet:
    names = authors_names(variant)
    network = MicroNet(variant, len(theirs["classifier.2.linear.0.bias"]))
    network.load_state_dict({names[name]: value for name, value in theirs.items()})
    return network.eval()


def logits(network: MicroNet) -> Tensor:
    with torch.no_grad():
        return network(torch.from_numpy(image(4, 2, 32)))


def stepped_optimizer() -> torch.optim.Optimizer:
    parameter = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
    parameter.sum().backward()
    optimizer.step()
    return optimizer


def training_checkpoint(theirs: dict[str, Tensor]) -> dict[str, object]:
    return {
        "epoch": 300,
        "arch": "MicroNet",
        "best_prec1": torch.tensor(46.6),
        "optimizer": stepped_optimizer().state_dict(),
        "state_dict": prefixed(theirs),
    }


def prefixed(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"module.{name}": value for name, value in theirs.items()}


def as_parameters(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n: nn.Parameter(value, requires_grad=value.is_floating_point()) for n, value in theirs.items()}


FORMS = {
    "training checkpoint": training_checkpoint,
    "nested and prefixed": lambda theirs: {"state_dict": prefixed(theirs)},
    "nested": lambda theirs: {"state_dict": OrderedDict(theirs)},
    "bare and prefixed": prefixed,
    "bare": dict,
    "parameters": as_parameters,
    "without counters": lambda theirs: {n: v for n, v in theirs.items() if "num_batches" not in n},
}


@each_variant
@pytest.mark.parametrize("form", FORMS)
def test_authors_files_give_their_network(tmp_path, variant, form):
    theirs = authors_weights(variant)
    path = tmp_path / "authors.pth"
    torch.save(FORMS[form](theirs), path)
    checkpoint = load_checkpoint(path)
    assert (checkpoint.variant, checkpoint.num_classes) == (variant, CLASSES)
    assert (checkpoint.labels, checkpoint.preprocessing) == (None, None)
    assert torch.equal(logits(checkpoint.network), logits(expected_network(variant, theirs)))


@each_variant
def test_authors_files_give_the_authors_logits(tmp_path, variant):
    path = tmp_path / "authors.pth"
    torch.save(training_checkpoint(weights(variant, 10, 7)), path)
    with torch.no_grad():
        found = load_checkpoint(path).network(torch.from_numpy(image(2, 1, 96)))
    expected = torch.from_numpy(GOLDEN[f"{variant}_logits_96_10"])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)  # float32 figures below 1


@each_variant
def test_our_files_come_back_whole(tmp_path, variant):
    network = expected_network(variant, authors_weights(variant))
    network.features.stem.vertical_norm.num_batches_tracked += 5
    path = tmp_path / "ours.safetensors"
    save_checkpoint(network, path, preprocessing=PREPROCESSING, labels=LABELS)
    checkpoint = load_checkpoint(path)
    assert (checkpoint.variant, checkpoint.num_classes, checkpoint.path) == (variant, CLASSES, path)
    assert (checkpoint.labels, checkpoint.preprocessing) == (LABELS, PREPROCESSING)
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    state = checkpoint.network.state_dict()
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())
    assert torch.equal(logits(checkpoint.network), logits(network))


@each_variant
def test_our_names_are_read_from_torch_files_too(tmp_path, variant):
    network = expected_network(variant, authors_weights(variant))
    path = tmp_path / "ours.pth"
    torch.save(network.state_dict(), path)
    assert torch.equal(logits(load_checkpoint(path).network), logits(network))


@each_variant
def test_authors_names_are_read_from_safetensors_too(tmp_path, variant):
    theirs = authors_weights(variant)
    path = tmp_path / "authors.safetensors"
    save_file(prefixed(theirs), path)
    checkpoint = load_checkpoint(path)
    assert (checkpoint.labels, checkpoint.preprocessing) == (None, None)
    assert torch.equal(logits(checkpoint.network), logits(expected_network(variant, theirs)))


def test_the_old_torch_format_is_read(tmp_path):
    theirs = authors_weights("m0")
    path = tmp_path / "old.pth"
    torch.save(training_checkpoint(theirs), path, _use_new_zipfile_serialization=False)
    found = load_checkpoint(path).network
    assert torch.equal(logits(found), logits(expected_network("m0", theirs)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_weights_of_other_precisions_become_float32(tmp_path, dtype):
    theirs = authors_weights("m0")
    stored = {name: v.to(dtype) if v.is_floating_point() else v for name, v in theirs.items()}
    path = tmp_path / "precision.pth"
    torch.save(stored, path)
    network = load_checkpoint(path).network
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    rounded = {name: v.float() if v.is_floating_point() else v for name, v in stored.items()}
    assert torch.equal(logits(network), logits(expected_network("m0", rounded)))


def test_the_network_is_in_inference_mode_and_of_its_own_memory(tmp_path):
    path = tmp_path / "authors.pth"
    torch.save(authors_weights("m0"), path)
    first, second = load_checkpoint(path).network, load_checkpoint(path).network
    assert not any(module.training for module in first.modules())
    before = logits(second)
    nn.init.zeros_(first.classifier.logits.linear.weight)
    assert torch.equal(logits(second), before)


def test_paths_may_be_text_and_expectations_that_hold_change_nothing(tmp_path):
    path = tmp_path / "authors.pth"
    torch.save(authors_weights("m2"), path)
    checkpoint = load_checkpoint(str(path), variant="m2", num_classes=CLASSES)
    assert (checkpoint.variant, checkpoint.path) == ("m2", path)


def test_a_variant_that_does_not_exist_is_a_wrong_setting(tmp_path, refusal):
    path = tmp_path / "authors.pth"
    torch.save(authors_weights("m0"), path)
    assert "unknown variant 'm4'" in refusal(SettingsError, load_checkpoint, path, variant="m4")


# --- What our own files say of themselves


def our_description(**changed: object) -> dict[str, object]:
    return {
        "format": "micronet-edge/1",
        "variant": "m0",
        "num_classes": CLASSES,
        "input_size": PREPROCESSING.size,
        "labels": LABELS,
        "preprocessing": PREPROCESSING.to_dict(),
        **changed,
    }


@pytest.fixture
def described(tmp_path):
    """Writes m0 as our own file with another description; gives the path."""

    def call(description: str):
        path = tmp_path / "ours.safetensors"
        state = expected_network("m0", authors_weights("m0")).state_dict()
        save_file(state, path, {DESCRIPTION_KEY: description})
        return path

    return call


def test_the_description_is_readable_json(described, tmp_path):
    path = tmp_path / "saved.safetensors"
    network = expected_network("m0", authors_weights("m0"))
    save_checkpoint(network, path, preprocessing=PREPROCESSING, labels=LABELS)
    with safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()[DESCRIPTION_KEY]) == json.loads(json.dumps(our_description()))
    built = load_checkpoint(described(json.dumps(our_description())))
    assert (built.labels, built.preprocessing) == (LABELS, PREPROCESSING)


def test_the_same_network_gives_the_same_bytes_and_no_other_file(tmp_path):
    contents = []
    for number in range(3):
        network = expected_network("m0", authors_weights("m0"))
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(b"what was there before")
        save_checkpoint(network, path, preprocessing=PREPROCESSING, labels=LABELS)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1] == contents[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{n}.safetensors" for n in range(3)]


def changed_preprocessing(**changed: object) -> dict[str, object]:
    return {"preprocessing": {**PREPROCESSING.to_dict(), **changed}}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"labels": None}, id="labels: nothing"),
        pytest.param({"labels": 3}, id="labels: a number"),
        pytest.param({"labels": "abc"}, id="labels: three letters"),
        pytest.param({"preprocessing": "x"}, id="preprocessing: text"),
        pytest.param({"preprocessing": []}, id="preprocessing: a list"),
        pytest.param({"preprocessing": {}}, id="preprocessing: nothing"),
        pytest.param(changed_preprocessing(size="96"), id="preprocessing: text as size"),
        pytest.param(changed_preprocessing(size=31.5), id="preprocessing: size 31.5"),
        pytest.param(changed_preprocessing(size=0), id="preprocessing: size 0"),
        pytest.param(changed_preprocessing(mean=[1]), id="preprocessing: one mean"),
        pytest.param(changed_preprocessing(std=[0, 1, 1]), id="preprocessing: deviation 0"),
        pytest.param(changed_preprocessing(new=1), id="preprocessing: unknown field"),
    ],
)
def test_a_description_that_cannot_be_read_is_refused(described, refusal, changed):
    path = described(json.dumps(our_description(**changed)))
    message = refusal(CheckpointError, load_checkpoint, path)
    assert message == f"{path}: labels or preprocessing cannot be read: save it again"


@pytest.mark.parametrize("description", ["", "[[", "[]", "3", '"text"', "null"])
def test_a_description_that_is_no_object_is_refused(described, refusal, description):
    path = described(description)
    message = refusal(CheckpointError, load_checkpoint, path)
    assert message == f"{path}: labels or preprocessing cannot be read: save it again"


@pytest.mark.parametrize("missing", ["variant", "num_classes", "input_size", "labels", "preprocessing"])
def test_a_description_with_a_hole_is_refused(described, refusal, missing):
    kept = {key: value for key, value in our_description().items() if key != missing}
    path = described(json.dumps(kept))
    message = refusal(CheckpointError, load_checkpoint, path)
    assert message == f"{path}: labels or preprocessing cannot be read: save it again"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"variant": "m3"}, "m3 with 3 classes at 96 px, 3 labels"),
        ({"num_classes": 4}, "m0 with 4 classes at 96 px, 3 labels"),
        ({"input_size": 64}, "m0 with 3 classes at 64 px, 3 labels"),
        ({"labels": ["one"]}, "m0 with 3 classes at 96 px, 1 label"),
    ],
    ids=["variant", "classes", "input size", "labels"],
)
def test_a_description_of_another_network_is_refused(described, refusal, changed, said):
    path = described(json.dumps(our_description(**changed)))
    message = refusal(CheckpointError, load_checkpoint, path)
    assert message.startswith(f"{path} says it holds {said}; its tensors are m0 with 3 classes")


def test_labels_that_do_not_fit_are_refused_before_anything_is_written(tmp_path, refusal):
    path = tmp_path / "ours.safetensors"
    network = MicroNet("m0", CLASSES)
    message = refusal(
        SettingsError, save_checkpoint, network, path, preprocessing=PREPROCESSING, labels=("one",)
    )
    assert "1 label for" in message
    assert "3 classes" in message
    assert not path.exists()


@pytest.mark.parametrize("place", ["missing/ours.safetensors", "folder"])
def test_a_place_that_cannot_be_written_is_refused_and_nothing_left_there(tmp_path, refusal, place):
    (tmp_path / "folder").mkdir()
    path = tmp_path / place
    message = refusal(
        OutputError,
        save_checkpoint,
        MicroNet("m0", CLASSES),
        path,
        preprocessing=PREPROCESSING,
        labels=LABELS,
    )
    assert str(path) in message
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_reading_one_does_not_load_pytorchs_compiler(tmp_path):
    save_checkpoint(MicroNet("m0", CLASSES), tmp_path / "m0.pt", preprocessing=PREPROCESSING, labels=LABELS)
    code = (
        "import sys; from micronet_edge.models import load_checkpoint; "
        "load_checkpoint('m0.pt'); print('torch._dynamo' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "False\n"
