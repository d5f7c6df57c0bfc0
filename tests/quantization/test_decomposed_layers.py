"""Which operators were one layer before it was decomposed."""

import pytest
from lowering.networks import micronet
from quantization.networks import layer_names, traced
from quantized_digits import decomposed_digits
from torch import nn

from micronet_edge.lowering import INTEGER, lower
from micronet_edge.quantization.layers import layers


@pytest.fixture(scope="module")
def grouped():
    return layers(decomposed_digits()[1])


def test_every_operator_belongs_to_one_layer(grouped):
    _, network = decomposed_digits()
    operators = [name for names in grouped.values() for name in names]
    assert sorted(operators) == sorted(layer_names(network))
    assert "image" not in operators


def test_operators_stand_in_order_of_execution(grouped):
    places = {name: place for place, name in enumerate(layer_names(decomposed_digits()[1]))}
    for names in grouped.values():
        assert [places[name] for name in names] == sorted(places[name] for name in names)
    firsts = [places[names[0]] for names in grouped.values()]
    assert firsts == sorted(firsts)


def test_a_convolution_its_border_and_its_clip_are_one(grouped):
    assert grouped["features/stem/horizontal"] == (
        "features/stem/horizontal/conv",
        "features/stem/horizontal/border",
        "features/stem/activation",
    )


def test_an_activation_is_one_layer_with_all_its_coefficients(grouped):
    activations = [names for names in grouped.values() if any("excite" in name for name in names)]
    assert len(activations) == 15
    for names in activations:
        assert len({name.rsplit("/", 1)[0] for name in names if name != "pool/activation"}) == 1
        assert sum(name.endswith("/mean") for name in names) == 1


def test_layers_are_named_as_the_network_names_them(grouped):
    names = {name.replace(".", "/") for name, _ in micronet("m0").named_modules()}
    strangers = {name for name in grouped if name not in names}
    assert {name.rsplit("/", 1)[1] for name in strangers} <= {"residual"}


def test_what_gives_no_numbers_of_its_own_goes_with_what_it_reads():
    network = traced(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(4, 2))
    assert layers(network) == {"0": ("0", "1"), "2": ("2", "3"), "4": ("4",)}


def test_a_clip_of_the_image_is_a_layer():
    assert layers(traced(nn.ReLU(), nn.Conv2d(3, 4, 1))) == {"0": ("0",), "1": ("1",)}


def test_another_variant_has_a_layer_for_every_name_too():
    network = lower(micronet("m3"), INTEGER, 32).network
    operators = [name for names in layers(network).values() for name in names]
    assert sorted(operators) == sorted(layer_names(network))
