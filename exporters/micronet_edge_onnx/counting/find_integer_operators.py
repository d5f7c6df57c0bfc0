"""Which float tensors of an ONNX file stand for integers, between QuantizeLinear and DequantizeLinear."""

import onnx

_TO_INTEGERS, _TO_FLOAT = "QuantizeLinear", "DequantizeLinear"


def held_in_integers(graph: onnx.GraphProto) -> dict[str, str]:
    """The tensors that are never held in float, each with the integers that it is held in.

    Given    integers -> DequantizeLinear -> x -> Conv -> y -> QuantizeLinear -> other integers
    Result   x: integers, y: other integers; a runtime makes one integer operator of the three

    An operator is an integer one where all computed inputs come from DequantizeLinear and all that is
    read of its results is read by QuantizeLinear. A dequantized tensor that any float operator reads
    is held in float.
    """
    makers = {name: node for node in graph.node for name in node.output}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    given = {each.name for each in graph.output}
    held: dict[str, str] = {}
    for node in graph.node:
        if node.op_type not in {_TO_INTEGERS, _TO_FLOAT} and _is_integer(node, makers, readers, given):
            held |= {name: readers[name][0].output[0] for name in node.output}
    for node in graph.node:
        if node.op_type == _TO_FLOAT and makers.get(node.input[0]) is not None:
            (result,) = node.output
            users = readers.get(result, [])
            if result not in given and users and all(user.output[0] in held for user in users):
                held[result] = node.input[0]
    return held


def _is_integer(
    node: onnx.NodeProto,
    makers: dict[str, onnx.NodeProto],
    readers: dict[str, list[onnx.NodeProto]],
    given: set[str],
) -> bool:
    computed = [makers[name] for name in node.input if name in makers]
    used = [reader for name in node.output for reader in readers.get(name, [])]
    return (
        bool(computed)
        and all(maker.op_type == _TO_FLOAT for maker in computed)
        and bool(used)
        and all(reader.op_type == _TO_INTEGERS for reader in used)
        and not given.intersection(node.output)
    )
