"""Hooks: what runs around a module's forward, and a graph would leave out."""

from torch import nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.valued_proxy import ValuedTracer


def check_hooks(network: nn.Module) -> None:
    """Raises LoweringError on forward hooks of the network itself and of layers; others are traced."""
    tracer = ValuedTracer(())
    for path, module in network.named_modules():
        hooks = len(module._forward_hooks) + len(module._forward_pre_hooks)  # noqa: SLF001 - no other way
        if hooks and (module is network or tracer.is_leaf_module(module, path)):
            name = f"{type(module).__name__} {path}".rstrip()
            raise LoweringError(f"{name} has a forward hook: put what it does into forward")
