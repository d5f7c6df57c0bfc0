"""Which weights decay, and how fast each layer learns."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from micronet_edge.models import MicroNet
from micronet_edge.training.recipe import OptimizerRecipe, Recipe

LR_FACTOR = "lr_factor"
"""Key of a group's factor of the learning rate."""


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that are trained alike: their names, whether they decay, and their factor of the rate."""

    names: tuple[str, ...]
    decays: bool
    lr_factor: float


def parameter_groups(network: MicroNet, recipe: Recipe) -> list[Group]:
    """The groups of a network's parameters, in its own order.

    Norms and biases do not decay unless the recipe says so. The factor falls by `layer_decay` with each block
    further from the head.
    """
    depths = dict(_depths(network))
    members: dict[tuple[bool, int], list[str]] = {}
    for name, parameter in network.named_parameters():
        decays = recipe.optimizer.decay_norms or parameter.ndim > 1
        members.setdefault((decays, depths[name]), []).append(name)
    factor = recipe.schedule.layer_decay
    return [Group(tuple(names), decays, factor**depth) for (decays, depth), names in members.items()]


def _depths(network: MicroNet) -> Iterator[tuple[str, int]]:
    """The number of blocks between each parameter and the head, which the classifier's layers are."""
    layers = list(network.features.named_children())
    for name, _ in network.named_parameters():
        room, _, rest = name.partition(".")
        layer = rest.partition(".")[0]
        place = next((index for index, (each, _) in enumerate(layers) if each == layer), None)
        yield name, len(layers) - place if room == "features" and place is not None else 0


def optimizer_for(network: MicroNet, recipe: Recipe) -> torch.optim.Optimizer:
    """The optimizer of a recipe over all parameters, with one group for each kind."""
    parameters = dict(network.named_parameters())
    groups: list[dict[str, object]] = [
        {
            "params": [parameters[name] for name in group.names],
            "weight_decay": recipe.optimizer.weight_decay if group.decays else 0.0,
            LR_FACTOR: group.lr_factor,
        }
        for group in parameter_groups(network, recipe)
    ]
    return _made(groups, recipe.optimizer)


def _made(groups: list[dict[str, object]], recipe: OptimizerRecipe) -> torch.optim.Optimizer:
    if recipe.name == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.lr)
    nesterov = recipe.nesterov and recipe.momentum > 0
    # One pass over each weight, in place of one for each operation.
    made = torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=nesterov, fused=True)
    made.register_step_pre_hook(_start_momentum)
    return made


def _start_momentum(
    optimizer: torch.optim.Optimizer, _positional: tuple[object, ...], _named: dict[str, object]
) -> None:
    """Gives a momentum of zero to weights that had no gradient before: the fused pass takes all or none."""
    for group in optimizer.param_groups:
        for weight in group["params"] if group["momentum"] else ():
            if weight.grad is not None and optimizer.state[weight].get("momentum_buffer") is None:
                optimizer.state[weight]["momentum_buffer"] = torch.zeros_like(weight)


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Sets the learning rate of all groups, each with its own factor."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group[LR_FACTOR]


class HeadAlone:
    """Trains only a network's new head: freezes all other weights, and the statistics of their norms."""

    def __init__(self, network: MicroNet) -> None:
        self._network = network
        self._head = network.classifier.get_submodule("logits")

    def freeze(self) -> None:
        """Puts all but the head into inference mode, without gradients."""
        self._network.eval().requires_grad_(requires_grad=False)
        self._head.train().requires_grad_()
        self._network.classifier.get_submodule("dropout").train()

    def thaw(self) -> None:
        """Trains all layers."""
        self._network.train().requires_grad_()


def trained_parameters(network: nn.Module) -> list[nn.Parameter]:
    """The parameters that get gradients."""
    return [each for each in network.parameters() if each.requires_grad]
