"""Loads a classifier's weights into a backbone, also for another number of input channels."""

from pathlib import Path

import torch
from torch import Tensor, nn

from micronet_edge.errors import CheckpointError
from micronet_edge.models.checked_tensors import checked
from micronet_edge.models.checkpoint_files import read_file
from micronet_edge.models.differences import misfit
from micronet_edge.models.weight_sets import choose_weights

_STEM = "features.stem.vertical.weight"
_COLORS = 3


def load_features(network: nn.Module, path: Path) -> None:
    """Loads the weights of `features.` from a checkpoint; averaged ones (EMA) where it holds both.

    Raises CheckpointError on a file that cannot be read or holds other layers, and on unusable weights.
    """
    content, _ = read_file(path)
    chosen, _, _ = choose_weights(path, content, None)
    own = network.state_dict()
    given = {name: value for name, value in chosen.tensors.items() if name in own}
    if _STEM in given:
        given[_STEM] = _for_channels(given[_STEM], own[_STEM].shape[1])
    if (reason := misfit(own, given)) is not None:
        raise CheckpointError(
            f"{path} does not fit the backbone: {reason}: give a checkpoint of the same variant"
        )
    network.load_state_dict({**own, **{name: checked(path, name, value) for name, value in given.items()}})


def _for_channels(weight: Tensor, channels: int) -> Tensor:
    """The stem's weights of three colours for another number of channels; others as they are.

    Source: timm/models/_manipulate.py, adapt_input_conv.
    """
    if weight.ndim < 2 or weight.shape[1] != _COLORS or channels == _COLORS:  # noqa: PLR2004
        return weight
    if channels == 1:
        return weight.float().sum(1, keepdim=True)
    repeated = torch.cat([weight.float()] * -(-channels // _COLORS), dim=1)[:, :channels]
    return repeated * (_COLORS / channels)
