"""A tensor that is the same for every image."""

from torch import fx

from micronet_edge.lowering.ir.primitives import StoredTensor
from micronet_edge.quantization.operators.constants import ends_of
from micronet_edge.quantization.operators.operator import Operator
from micronet_edge.quantization.qparams import Range


class StoredTensorOperator(Operator[StoredTensor]):
    """Has a range of its own; of its input it takes only the number of images."""

    def bounds(self, layer: StoredTensor, _node: fx.Node, *_inputs: Range) -> Range:
        return ends_of(layer.constant)
