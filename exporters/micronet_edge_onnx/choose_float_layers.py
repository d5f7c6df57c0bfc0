"""Which layers of an int8 file stay in float32, because ONNX Runtime is no faster with their integers."""

from math import prod

from torch import fx, nn

from micronet_edge.lowering.ir.graph import calls, module_of, only_input, results, shape_of
from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.quantization.quantized_tensors import is_clip, tensor_name

MADDS_THAT_PAY = 40
"""Multiply-adds for each number read or written from which on a convolution is faster in integers.

Fitted to m0 to m3 on one x86-64 core with VNNI, where 20 to 40 give the same speed. Each number costs its
quantization and the change to channels last and back; below this the float convolution takes less.
"""


def layers_better_in_float(network: fx.GraphModule) -> frozenset[str]:
    """The layers that are not faster in integers, by tensor name.

    Faster in integers are linear layers, whose weights are read four times as fast; dense 1 x 1 convolutions
    with many multiply-adds for each number moved; and those behind one of these, whose input is quantized
    already. Not faster are grouped convolutions, those of one pixel, K x K ones, which are faster in float
    as K x 1 and 1 x K, and elementwise arithmetic: ONNX Runtime has slow integer operators for it or none.
    """
    faster: set[fx.Node] = set()
    for node in network.graph.nodes:
        if _is_faster(node, faster):
            faster.add(node)
    layers = [node for node in network.graph.nodes if node.op == "call_module"]
    return frozenset(tensor_name(node) for node in layers if node not in faster)


def layers_without_integers(network: fx.GraphModule) -> frozenset[str]:
    """The layers that ONNX Runtime has no integer operator for and that are worth more in float, by name.

    These are transposed convolutions, and a softmax at the end: rounding probabilities would gain nothing.
    """
    last = [node for node in results(network) if isinstance(module_of(node), nn.Softmax)]
    return frozenset(map(tensor_name, (*last, *(node for node, _ in calls(network, nn.ConvTranspose2d)))))


def weights_to_store_in_integers(network: fx.GraphModule) -> frozenset[str]:
    """The layers whose weights are better int8 even where they compute in float: convolutions of one pixel.

    They make the coefficients and hold a third of all weights; these are read once for an image.
    """
    convs = calls(network, nn.Conv2d)
    return frozenset(tensor_name(node) for node, _ in convs if prod(shape_of(node)[2:]) == 1)


def _is_faster(node: fx.Node, faster: set[fx.Node]) -> bool:
    match module_of(node):
        case nn.Linear():
            return True
        case nn.Conv2d(kernel_size=(1, 1)) as conv if prod(shape_of(node)[2:]) > 1:
            return _operator_before(node) in faster or _pays(node, conv)
    return is_clip(node) and only_input(node) in faster


def _pays(node: fx.Node, conv: nn.Conv2d) -> bool:
    moved = prod(shape_of(only_input(node))) + prod(shape_of(node))
    madds = conv.weight.numel() * prod(shape_of(node)[2:])
    return conv.groups == 1 and madds > MADDS_THAT_PAY * moved


def _operator_before(node: fx.Node) -> fx.Node:
    """The operator that the node reads, past additions of a constant and clips."""
    source = only_input(node)
    while is_clip(source) or isinstance(module_of(source), AddConstant):
        source = only_input(source)
    return source
