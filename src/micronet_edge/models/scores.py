"""What a classifier gives: logits, or the probabilities that a softmax makes of them."""

import copy
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from micronet_edge.data.metadata import check_classifier
from micronet_edge.models.source import Source
from micronet_edge.settings import Scores


def giving(source: Source, scores: Scores) -> Source:
    """The network with these scores at its end.

    Raises SettingsError where a network that is no classifier is to give probabilities.
    """
    if scores == "logits":
        return source
    check_classifier(source.metadata, source.called, "--scores softmax")
    metadata = replace(source.metadata, scores=scores)
    return replace(source, network=with_softmax(source.network), metadata=metadata)


def with_softmax(network: nn.Module) -> nn.Module:
    """The same network with a softmax behind it; its layers keep their names.

    The softmax is no layer of the network: one that runs all its layers, as nn.Sequential does,
    would run it twice.
    """
    own = type(network)

    def forward(self: nn.Module, *inputs: Tensor) -> Any:  # noqa: ANN401 - as nn.Module calls it
        return own.forward(self, *inputs).softmax(1)

    result = copy.copy(network)
    result.__class__ = type(own.__name__, (own,), {"forward": forward, "__module__": own.__module__})
    return result.eval()
