"""Batch norms that no layer before them can take in, as a product and a sum."""

from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.graph import batch_axis, dtype_of, module_of, only_input, shape_of
from micronet_edge.lowering.ir.graph_builder import LayerWriter, layer_of
from micronet_edge.lowering.ir.primitives import AddConstant, MultiplyConstant
from micronet_edge.lowering.passes.fold_batch_norm import can_fold, scale_and_offset


def spell_out_norms(network: fx.GraphModule) -> None:
    """Replaces the norms that FoldBatchNorm would leave. A norm behind one that folds folds as well."""
    folding: set[fx.Node] = set()
    for node in list(network.graph.nodes):
        norm = module_of(node)
        if not isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            continue
        behind = only_input(node) in folding and len(only_input(node).users) == 1
        if behind or can_fold(node):
            folding.add(node)
        else:
            _spell_out(network, node, norm)


def _spell_out(network: fx.GraphModule, node: fx.Node, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    name, x = str(node.target), only_input(node)
    write = LayerWriter(network, node, layer_of(node))
    scale, offset = (_by_channel(each, x) for each in scale_and_offset(norm))
    scaled = write(f"{name}/scaled", MultiplyConstant(scale), x)
    scaled.meta.update(node.meta)
    result = write(f"{name}/shifted", AddConstant(offset), scaled)
    result.meta.update(node.meta)
    node.replace_all_uses_with(result)
    network.graph.erase_node(node)


def _by_channel(values: Tensor, x: fx.Node) -> Tensor:
    assert batch_axis(x) == 0
    return values.to(dtype_of(x)).reshape(1, -1, *[1] * (len(shape_of(x)) - 2))
