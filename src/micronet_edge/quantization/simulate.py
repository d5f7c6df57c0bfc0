"""Runs a quantized network in PyTorch as the files run it: rounded wherever they round."""

from collections.abc import Iterator

import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering.elementary import Constant
from micronet_edge.lowering.graph import inputs_of, module_of, read_last_by
from micronet_edge.quantization.grid import WEIGHT_LIMIT, Grid, activation_grid, weight_scales
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.rounded_tensors import clip_after, tensor_name


class Simulation(nn.Module):
    """The quantized network as a module; gradients pass through the rounding.

    Given    images [n, 3, size, size]
    Result   logits [n, classes], those of the integer files up to the order of sums and ties
    """

    def __init__(self, quantized: QuantizedNetwork) -> None:
        super().__init__()
        self.quantized = quantized
        self.network = quantized.network

    def forward(self, images: Tensor) -> Tensor:
        *_, (_, logits) = self.steps(images)
        return logits

    def steps(self, images: Tensor) -> Iterator[tuple[fx.Node, Tensor]]:
        """Every operator's node and what it gives, rounded if it is an integer one; logits come last."""
        values: dict[fx.Node, Tensor] = {}
        for node in self.network.graph.nodes:
            if node.op == "output":
                return
            inputs = [values[source] for source in inputs_of(node)]
            given = images if node.op == "placeholder" else self.start(node, *inputs)
            values[node] = self.finish(node, given)
            for source in read_last_by(node):
                del values[source]
            yield node, values[node]

    def start(self, node: fx.Node, *inputs: Tensor) -> Tensor:
        """What the layer computes of these inputs, before that is rounded."""
        layer = module_of(node)
        assert layer is not None
        state: dict[str, Tensor] = {}
        if self.quantized.is_integer(node):
            sources = zip(inputs_of(node), inputs, strict=True)
            inputs = tuple(self._converted(source, value) for source, value in sources)
            state = self._rounded_state(layer)
        elif tensor_name(node) in self.quantized.integer_weights:
            state = {"weight": rounded_weight(layer.get_parameter("weight"))}
        return _tensor(torch.func.functional_call(layer, state, inputs) if state else layer(*inputs))

    def finish(self, node: fx.Node, value: Tensor) -> Tensor:
        """What the layer gives, rounded if it is an integer one and no clip follows."""
        rounds = clip_after(node) is None and self.quantized.is_integer(node)
        return rounded(value, self.quantized.grids[tensor_name(node)]) if rounds else value

    def _converted(self, node: fx.Node, value: Tensor) -> Tensor:
        """What an integer operator reads of the node: a float operator's result is rounded here."""
        if self.quantized.is_integer(node) or clip_after(node) is not None:
            return value
        return rounded(value, self.quantized.grids[tensor_name(node)])

    def _rounded_state(self, layer: nn.Module) -> dict[str, Tensor]:
        match layer:
            case nn.Conv2d() | nn.Linear():
                return {"weight": rounded_weight(layer.weight, self.quantized.weight_limit)}
            case Constant():
                return {"constant": rounded(layer.constant, constant_grid(layer, self.quantized.bits))}
            case _:
                return {}


def rounded(values: Tensor, grid: Grid) -> Tensor:
    """The nearest numbers on the grid; its gradient is one inside the range and zero outside."""
    result: Tensor = torch.fake_quantize_per_tensor_affine(
        values, grid.scale, grid.zero_point, grid.lowest, grid.highest
    )
    return result


def rounded_weight(weight: Tensor, limit: int = WEIGHT_LIMIT) -> Tensor:
    """A weight [n, ...] in int8 steps of each output channel."""
    scales = torch.from_numpy(weight_scales(weight.detach().numpy(), limit))
    zero_points = torch.zeros(len(scales), dtype=torch.int32)
    result: Tensor = torch.fake_quantize_per_channel_affine(weight, scales, zero_points, 0, -limit, limit)
    return result


def constant_grid(layer: Constant, bits: int) -> Grid:
    """The grid of a layer's constant: exactly as wide as the constant."""
    return activation_grid(float(layer.constant.min()), float(layer.constant.max()), bits)


def _tensor(value: Tensor) -> Tensor:
    return value
