"""Writes how a Dynamic Shift-Max applies its coefficients, element by element."""

from collections.abc import Callable, Sequence

from micronet_edge.util.layer_names import FusionPart
from micronet_edge_onnx.writer.model_writer import ModelWriter


def largest_sum(
    model: ModelWriter,
    name: str,
    coefficients: Sequence[str],
    shifted: Sequence[str],
    part: Callable[[FusionPart, int, int], str],
) -> str:
    """The largest, over the fusions, of the sums over the shifts of coefficient times shifted input.

    Args:
        model: What the operators are added to.
        name: The name of the result, where there are several fusions.
        coefficients: The tensors [n, c, 1, 1], fusion by fusion.
        shifted: The tensors [n, c, h, w].
        part: The name of a product or a sum, by fusion and shift.

    Returns:
        The tensor [n, c, h, w].
    """
    sums, factors = [], iter(coefficients)
    for k in range(len(coefficients) // len(shifted)):
        total = ""
        for j, term in enumerate(shifted):
            product = model.operator("Mul", part(FusionPart.PRODUCT, k, j), [next(factors), term])
            total = model.operator("Add", part(FusionPart.SUM, k, j), [total, product]) if total else product
        sums.append(total)
    return model.operator("Max", name, sums) if len(sums) > 1 else sums[0]
