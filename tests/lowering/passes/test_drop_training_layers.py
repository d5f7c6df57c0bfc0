"""Dropout and identity leave no trace."""

import pytest
from lowering.networks import assert_once_is_enough, assert_untouched, operators, rewritten, stem, traced
from torch import nn

from micronet_edge.lowering.passes.drop_training_layers import DropTrainingLayers

DROP = DropTrainingLayers()


@pytest.mark.parametrize("idle", [nn.Dropout(0.5), nn.Dropout2d(0.5), nn.Identity()], ids=repr)
def test_idle_layers_are_taken_out(idle):
    network, applied = rewritten(DROP, traced(idle, stem(4), idle, nn.ReLU(), idle))
    assert operators(network) == ["Conv2d", "ReLU"]
    assert applied.places == 3
    assert applied.difference == 0
    assert_once_is_enough(DROP, network)


def test_layers_that_do_something_stay():
    assert_untouched(DROP, traced(stem(4), nn.BatchNorm2d(4), nn.ReLU()))
