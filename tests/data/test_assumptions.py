"""What a checkpoint leaves open can be said, and is said to be assumed where nobody does."""

import pytest
import torch
from cli.command import DIGITS

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import CheckpointError, SettingsError
from micronet_edge.models import MicroNet, load_checkpoint
from micronet_edge.models.source import read_source, reload_checkpoint, reread_source
from micronet_edge.settings import CheckpointSettings

LABELS = tuple("abcdefghij")


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The digits' weights and nothing else."""
    path = tmp_path_factory.mktemp("bare") / "bare.pth"
    torch.save(load_checkpoint(DIGITS).network.state_dict(), path)
    return path


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(LABELS))
    return path


def source(path, **given):
    return read_source(path, None, CheckpointSettings(**given))


def test_of_a_bare_checkpoint_all_is_assumed_and_said(bare):
    found = source(bare)
    assert found.metadata.preprocessing == Preprocessing.imagenet()
    assert found.metadata.assumed == (
        "size",
        "resize",
        "interpolation",
        "mean",
        "std",
        "color_order",
        "labels",
    )
    assert found.metadata.labels_assumed
    assert found.assumption == (
        f"{bare} does not state how it was trained. Assumed, as in the released networks: input 224 px, "
        "short side resized to 256 px, bilinear interpolation, mean 0.485 0.456 0.406, standard deviation "
        "0.229 0.224 0.225, colours in the order RGB, labels '0' to '9'. If it was trained otherwise, its "
        "predictions are wrong: give --input-size, --resize, --interpolation, --mean, --std, --color-order, "
        "--labels"
    )


def test_what_is_said_is_not_assumed(bare, labels):
    found = source(
        bare,
        input_size=96,
        resize=96,
        interpolation="bicubic",
        mean=(0.1, 0.2, 0.3),
        std=(0.4, 0.5, 0.6),
        color_order="BGR",
        labels=labels,
    )
    assert found.metadata.preprocessing == Preprocessing(
        96, 96, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "BGR", "bicubic"
    )
    assert (found.metadata.labels, found.metadata.assumed, found.assumption) == (LABELS, (), None)


def test_each_thing_that_is_said_leaves_the_others_assumed(bare):
    found = source(bare, mean=(0.5, 0.5, 0.5), input_size=128)
    assert found.metadata.preprocessing == Preprocessing(128, 146, (0.5, 0.5, 0.5))
    assert found.metadata.assumed == ("resize", "interpolation", "std", "color_order", "labels")
    assert "mean" not in found.assumption
    assert "input 128" not in found.assumption


@pytest.mark.parametrize(("crop", "resize"), [(0.875, 256), (0.95, 235), (1.0, 224), (0.9, 248), (0.5, 448)])
def test_a_crop_is_a_share_of_the_short_side_as_in_timm(bare, crop, resize):
    found = source(bare, crop=crop)
    assert found.metadata.preprocessing.resize == resize  # floor(224 / crop)
    assert "resize" not in found.metadata.assumed


def test_a_checkpoint_that_says_all_assumes_nothing():
    found = source(DIGITS)
    assert (found.metadata.assumed, found.assumption, found.notes) == ((), None, ())


def test_what_a_person_says_goes_before_what_a_checkpoint_says(labels):
    found = source(DIGITS, mean=(0.5, 0.5, 0.5), input_size=128, labels=labels)
    own = load_checkpoint(DIGITS).preprocessing
    assert found.metadata.preprocessing == Preprocessing(
        128, 128, (0.5, 0.5, 0.5), own.std, own.color_order, own.interpolation
    )
    assert (found.metadata.labels, found.metadata.assumed) == (LABELS, ())
    (note,) = found.notes
    assert note.startswith(
        f"settings that replace those of {DIGITS}: input 128 px instead of input 96 px; short side resized"
    )
    assert "mean 0.5 0.5 0.5 instead of mean 0." in note


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"resize": 256, "crop": 0.875}, "--resize and --crop both set the short side: give one of them"),
        ({"crop": 0.0}, "crop 0: give the share"),
        ({"crop": 1.5}, "crop 1.5: give the share"),
        ({"crop": 1e-9}, "at most 8192 px"),
        ({"crop": float("nan")}, "crop nan: give the share"),
        ({"resize": 96}, "cannot crop 224 px out of a short side of 96 px"),
        ({"input_size": 0}, "give 1 px or more"),
        ({"input_size": 2**31}, "at most 4096 px"),
        ({"std": (1e-300,) * 3}, "standard deviation 1e-300 lies outside 0.001 to 10"),
        ({"mean": (123.675, 116.28, 103.53)}, "do not fit: divide it by 255: 0.485"),
        ({"std": (58.395, 57.12, 57.375)}, "do not fit: divide it by 255: 0.229"),
        ({"num_classes": 10**12}, "at most 100,000"),
    ],
    ids=str,
)
def test_settings_that_no_network_has(bare, refusal, given, said):
    assert said in refusal(SettingsError, source, bare, **given)


def test_classes_are_checked_before_anything_is_read(tmp_path, refusal):
    said = refusal(SettingsError, source, tmp_path / "none.pth", num_classes=10**20)
    assert "at most 100,000" in said


def test_equal_labels_are_warned_of(bare, tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("same\n" * 10)
    (note,) = source(bare, labels=path).notes
    assert note.startswith("10 classes have 1 different labels ('same' 10 times)")


# --- Averaged weights


@pytest.fixture
def both(tmp_path):
    """A checkpoint of averaged and raw weights."""
    network = MicroNet("m0", 3).eval()
    raw = {name: value + 0.125 for name, value in network.state_dict().items()}
    path = tmp_path / "both.pth"
    torch.save({"state_dict": raw, "state_dict_ema": network.state_dict()}, path)
    return path


def bias(found):
    return float(found.network.classifier.logits.linear.bias.detach()[0])


def test_which_weights_were_taken_is_remembered_and_taken_again(both):
    averaged, raw = source(both), source(both, weights="raw")
    assert (bias(averaged), averaged.metadata.weights) == (0, "ema")
    assert (bias(raw), raw.metadata.weights) == (0.125, "raw")
    assert (bias(reread_source(both, averaged.metadata)), bias(reread_source(both, raw.metadata))) == (
        0,
        0.125,
    )
    assert bias(reload_checkpoint(both, raw.metadata)) == 0.125


@pytest.mark.parametrize("weights", ["ema", "raw"])
def test_weights_that_a_checkpoint_does_not_hold(bare, tmp_path, refusal, weights):
    averaged = tmp_path / "averaged.pth"
    torch.save({"model_ema": load_checkpoint(bare).network.state_dict()}, averaged)
    lacking, held = (bare, averaged) if weights == "ema" else (averaged, bare)
    said = refusal(CheckpointError, source, lacking, weights=weights)
    assert said.startswith(f"--weights {weights}: {lacking} holds ")
    assert source(held, weights=weights).metadata.variant == "m0"
