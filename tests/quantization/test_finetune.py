"""Fine-tuning: nearer to the float network, never farther, and the same every time."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from example_images import digits

from micronet_edge.data.image_folders import LabelledImages
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import SettingsError
from micronet_edge.lowering import INTEGER, lower
from micronet_edge.models import load_checkpoint
from micronet_edge.quantization import finetune as module
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.finetune import MINIMUM_IMAGES, finetune
from micronet_edge.quantization.finetune_images import split
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.quantization.simulate_half_up import with_half_up
from micronet_edge.util.threads import one_thread

CHECKPOINT = Path(digits.__file__).parent / "m0-digits.safetensors"
EPOCHS = 2

NARROW = 99.0
"""A percentile that cuts off so much that there is something to mend."""


def labelled(paths):
    return LabelledImages(
        tuple(paths), tuple(digits.image_label(path) for path in paths), digits.LABELS, "digits", 0, {}, ""
    )


@pytest.fixture(scope="module")
def preprocessing():
    return Preprocessing(size=96, resize=96)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = digits.write_images(tmp_path_factory.mktemp("digits"))
    return labelled(digits.image_paths("train", folder)[::4])


@pytest.fixture(scope="module")
def start(preprocessing, images):
    """The digits network with quantization parameters, as calibration leaves it."""
    network = lower(load_checkpoint(CHECKPOINT).network, INTEGER, preprocessing.size).network
    with one_thread():
        calibration = torch.from_numpy(preprocessing.batch(images.paths[::8]))
        ranges = calibrate(network, calibration, NARROW)
    return QuantizedNetwork(network, preprocessing, assign_qparams(network, ranges, 8))


@pytest.fixture
def quantized(start):
    return replace(start, network=copy.deepcopy(start.network))


@pytest.fixture(scope="module")
def tuned(start, images):
    """The network after fine-tuning, what came of it, and the progress that was told."""
    quantized, told = replace(start, network=copy.deepcopy(start.network)), []
    result = finetune(quantized, images, epochs=EPOCHS, progress=told.append)
    return quantized, result, told


def same_weights(first, second):
    theirs = second.network.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in first.network.state_dict().items())


def distance(quantized, teacher, images, preprocessing):
    """Mean squared difference between the logits of the simulation and of the float network."""
    batch = torch.from_numpy(preprocessing.batch(images.paths[3::7]))
    with one_thread(), torch.no_grad():
        return float((Simulation(quantized)(batch) - teacher(batch)).square().mean())


@pytest.mark.slow
def test_half_up_arithmetic_comes_nearer_as_well(start, images, preprocessing):
    own = with_half_up(replace(start, network=copy.deepcopy(start.network)))
    before = distance(own, start.network, images, preprocessing)
    assert finetune(own, images, teacher=start.network, epochs=1).kept_epoch == 1
    assert distance(own, start.network, images, preprocessing) < before


def test_comes_nearer_to_the_float_network(tuned, start, images, preprocessing):
    quantized, result, _ = tuned
    assert (result.epochs, result.stopped_early) == (EPOCHS, False)
    assert result.kept_epoch > 0
    assert result.agreement_after >= result.agreement_before
    before, after = (distance(each, start.network, images, preprocessing) for each in (start, quantized))
    assert after < 0.8 * before


def test_holds_out_a_tenth_of_every_class(images):
    trained, held_out = split(images.classes)
    assert sorted((*trained, *held_out)) == list(range(images.count))
    for label in range(len(digits.LABELS)):
        share = [images.classes[place] for place in held_out].count(label) / images.classes.count(label)
        assert 0.05 < share < 0.15


def test_leaves_the_qparams_and_every_constant_as_they_are(tuned, start):
    quantized, _, _ = tuned
    assert quantized.tensor_qparams == start.tensor_qparams
    constants = dict(start.network.named_buffers())
    assert constants
    assert all(torch.equal(value, constants[name]) for name, value in quantized.network.named_buffers())
    assert not same_weights(quantized, start)


def test_gives_the_same_again(tuned, quantized, images):
    before, result, _ = tuned
    torch.manual_seed(1)  # whatever the caller did
    again = finetune(quantized, images, epochs=EPOCHS)
    assert same_weights(quantized, before)
    assert replace(again, seconds=0) == replace(result, seconds=0)


def test_tells_how_far_it_is(tuned):
    _, result, told = tuned
    assert (told[0].done, told[0].agreement) == (0, result.agreement_before)
    assert told[-1].done == told[-1].total == EPOCHS * result.trained
    assert [each.done for each in told] == sorted(each.done for each in told)


def test_keeps_the_start_and_stops_where_nothing_is_gained(quantized, start, images, monkeypatch):
    monkeypatch.setattr(module, "LEARNING_RATE", 1.0)
    monkeypatch.setattr(module, "PATIENCE", 1)
    result = finetune(quantized, images, epochs=EPOCHS)
    assert (result.epochs, result.kept_epoch, result.stopped_early) == (1, 0, True)
    assert result.agreement_after == result.agreement_before
    assert same_weights(quantized, start)


def test_keeps_the_start_where_the_gain_may_be_chance(quantized, start, images, monkeypatch):
    monkeypatch.setattr(module, "_CHANCE", 100.0)
    result = finetune(quantized, images, epochs=1)
    assert (result.epochs, result.kept_epoch) == (1, 0)
    assert same_weights(quantized, start)


def test_keeps_the_start_where_training_breaks_down(quantized, start, images, monkeypatch):
    monkeypatch.setattr(module, "LEARNING_RATE", float("inf"))
    result = finetune(quantized, images, epochs=EPOCHS)
    assert (result.epochs, result.kept_epoch, result.stopped_early) == (1, 0, True)
    assert same_weights(quantized, start)


def test_leaves_the_network_as_it_was_when_interrupted(quantized, start, images):
    def interrupt(progress):
        if progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetune(quantized, images, progress=interrupt)
    assert same_weights(quantized, start)


def test_refuses_too_few_images(quantized, images, refusal):
    few = labelled(images.paths[: MINIMUM_IMAGES - 1])
    message = refusal(SettingsError, finetune, quantized, few)
    assert message.startswith(f"digits holds {MINIMUM_IMAGES - 1} images, too few to fine-tune on")


def test_refuses_no_epochs(quantized, images, refusal):
    message = refusal(SettingsError, finetune, quantized, images, epochs=0)
    assert "epochs 0: give a whole number from 1 to 1,000, since" in message


def test_refuses_a_file_that_is_no_image(quantized, images, refusal, tmp_path):
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(b"no image")
    broken = replace(images, paths=(*images.paths[:-1], damaged))
    assert f"{damaged} cannot be read" in refusal(SettingsError, finetune, quantized, broken)


def test_refuses_a_teacher_that_gives_nan(quantized, start, images, refusal):
    teacher = copy.deepcopy(start.network)
    with torch.no_grad():
        list(teacher.parameters())[-1].fill_(float("nan"))
    message = refusal(SettingsError, finetune, quantized, images, teacher=teacher)
    assert message == "the float network gives NaN or infinity on images of digits: train it anew"
