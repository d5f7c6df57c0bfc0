"""Files that runtimes open but that cannot be measured."""

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper

from micronet_edge_tflite.writer.model_writer import ModelWriter


def onnx_sum(path, *, inputs=2, outputs=1, shape=(1, 4), dtype=TensorProto.FLOAT):
    """The sum of the inputs, or each added to itself."""
    given = [helper.make_tensor_value_info(f"in{i}", dtype, shape) for i in range(inputs)]
    made = [helper.make_tensor_value_info(f"out{i}", dtype, shape) for i in range(outputs)]
    names = [value.name for value in given]
    nodes = [helper.make_node("Add", [names[0], names[-1]], [value.name]) for value in made]
    model = helper.make_model(
        helper.make_graph(nodes, "odd", given, made), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 8
    onnx.save(model, path)
    return path


def tflite_sum(path, *, inputs=2, outputs=1):
    """The sum of the inputs, or each added to itself."""
    writer = ModelWriter()
    given = {f"in{i}": writer.tensor(f"in{i}", (1, 4), None) for i in range(inputs)}
    made = {f"out{i}": writer.tensor(f"out{i}", (1, 4), None) for i in range(outputs)}
    for tensor in made.values():
        options = schema.AddOptionsT()
        operands = [given["in0"], given[f"in{inputs - 1}"]]
        writer.operator(
            schema.BuiltinOperator.ADD, operands, [tensor], options, schema.BuiltinOptions.AddOptions
        )
    path.write_bytes(writer.content(given, made))
    return path


def change_tflite(source, path, change):
    """The file, with its first graph changed."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(source.read_bytes(), 0))
    change(model.subgraphs[0])
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())
    return path


def with_unknown_batch(graph):
    tensor = graph.tensors[graph.inputs[0]]
    tensor.shapeSignature = np.array([-1, *tensor.shape[1:]], np.int32)
    tensor.hasRank = True
