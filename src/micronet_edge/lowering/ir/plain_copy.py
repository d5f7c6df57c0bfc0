"""A copy of a network in inference mode whose weights are plain tensors."""

import copy

from torch import Tensor, nn
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm


def plain_copy(network: nn.Module) -> nn.Module:
    """The network as it computes in inference: weights that are computed of others are computed once.

    Given    any module, perhaps with weight norms, spectral norms, parametrizations or pruned weights
    Result   a copy, which shares nothing with it
    """
    computed = {
        id(each): each.detach().clone()
        for module in network.modules()
        for each in vars(module).values()
        if isinstance(each, Tensor) and not each.is_leaf  # PyTorch copies no tensor that has a gradient
    }
    copied = copy.deepcopy(network, dict(computed)).eval()
    for module in copied.modules():
        _compute_weights(module)
    return copied


def _compute_weights(module: nn.Module) -> None:
    for hook in list(module._forward_pre_hooks.values()):  # noqa: SLF001 - there is no other way to ask
        if isinstance(hook, WeightNorm):
            remove_weight_norm(module, hook.name)
        elif isinstance(hook, SpectralNorm):
            remove_spectral_norm(module, hook.name)
        elif isinstance(hook, prune.BasePruningMethod):
            prune.remove(module, hook._tensor_name)  # type: ignore[no-untyped-call]  # noqa: SLF001
    if parametrize.is_parametrized(module):
        _replace_parametrized(module)


def _replace_parametrized(module: nn.Module) -> None:
    """Gives the module back its own class, which its original does not share."""
    held = module.parametrizations
    assert isinstance(held, nn.ModuleDict)
    computed = {name: getattr(module, name).detach().clone() for name in held}
    module.__class__ = type(module).__mro__[1]
    del module.parametrizations
    for name, value in computed.items():
        module.register_parameter(name, nn.Parameter(value))
