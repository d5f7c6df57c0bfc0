"""The tensors of a network that computes in float32, as far as a file holds them already."""

import re

from torch import fx, nn

from micronet_edge.lowering.ir.graph import inputs_of, only_input, shape_of
from micronet_edge.lowering.ir.primitives import Constant
from micronet_edge_onnx.format import INPUT_NAME
from micronet_edge_onnx.writer.model_writer import ModelWriter

_PATH_OF_BLOCK = 2
_ADDITION = re.compile("^Add(?=_|$)")

Weighted = nn.Conv2d | nn.Linear


class Tensors:
    """What the operators of a network read and store; in float32 every tensor has one form.

    `network` has the shapes of one image noted; `batch` is None where the file takes any number of images.
    `rows` are the tensors [n, c, 1, 1] that the file holds as [n, c].
    """

    rows: frozenset[fx.Node] = frozenset()

    def __init__(self, network: fx.GraphModule, batch: int | None, model: ModelWriter) -> None:
        self.network, self.batch, self.model = network, batch, model
        self.image, *self.layers, end = network.graph.nodes
        self.last = only_input(end)
        self._plain = {self.image: INPUT_NAME}

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

    def result(self) -> str:
        """The network's output."""
        return self._plain[self.last]

    def weights(self, node: fx.Node, layer: Weighted, name: str, *, matrix: bool) -> list[str]:
        """The weight of the node's layer, [n, c] for a `matrix`, and its bias if it has one."""
        del node  # which layer it is makes no difference
        weight = layer.weight.flatten(1) if matrix else layer.weight
        stored = {"weight": weight} | ({} if layer.bias is None else {"bias": layer.bias})
        return [
            self.model.constant(f"{name}/{kind}", values.detach().numpy()) for kind, values in stored.items()
        ]

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

    def shapes(self) -> list[tuple[int | str, ...]]:
        """The shapes of the image and of the result."""
        return [(self.batch or "batch", *shape_of(node)[1:]) for node in (self.image, self.last)]
