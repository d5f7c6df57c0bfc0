"""Names the tensors of a converted file after the layers that they come from.

The converter names tensors after its own operators, such as `model/tf.math.multiply_15/Mul`. Two tensors
with the same values for the same photograph are the same tensor: so each gets its name in the ONNX file,
whatever the converter did.
"""

import struct
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

_NAME_FIELD = 10  # offset of `name` in a Tensor's vtable, fixed by the schema
_SAME_VALUES = 1e-4  # of the largest value: both runtimes compute in float32
_OUTPUT_ENDING = "_output_0"

Values = NDArray[np.float32]
Named = list[tuple[str, Values]]


def name_tensors(tflite_file: Path, onnx_file: Path, image: Values) -> None:
    """Renames the tensors in place.

    Constants, and tensors that the ONNX file lacks, are named after the operator that reads them.

    Args:
        tflite_file: The converted file.
        onnx_file: The file that it was converted from.
        image: Images [n, 3, size, size] that both files are run on.
    """
    content = bytearray(tflite_file.read_bytes())
    graph = schema.Model.GetRootAs(content).Subgraphs(0)
    names = _matched(_tflite_values(tflite_file, image), _onnx_values(onnx_file, image))
    names |= _names_after_readers(graph, names)
    for index, name in names.items():
        _rename(content, graph.Tensors(index), name)
    tflite_file.write_bytes(content)


def _onnx_values(path: Path, image: Values) -> Named:
    """Every tensor that the ONNX file computes, channels last, in order of execution."""
    model = onnx.load(path)
    names = [output for node in model.graph.node for output in node.output if output]
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    values = session.run(names, {session.get_inputs()[0].name: image})
    return [
        (name.removesuffix(_OUTPUT_ENDING), np.moveaxis(value, 1, -1))
        for name, value in zip(names, values, strict=True)
        if value.ndim > 1
    ]


def _tflite_values(path: Path, image: Values) -> dict[int, Values]:
    """Every tensor that the TFLite file computes, by its index."""
    interpreter = Interpreter(
        str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.moveaxis(image, 1, -1))
    interpreter.invoke()
    computed = {int(index) for details in interpreter._get_ops_details() for index in details["outputs"]}  # noqa: SLF001
    return {index: interpreter.get_tensor(index) for index in sorted(computed)}


def _matched(ours: dict[int, Values], theirs: Named) -> dict[int, str]:
    """For each tensor the first unused name of a tensor with the same values."""
    free = list(theirs)
    names = {}
    for index, values in ours.items():
        for candidate in free:
            if _same(values, candidate[1]):
                names[index] = candidate[0]
                free.remove(candidate)
                break
    return names


def _same(ours: Values, theirs: Values) -> bool:
    if ours.size != theirs.size or ours.shape[-1] != theirs.shape[-1]:
        return False
    largest = np.abs(theirs).max(initial=1e-30)
    return bool(np.abs(ours.ravel() - theirs.ravel()).max(initial=0.0) <= _SAME_VALUES * largest)


def _names_after_readers(graph: schema.SubGraph, names: dict[int, str]) -> dict[int, str]:
    roles = ("input", "weight", "bias")
    found: dict[int, str] = {}
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        owner = names.get(operator.Outputs(0))
        for position in range(operator.InputsLength()):
            index = operator.Inputs(position)
            if owner is not None and index >= 0 and index not in names and index not in found:
                found[index] = f"{owner}/{roles[position] if position < len(roles) else position}"
    return {index: name for index, name in found.items() if index != graph.Inputs(0)}


def _rename(content: bytearray, tensor: schema.Tensor, name: str) -> None:
    """Appends the name to the file and lets the tensor point to it; nothing else moves."""
    field = tensor._tab.Pos + tensor._tab.Offset(_NAME_FIELD)  # noqa: SLF001
    content.extend(b"\0" * (-len(content) % 4))
    struct.pack_into("<I", content, field, len(content) - field)
    text = name.encode()
    content.extend(struct.pack("<I", len(text)) + text + b"\0")
