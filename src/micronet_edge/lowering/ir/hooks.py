"""Hooks: what runs around a module's forward, and a graph would leave out."""

from torch import nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.valued_proxy import ValuedTracer

_OURS = f"{__name__.partition('.')[0]}."


def check_hooks(network: nn.Module) -> None:
    """Raises LoweringError on forward hooks of the network itself and of layers; others are traced.

    Our own check what forward is given, and change nothing.
    """
    tracer = ValuedTracer(())
    for path, module in network.named_modules():
        if _is_hooked(module) and (module is network or tracer.is_leaf_module(module, path)):
            name = f"{type(module).__name__} {path}".rstrip()
            raise LoweringError(f"{name} has a forward hook: put what it does into forward")


def _is_hooked(module: nn.Module) -> bool:
    hooks = [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]  # noqa: SLF001 - no other way
    return not all(getattr(hook, "__module__", "").startswith(_OURS) for hook in hooks)
