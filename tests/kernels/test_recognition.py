"""What the delegate takes over of a TFLite graph, and what it must leave alone."""

from ctypes import CDLL, c_void_p

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, load_delegate
from kernels.small_networks import images, network, write_float
from lowering.networks import lively, stem
from torch import nn

from micronet_edge import ExportSettings, export
from micronet_edge.targets.registry import find_target

OPERATOR = schema.BuiltinOperator


class Graph:
    """A file's graph to change by hand."""

    def __init__(self, path):
        self.model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
        (self.graph,) = self.model.subgraphs

    def kind(self, operator):
        return self.model.operatorCodes[operator.opcodeIndex].builtinCode

    def all(self, kind):
        return [operator for operator in self.graph.operators if self.kind(operator) == kind]

    def tensor(self, name):
        names = [tensor.name.decode() for tensor in self.graph.tensors]
        (place,) = [place for place, found in enumerate(names) if found.endswith(name)]
        return place

    def numbers(self, tensor, kind=np.float32):
        return self._buffer(tensor).data.view(kind).copy()

    def set_numbers(self, tensor, numbers):
        self._buffer(tensor).data = numbers.view(np.uint8)

    def _buffer(self, tensor):
        return self.model.buffers[self.graph.tensors[tensor].buffer]

    def content(self):
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


@pytest.fixture
def file(tmp_path):
    return write_float(network(), "tflite", tmp_path)


@pytest.fixture
def graph(file):
    return Graph(file)


def run(content, path, *, delegates=True):
    """All outputs, and how many operators the delegate stands for."""
    delegate = load_delegate(str(path)) if delegates else None
    interpreter = Interpreter(
        model_content=content, num_threads=1, experimental_delegates=[delegate] if delegates else None
    )
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    image = images(int(given["shape"][0]), int(given["shape"][1])).transpose(0, 2, 3, 1)
    interpreter.set_tensor(given["index"], np.ascontiguousarray(image))
    interpreter.invoke()
    outputs = [interpreter.get_tensor(each["index"]).copy() for each in interpreter.get_output_details()]
    fused = 0
    if delegates:
        count = CDLL(str(path)).micronet_edge_fused_activations
        count.argtypes = [c_void_p]
        fused = count(delegate._get_native_delegate_pointer())
    return outputs, fused


def assert_same(content, path, fused):
    ours, found = run(content, path)
    theirs, _ = run(content, path, delegates=False)
    assert found == fused
    for one, other in zip(ours, theirs, strict=True):
        assert np.abs(one - other).max() <= 2e-6 * np.abs(other).max()


def test_a_graph_packed_again_is_still_recognised(graph, path):
    assert_same(graph.content(), path, fused=1)


def test_other_coefficients_are_read_from_the_file(graph, path):
    weights = [operator.inputs[1] for operator in graph.all(OPERATOR.CONV_2D)]
    graph.set_numbers(weights[-1], graph.numbers(weights[-1]) * np.float32(-0.5))
    assert_same(graph.content(), path, fused=1)


def test_the_operands_may_change_places(graph, path):
    for kind in (OPERATOR.MUL, OPERATOR.MAXIMUM):
        for operator in graph.all(kind):
            operator.inputs = list(reversed(operator.inputs))
    assert_same(graph.content(), path, fused=1)


def test_a_tensor_inside_that_somebody_wants_to_see(graph, path):
    products = [operator.outputs[0] for operator in graph.all(OPERATOR.MUL)]
    graph.graph.outputs = [*graph.graph.outputs, products[0]]
    assert_same(graph.content(), path, fused=0)


def test_a_tensor_inside_that_another_operator_reads(graph, path):
    """It would have to be computed all the same, so all is left alone."""
    first, *_ = graph.all(OPERATOR.MUL)
    twice = schema.TensorT()
    source = graph.graph.tensors[first.outputs[0]]
    twice.name, twice.shape, twice.type, twice.buffer = b"twice", source.shape, source.type, 0
    graph.graph.tensors.append(twice)
    added = schema.OperatorT()
    template = graph.all(OPERATOR.ADD)[-1]
    added.opcodeIndex, added.builtinOptions = template.opcodeIndex, template.builtinOptions
    added.builtinOptionsType = template.builtinOptionsType
    added.inputs, added.outputs = [first.outputs[0]] * 2, [len(graph.graph.tensors) - 1]
    graph.graph.operators.append(added)
    graph.graph.outputs = [*graph.graph.outputs, added.outputs[0]]
    assert_same(graph.content(), path, fused=0)


def test_coefficients_of_another_tensor(graph, path):
    """A mean of the product of the activation's input with itself is no mean of its input."""
    (mean,) = graph.all(OPERATOR.MEAN)
    squared = schema.TensorT()
    source = graph.graph.tensors[mean.inputs[0]]
    squared.name, squared.shape, squared.type, squared.buffer = b"squared", source.shape, source.type, 0
    graph.graph.tensors.append(squared)
    template = graph.all(OPERATOR.MUL)[0]
    multiply = schema.OperatorT()
    multiply.opcodeIndex, multiply.builtinOptions = template.opcodeIndex, template.builtinOptions
    multiply.builtinOptionsType = template.builtinOptionsType
    multiply.inputs, multiply.outputs = [mean.inputs[0]] * 2, [len(graph.graph.tensors) - 1]
    graph.graph.operators.insert(graph.graph.operators.index(mean), multiply)
    mean.inputs = [multiply.outputs[0], mean.inputs[1]]
    assert_same(graph.content(), path, fused=0)


def test_a_mean_written_in_another_way(graph, path):
    (mean,) = graph.all(OPERATOR.MEAN)
    graph.set_numbers(mean.inputs[1], np.array([2, 1], np.int32))
    assert_same(graph.content(), path, fused=0)


def test_sums_that_are_cut_off_one_by_one(graph, path):
    for operator in graph.all(OPERATOR.ADD)[-2:]:
        operator.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.RELU
    assert_same(graph.content(), path, fused=0)


def test_a_graph_without_any(path, tmp_path):
    file = write_float(lively(nn.Sequential(stem(8), nn.ReLU6())).eval(), "tflite", tmp_path)
    assert_same(file.read_bytes(), path, fused=0)


def test_an_interpreter_that_is_prepared_twice(file, path):
    delegate = load_delegate(str(path))
    interpreter = Interpreter(str(file), num_threads=1, experimental_delegates=[delegate])
    (given,) = interpreter.get_input_details()
    for _ in range(2):
        interpreter.resize_tensor_input(given["index"], [1, 8, 8, 3])
        interpreter.allocate_tensors()
        interpreter.set_tensor(given["index"], np.ascontiguousarray(images(1, 8).transpose(0, 2, 3, 1)))
        interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    (wanted,), _ = run(file.read_bytes(), path, delegates=False)
    assert np.abs(found - wanted).max() <= 2e-6 * np.abs(wanted).max()


@pytest.mark.slow
@pytest.mark.usefixtures("path")
def test_the_whole_family_is_recognised(tmp_path):
    for variant, activations in (("m0", 15), ("m3", 11)):
        settings = ExportSettings(output=tmp_path, formats=("tflite", "onnx"), input_size=96)
        for file in export(variant, settings=settings):
            assert find_target(file.format).open(file.path).fused == activations
