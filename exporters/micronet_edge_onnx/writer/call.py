"""One call of a layer, as the function that writes it sees it."""

from collections.abc import Callable, Sequence

from torch import fx, nn

from micronet_edge.lowering.ir.graph import batch_axis, inputs_of, shape_of
from micronet_edge.lowering.ir.primitives import Constant
from micronet_edge_onnx.writer.model_writer import Attribute
from micronet_edge_onnx.writer.tensors import Tensors, Weighted


class Call:
    """A call that is being written; `tensors.model` takes operators that have more than one result.

    A writing function gets it with the layer, or None where a function is called. It adds operators and
    returns the name of the tensor that is the result. `name` is that of the layer's path.
    """

    def __init__(self, node: fx.Node, tensors: Tensors) -> None:
        self.node, self.tensors, self.model = node, tensors, tensors.model
        self.name = tensors.name(node)
        self.sources = inputs_of(node)

    @property
    def inputs(self) -> list[str]:
        """The tensors that the layer reads, in order, as its operator reads them.

        What the file holds as rows [n, c] are maps of one pixel, unless it holds the result as rows as well.
        """
        return [self._shaped(source, self.tensors.read(source, self.node)) for source in self.sources]

    @property
    def compared(self) -> list[str]:
        """The inputs as an operator reads them that only asks which one is the largest."""
        return [self._shaped(source, self.tensors.compare(source, self.node)) for source in self.sources]

    @property
    def held(self) -> list[str]:
        """The inputs as the file holds them, rows or maps."""
        return [self.tensors.read(source, self.node) for source in self.sources]

    def _shaped(self, source: fx.Node, x: str) -> str:
        if source not in self.tensors.rows or self.is_row:
            return x
        return self.tensors.pixel(x, shape_of(source)[1])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result, for one image."""
        return shape_of(self.node)

    @property
    def open_shape(self) -> list[int]:
        """The shape of the result, with -1 for the axis that grows with the number of samples."""
        axis = batch_axis(self.node)
        return [-1 if place == axis else length for place, length in enumerate(self.shape)]

    @property
    def source_shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the tensors that the layer reads, for one image."""
        return [shape_of(source) for source in self.sources]

    @property
    def is_row(self) -> bool:
        """Whether the file holds the result as [n, c], where the network has [n, c, 1, 1]."""
        return self.node in self.tensors.rows

    def operator(self, kind: str, inputs: Sequence[str], part: str = "", **attributes: Attribute) -> str:
        """Adds an operator with one result; `part` names one of several operators of the layer."""
        return self.model.operator(kind, self.path(part), inputs, domain="", **attributes)

    def path(self, part: str) -> str:
        """The name of a part of the layer."""
        return f"{self.name}/{part}" if part else self.name

    def weights(self, layer: Weighted, part: str = "", *, matrix: bool = False) -> list[str]:
        """The names of the weight, stored as [n, c] for a `matrix`, and of the bias, if there is one."""
        return self.tensors.weights(self.node, layer, self.path(part), matrix=matrix)

    def factor(self, layer: nn.Linear) -> list[str]:
        """The names of the weight as the second factor [c, n] of a product, and of the bias, if any."""
        return self.tensors.factor(self.node, layer, self.name)

    def constant(self, layer: Constant) -> str:
        """The name of the constant that the layer adds or multiplies by."""
        return self.tensors.constant(self.node, layer)

    def is_cut_off(self, low: float, high: float) -> bool:
        """Whether nothing outside of these bounds reaches the readers without a clip either."""
        return self.tensors.is_cut_off(self.node, low, high)


def reads_tensors_alone(node: fx.Node) -> bool:
    """Whether all arguments of the node are tensors."""
    return len(inputs_of(node)) == len(node.args) and not node.kwargs


Write = Callable[..., str]
"""Writes one call of a layer: (layer, call) -> the name of the result's tensor."""
