"""Networks that PyTorch has compiled: the one inside, or a refusal."""

from torch import nn
from torch.jit import ScriptModule

from micronet_edge.errors import NetworkError

_INSIDE = "_orig_mod"
"""The attribute of what torch.compile gives that is the module itself."""


def inside_compiled(network: nn.Module) -> nn.Module:
    """The network that torch.compile was given; any other network as it is."""
    held = getattr(network, _INSIDE, None)
    return inside_compiled(held) if isinstance(held, nn.Module) else network


def uncompiled(network: nn.Module) -> nn.Module:
    """The network, changed in place, without torch.compile around it or around its modules."""
    network = inside_compiled(network)
    for module in network.modules():
        module._compiled_call_impl = None  # noqa: SLF001 - what module.compile() sets
        children = list(module._modules.items())  # noqa: SLF001 - named_children gives each but once
        for name, child in children:
            if child is not None and (plain := inside_compiled(child)) is not child:
                setattr(module, name, plain)
    return network


def check_no_script(name: str, network: nn.Module) -> None:
    """Raises NetworkError on TorchScript, whose source is gone."""
    for path, module in network.named_modules():
        if isinstance(module, ScriptModule):
            where = f"{name}: {path}" if path else name
            raise NetworkError(f"{where} is TorchScript: give the original module, before torch.jit")
