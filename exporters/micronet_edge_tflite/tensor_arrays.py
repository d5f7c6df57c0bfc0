"""The arrays of a TFLite file's inputs and outputs: which is which, in which layout and which numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.signature import TensorSpec
from micronet_edge_tflite.writer.model_writer import SIGNATURE

_MAP = 4  # samples, height, width, channels

Details = Mapping[str, Any]
"""What LiteRT says of a tensor: its index, shape, data type and quantization parameters."""


def inputs_and_outputs(
    interpreter: Interpreter, metadata: FileMetadata | None
) -> tuple[list[Details], list[Details]]:
    """The inputs and outputs in the network's order, by their names; in the file's order without any."""
    given, made = interpreter.get_input_details(), interpreter.get_output_details()
    signature = None if metadata is None else metadata.signature
    if signature is None or SIGNATURE not in interpreter.get_signature_list():
        return given, made
    runner = interpreter.get_signature_runner(SIGNATURE)
    return (
        _in_order(given, runner.get_input_details(), signature.inputs),
        _in_order(made, runner.get_output_details(), signature.outputs),
    )


def torch_shape(tensor: Details) -> tuple[int, ...]:
    """The tensor's shape in PyTorch, where the channels of a map come first."""
    shape = tuple(map(int, tensor["shape"]))
    return (shape[0], shape[-1], *shape[1:-1]) if len(shape) == _MAP else shape


def in_file_layout(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """An array in PyTorch's layout as the file has it."""
    return np.ascontiguousarray(np.moveaxis(values, 1, -1) if values.ndim == _MAP else values)


def in_torch_layout(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """An array of the file in PyTorch's layout."""
    return np.moveaxis(values, -1, 1) if values.ndim == _MAP else values


def as_stored(values: NDArray[np.float32], tensor: Details) -> NDArray[np.generic]:
    """The values in the input's data type: float32 as they are, integers quantized."""
    scale, zero_point = tensor["quantization"]
    if tensor["dtype"] == np.float32:
        return values
    limits = np.iinfo(tensor["dtype"])
    integers: NDArray[np.generic] = np.rint(values / scale + zero_point).clip(limits.min, limits.max)
    return integers.astype(limits.dtype)


def as_bytes(pixels: NDArray[np.float32], tensor: Details) -> NDArray[np.generic]:
    """Pixels of 0 to 255 as bytes of the input's type: those with a sign are less by 128."""
    limits = np.iinfo(tensor["dtype"])
    integers: NDArray[np.generic] = (np.rint(pixels) + limits.min).clip(limits.min, limits.max)
    return integers.astype(limits.dtype)


def as_float(values: NDArray[np.generic], tensor: Details) -> NDArray[np.float32]:
    """The output in float32, dequantized where it is in integers."""
    scale, zero_point = tensor["quantization"]
    if tensor["dtype"] == np.float32:
        return values.astype(np.float32, copy=False)
    numbers: NDArray[np.float32] = ((values.astype(np.float32) - zero_point) * scale).astype(np.float32)
    return numbers


def _in_order(
    tensors: Sequence[Details], named: Mapping[str, Details], specs: Sequence[TensorSpec]
) -> list[Details]:
    """The tensors that have these names; as they are where the file names others."""
    if {spec.name for spec in specs} != set(named):
        return list(tensors)
    by_index = {tensor["index"]: tensor for tensor in tensors}
    return [by_index[named[spec.name]["index"]] for spec in specs]
