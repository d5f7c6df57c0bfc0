"""A clip trades places with the shuffle that it alone reads."""

import pytest
from lowering.networks import (
    Outputs,
    assert_once_is_enough,
    assert_untouched,
    micronet,
    operators,
    rewritten,
    shift_max,
    stem,
    traced,
)
from reference.authors import VARIANTS
from torch import nn

from micronet_edge.lowering import lower
from micronet_edge.models import ChannelShuffle
from micronet_edge_c.passes.clip_before_shuffle import ClipBeforeShuffle

SWAP = ClipBeforeShuffle()


@pytest.mark.parametrize("clip", [nn.ReLU(), nn.ReLU6(), nn.Hardtanh(-0.3, 0.2)], ids=repr)
def test_a_clip_behind_a_shuffle(clip):
    network, applied = rewritten(SWAP, traced(stem(6), ChannelShuffle(2), clip, nn.Conv2d(6, 4, 1)))
    assert operators(network) == ["Conv2d", type(clip).__name__, "ChannelShuffle", "Conv2d"]
    assert applied.places == 1
    assert applied.difference == 0
    assert_once_is_enough(SWAP, network)


def test_a_clip_passes_several_shuffles():
    network, applied = rewritten(SWAP, traced(stem(6), ChannelShuffle(2), ChannelShuffle(3), nn.ReLU()))
    assert operators(network) == ["Conv2d", "ReLU", "ChannelShuffle", "ChannelShuffle"]
    assert applied.places == 2


@pytest.mark.parametrize(
    "layers",
    [
        (stem(6), nn.ReLU(), ChannelShuffle(2)),
        (stem(6), ChannelShuffle(2), nn.Hardswish()),
        (stem(6), ChannelShuffle(2), shift_max(6, 3)),
        (Outputs(stem(6), ChannelShuffle(2), nn.ReLU()),),
    ],
    ids=["before", "no clip", "activation", "read twice"],
)
def test_others_stay(layers):
    assert_untouched(SWAP, traced(*layers))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant(variant):
    lowered = lower(micronet(variant), (SWAP,), 64)
    assert lowered.applied[0].difference <= 1e-6
