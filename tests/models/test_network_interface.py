"""Inputs and outputs of a person's network, found by running it once."""

from collections import namedtuple

import pytest
import torch
from torch import nn

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import NetworkError, SettingsError
from micronet_edge.lowering.ir.runs import tensors_in
from micronet_edge.models.source import read_source, reread_source
from micronet_edge.settings import CheckpointSettings

Pair = namedtuple("Pair", ("low", "high"))  # noqa: PYI024 - as people write them


class Detector(nn.Module):
    """Of two inputs, one of them optional."""

    def __init__(self):
        super().__init__()
        self.maps, self.row = nn.Conv2d(3, 4, 3), nn.Linear(5, 6)

    def forward(self, image, row, flag=None):  # noqa: ARG002
        maps = self.maps(image)
        return {
            "maps": [maps, maps + 1],
            "pair": Pair(self.row(row), row),
            "nothing": None,
            "class": maps.mean((1, 2, 3)).long(),
            "image": maps.mean((2, 3)),
        }


class Returns(nn.Module):
    """Gives what it is told to."""

    def __init__(self, given):
        super().__init__()
        self.given = given

    def forward(self, image):
        return self.given(image)


BOTH = ((3, 9, 11), (5,))
CLASSIFIER = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))


def source(network, **settings):
    return read_source(network, None, CheckpointSettings(**settings))


def shapes(specs):
    return {spec.name: spec.shape for spec in specs}


def test_outputs_are_named_by_what_leads_to_them():
    found = source(Detector(), input_shapes=BOTH, outputs=("pair_low", "maps_1"))
    signature = found.metadata.signature
    assert shapes(signature.inputs) == {"image": (3, 9, 11), "row": (5,)}
    assert list(shapes(signature.outputs).items()) == [("pair_low", (6,)), ("maps_1", (4, 7, 9))]
    assert not found.metadata.takes_images
    assert found.metadata.labels == ()


def test_the_chosen_outputs_are_the_networks_own():
    network = Detector()
    found = source(network, input_shapes=BOTH, outputs=("maps_1", "pair_low")).network
    image, row = torch.randn(2, 3, 9, 11), torch.randn(2, 5)
    expected = network(image, row)
    ours = found(image, row)
    assert torch.equal(ours[0], expected["maps"][1])
    assert torch.equal(ours[1], expected["pair"].low)


def test_an_output_never_has_an_inputs_name():
    found = source(Detector(), input_shapes=BOTH, outputs=("image_out",))
    assert shapes(found.metadata.signature.outputs) == {"image_out": (4,)}


def test_inputs_by_name_in_any_order():
    given = {"row": (5,), "image": (3, 9, 11)}
    found = source(Detector(), input_shapes=given, outputs=("maps_0",))
    assert list(shapes(found.metadata.signature.inputs)) == ["image", "row"]


def test_names_of_ones_own():
    given = {"photo": (3, 9, 11), "1 row": (5,)}
    found = source(Detector(), input_shapes=given, outputs=("maps_0", "pair_low"))
    assert list(shapes(found.metadata.signature.inputs)) == ["photo", "1 row"]
    assert [each.shape for each in tensors_in(found.network(torch.randn(1, 3, 9, 11), torch.randn(1, 5)))]


class ByName(nn.Module):
    """Takes its second input by name only."""

    def forward(self, x, *, y):
        return x - y


@pytest.mark.parametrize("given", [((4,), (4,)), {"x": (4,), "y": (4,)}, {"y": (4,), "x": (4,)}])
def test_an_input_that_is_passed_by_name_only(given):
    found = source(ByName(), input_shapes=given)
    assert shapes(found.metadata.signature.inputs) == {"x": (4,), "y": (4,)}
    first, second = torch.randn(2, 4), torch.randn(2, 4)
    assert torch.equal(found.network(first, second), first - second)


def test_an_image_that_is_passed_by_name_only():
    class Classifier(nn.Module):
        def forward(self, *, image):
            return image.mean((2, 3))

    found = source(Classifier(), input_size=8)
    assert found.metadata.is_classifier
    assert found.network(torch.zeros(2, 3, 8, 8)).shape == (2, 3)


def test_such_an_input_keeps_its_name(refusal):
    said = refusal(SettingsError, source, ByName(), input_shapes={"left": (4,), "right": (4,)})
    assert "takes x, y, some of them by name only: give these names, not left, right" in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "Detector needs row as well: give --input-shape image=... --input-shape row=..."),
        ({"input_shapes": ((3, 9, 9),)}, "Detector needs row as well"),
        ({"input_shapes": (*BOTH, (1,), (1,))}, "takes 3 inputs (image, row, flag), not 4"),
        ({"input_shapes": {"image": (3, 9, 9), "rows": (5,)}}, "takes image, row, flag, not image, rows"),
        ({"input_shapes": ((3, 9, 0), (5,))}, "input shape [3, 9, 0]: give whole numbers"),
        (
            {"input_shapes": BOTH, "outputs": ("maps",)},
            "no output maps: choose from maps_0, maps_1, pair_low",
        ),
        ({"input_shapes": BOTH, "outputs": ("maps_0", "maps_0")}, "give each once"),
        ({"input_shapes": BOTH, "num_classes": 3, "outputs": ("maps_0",)}, "is no image classifier"),
        ({"input_shapes": BOTH, "mean": (0.0, 0.0, 0.0)}, "--mean: for images only"),
        ({"color_order": "NONE"}, "give --input-shape as well"),
    ],
)
def test_settings_that_do_not_fit(refusal, settings, said):
    assert said in refusal(SettingsError, source, Detector(), **settings)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda x: x.long(), "output output0 is torch.int64"),
        (lambda x: x.mean(), "is [] for a batch of 1"),
        (lambda x: x[0], "is [3, 16, 16] for a batch of 1"),
        (lambda x: x[:, :0], "output output0 is empty"),
        (lambda _: "text", "outputs a str: return tensors"),
        (lambda x: {"a": [x, 7]}, "outputs a int in a_1"),
        (lambda _: None, "outputs no tensor"),
        (lambda x: x @ x[:, :1, :3, :3], "cannot take image [1, 3, 16, 16]"),
    ],
)
def test_outputs_that_no_file_can_give(refusal, given, said):
    assert said in refusal(NetworkError, source, Returns(given), input_shapes=((3, 16, 16),))


@pytest.mark.parametrize(
    ("device", "layer", "said"),
    [
        ("meta", nn.Linear, "Sequential: 0.weight is on the device meta, without numbers: load its weights"),
        ("cpu", nn.Linear, None),
        (
            "cpu",
            lambda _inputs, outputs: nn.LazyLinear(outputs),
            "0.weight has no shape yet: run the network",
        ),
    ],
)
def test_weights_that_are_not_there(refusal, device, layer, said):
    with torch.device(device):
        network = nn.Sequential(layer(4, 2))
    if said is None:
        assert source(network, input_shapes=((4,),)).metadata.signature
    else:
        assert said in refusal(NetworkError, source, network, input_shapes=((4,),))


def test_shapes_that_are_given_are_not_asked_for_again(refusal):
    said = refusal(NetworkError, source, nn.Conv2d(1, 2, 3), input_shapes=((1, 1, 7),))
    assert said.endswith(": give shapes that its layers take")


def test_tokens_are_refused_with_the_reason(refusal):
    said = refusal(NetworkError, source, nn.Sequential(nn.Embedding(9, 4)), input_shapes=((7,),))
    assert "Long, Int" in said
    assert "only float inputs are exported" in said


def test_the_networks_own_reason_for_a_size_it_cannot_take(refusal):
    said = refusal(NetworkError, source, nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), input_size=4)
    assert "mat1 and mat2 shapes cannot be multiplied" in said
    assert "give --input-shape" in said


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ({"input_shapes": ((1, 20, 31),)}, (1, 20, 31)),
        ({"color_order": "GRAY", "input_size": 33}, (1, 33, 33)),
        ({"input_shapes": {"input": (1, 24, 24)}}, (1, 24, 24)),
    ],
)
def test_a_grey_classifier_is_one_like_any_other(settings, shape):
    found = source(CLASSIFIER, **settings)
    assert found.metadata.preprocessing.shape == shape
    assert (found.metadata.is_classifier, found.metadata.signature) == (True, None)
    assert found.metadata.labels == tuple("01234")
    assert "mean 0.449" in found.assumption
    assert "--mean, --std" in found.assumption
    assert "--input-size" not in found.assumption


def test_one_number_is_no_class_unless_it_is_called_one(tmp_path):
    network = Returns(lambda x: x.mean((2, 3))[:, :1])
    found = source(network, input_shapes=((3, 8, 8),)).metadata
    assert (found.takes_images, found.is_classifier, found.labels) == (True, False, ())
    assert shapes(found.signature.outputs) == {"output0": (1,)}
    assert "labels" not in found.assumed
    assert reread_source(network, found).metadata == found
    assert source(network, input_shapes=((3, 8, 8),), num_classes=1).metadata.is_classifier
    (tmp_path / "labels.txt").write_text("cat\n")
    one = source(network, input_shapes=((3, 8, 8),), labels=tmp_path / "labels.txt").metadata
    assert (one.is_classifier, one.labels) == (True, ("cat",))
    given = read_source(network, None, CheckpointSettings(), FileMetadata("age", (), Preprocessing(8, 8)))
    assert not given.metadata.is_classifier


def test_one_channel_may_be_no_image():
    found = source(CLASSIFIER, input_shapes=((1, 20, 31),), color_order="NONE")
    assert not found.metadata.takes_images
    assert found.assumption is None


def test_a_classifier_in_a_dict_keeps_its_name_and_is_found_again():
    network = Returns(lambda x: {"logits": x.mean((2, 3)), "other": x})
    found = source(network, input_shapes=((3, 8, 8),), outputs=("logits",))
    assert found.metadata.is_classifier
    again = reread_source(network, found.metadata)
    assert again.metadata == found.metadata
    assert again.network(torch.zeros(2, 3, 8, 8)).shape == (2, 3)


def test_another_network_is_not_taken_for_the_files(refusal):
    found = source(Returns(lambda x: x + 1), input_shapes=((3, 8, 8),))
    said = refusal(NetworkError, reread_source, Returns(lambda x: x[:, :1]), found.metadata)
    assert "give the same network" in said


def test_metadata_of_a_network_that_is_no_classifier():
    metadata = FileMetadata("boxes", ("cat", "dog"), Preprocessing(16, 16))
    found = read_source(Returns(lambda x: (x, x + 1)), None, CheckpointSettings(), metadata)
    assert found.metadata.labels == ("cat", "dog")
    assert list(shapes(found.metadata.signature.outputs)) == ["output0", "output1"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"input_shapes": ((1, 64, 64),)}, "takes images of 3 channels, not 1"),
        ({"input_shapes": ((64,),)}, "takes one image of three colours"),
        ({"color_order": "GRAY"}, "takes one image of three colours"),
        ({"outputs": ("boxes",)}, "no output boxes: choose from logits"),
        ({"input_shapes": ((3, 64, 64),), "input_size": 64}, "give one of them"),
        ({"input_shapes": ((3, 64, 9999),)}, "at most 4096 px"),
    ],
)
def test_what_a_micronet_does_not_take(refusal, settings, said):
    assert said in refusal(SettingsError, source, "m0", **settings)


def test_a_micronet_takes_images_of_any_proportions():
    found = source("m0", input_shapes=((3, 40, 70),))
    assert found.metadata.preprocessing.shape == (3, 40, 70)
    assert found.metadata.is_classifier
