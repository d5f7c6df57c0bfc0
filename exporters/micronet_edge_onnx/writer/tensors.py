"""The tensors of a network that computes in float32, as far as a file holds them already."""

import re

from torch import fx, nn

from micronet_edge.lowering.ir.graph import batch_axis, inputs, inputs_of, results, shape_of
from micronet_edge.lowering.ir.primitives import Constant
from micronet_edge_onnx.writer.file_input import takes_bytes, way_into_file
from micronet_edge_onnx.writer.model_writer import ModelWriter, Shape

_PATH_OF_BLOCK = 2
_ENDS = "placeholder", "output"
_ADDITION = re.compile("^Add(?=_|$)")

Weighted = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


class Tensors:
    """What the operators of a network read and store; in float32 every tensor has one form.

    `network` has the shapes of one sample noted; `batch` is None where the file takes any number of samples.
    `model` knows the names of the inputs and outputs. `rows` are the tensors [n, c, 1, 1] that the file holds
    as [n, c].
    """

    rows: frozenset[fx.Node] = frozenset()

    def __init__(self, network: fx.GraphModule, batch: int | None, model: ModelWriter) -> None:
        self.network, self.batch, self.model = network, batch, model
        self.inputs, self.results = inputs(network), results(network)
        ways = [way_into_file(node) for node in self.inputs]
        outside = {node for way in ways for node in way}
        self.layers = [node for node in network.graph.nodes if node.op not in _ENDS and node not in outside]
        self._starts = [way[-1] for way in ways]
        self._plain = dict(zip(self._starts, model.names.inputs, strict=True))
        self._pixels: dict[str, str] = {}

    def to_write(self) -> list[fx.Node]:
        """The layers that the file needs, in order of execution."""
        return self.layers

    def written(self, node: fx.Node, tensor: str) -> None:
        """Notes the name of the tensor that the node's operators give."""
        self._plain[node] = tensor

    def name(self, node: fx.Node) -> str:
        """The name of the node's operator: its layer's path.

        What a module computes itself is named after the block that it stands in:
        features/block4/residual, classifier/logits/Flatten.
        """
        if node.op == "call_module":
            return str(node.target)
        sources = [str(each.target) for each in inputs_of(node) if each.op == "call_module"]
        block = sources[-1].split("/")[:-1][:_PATH_OF_BLOCK] if sources else []
        return "/".join([*block, _ADDITION.sub("residual", node.name.capitalize())])

    def read(self, node: fx.Node, reader: fx.Node) -> str:
        """The node's tensor as the reader's operator reads it."""
        del reader  # there is one form for all
        return self._plain[node]

    def compare(self, node: fx.Node, reader: fx.Node) -> str:
        """The node's tensor as an operator reads it that only asks which number is the largest."""
        return self.read(node, reader)

    def pixel(self, row: str, channels: int) -> str:
        """The row [n, c] as a map of one pixel, which is made once for all readers."""
        if row not in self._pixels:
            self._pixels[row] = self.model.reshaped(f"{row}/pixel", row, 0, channels, 1, 1)
        return self._pixels[row]

    def given(self) -> list[str]:
        """The network's outputs, in order."""
        return [self._given(node) for node in self.results]

    def _given(self, node: fx.Node) -> str:
        return self._plain[node]

    def weights(self, node: fx.Node, layer: Weighted, name: str, *, matrix: bool) -> list[str]:
        """The weight of the node's layer, [n, c] for a `matrix`, and its bias if it has one."""
        del node  # which layer it is makes no difference
        weight = layer.weight.flatten(1) if matrix else layer.weight
        return [self.model.constant(f"{name}/weight", weight.detach().numpy()), *self._bias(layer, name)]

    def factor(self, node: fx.Node, layer: nn.Linear, name: str) -> list[str]:
        """The weight of the node's layer as the second factor [c, n] of a product, and its bias if any."""
        del node
        weight = layer.weight.detach().numpy().T
        return [self.model.constant(f"{name}/weight", weight), *self._bias(layer, name)]

    def _bias(self, layer: Weighted, name: str) -> list[str]:
        if layer.bias is None:
            return []
        return [self.model.constant(f"{name}/bias", layer.bias.detach().numpy())]

    def is_integer(self, node: fx.Node) -> bool:
        """Whether the operator that computes the node's tensor is an integer one."""
        del node
        return False

    def constant(self, node: fx.Node, layer: Constant) -> str:
        """The constant of the node's layer."""
        return self.model.constant(f"{self.name(node)}/constant", layer.constant.numpy())

    def bound(self, value: float) -> str:
        """A bound of a clip."""
        return self.model.scalar(f"bound/{value:.9g}", value)

    def is_cut_off(self, clip: fx.Node, low: float, high: float) -> bool:
        """Whether nothing outside of these bounds reaches the clip's readers without the clip either."""
        del clip, low, high  # float32 has no such bounds
        return False

    def whole(self, node: fx.Node) -> str | None:
        """Writes the composite whose result the node gives, if it is written as a whole."""
        del node  # one that was decomposed is written operator by operator
        return None

    def shapes(self) -> tuple[list[Shape], list[Shape]]:
        """The shapes of the inputs and of the outputs."""
        return [self._shape(node) for node in self._starts], [self._shape(node) for node in self.results]

    @property
    def takes_bytes(self) -> bool:
        """Whether the file takes uint8."""
        return takes_bytes(self.network)

    def _shape(self, node: fx.Node) -> Shape:
        shape: list[int | str] = list(shape_of(node))
        axis = batch_axis(node)
        if axis is not None:
            length = shape_of(node)[axis]
            several = "batch" if length == 1 else f"{length}*batch"
            shape[axis] = several if self.batch is None else length * self.batch
        return shape
