"""The proof fails closed: every planted fault is caught, an honest file passes."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from cli.command import DIGITS, ONNX_FILE, TFLITE_FILE, shared_digits
from onnx import numpy_helper

from micronet_edge.cli.export import export
from micronet_edge.cli.verify import verify
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import MicronetEdgeError, VerificationError
from micronet_edge.models import MicroNet, load_checkpoint, save_checkpoint
from micronet_edge.targets.readers import read_metadata
from micronet_edge.targets.registry import target_of
from micronet_edge.verification.prove import FLOAT32_TOLERANCE, FileToProve, prove, reference_logits

flatbuffers = pytest.importorskip("flatbuffers")

BOTH = pytest.mark.parametrize("name", [ONNX_FILE, TFLITE_FILE])
ONCE = [1, 1, 1, 1]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return shared_digits(tmp_path_factory) / "files"


@pytest.fixture(scope="module")
def network():
    return load_checkpoint(DIGITS).network


@pytest.fixture
def proven(digits, network):
    """Proves a file that says of itself what the honest one says, but for what is changed."""

    def call(path, *, network=network, metadata=None, preprocessing=None):
        metadata = metadata or read_metadata(digits / (ONNX_FILE if path.suffix == ".onnx" else TFLITE_FILE))
        if preprocessing is not None:
            metadata = replace(metadata, preprocessing=preprocessing)
        return prove(FileToProve(path, target_of(path), metadata), network)

    return call


@pytest.fixture
def caught(proven, refusal, tmp_path):
    """What the proof says of a faulty model."""

    def call(model, kind=VerificationError) -> str:
        path = tmp_path / ("faulty.onnx" if isinstance(model, onnx.ModelProto) else "faulty.tflite")
        if isinstance(model, onnx.ModelProto):
            onnx.save(model, path)
        else:
            builder = flatbuffers.Builder()
            builder.Finish(model.Pack(builder), b"TFL3")
            path.write_bytes(builder.Output())
        return refusal(kind, proven, path)

    return call


@pytest.fixture
def onnx_model(digits):
    return onnx.load(digits / ONNX_FILE)


@pytest.fixture
def tflite_model(digits):
    return schema.ModelT.InitFromPackedBuf((digits / TFLITE_FILE).read_bytes(), 0)


def constants(model):
    """For every node its constant inputs: initializers that can be changed in place."""
    known = {tensor.name: tensor for tensor in model.graph.initializer}
    return [(node, [known[name] for name in node.input if name in known]) for node in model.graph.node]


def convolutions(model):
    """Those on the way of the image; in the branches of the coefficients one weight means next to nothing."""
    return [
        tensors
        for node, tensors in constants(model)
        if node.op_type == "Conv" and "_activation/" not in node.name
    ]


def change(tensor, function):
    values = numpy_helper.to_array(tensor).copy()
    tensor.CopyFrom(numpy_helper.from_array(function(values).astype(values.dtype), tensor.name))


def one_wrong(values):
    wrong = values.copy()
    wrong.flat[wrong.size // 2] += np.abs(values).max()
    return wrong


def tflite_weights(model, code, least_height=0):
    """The weights and biases of every operator of that kind, as arrays that can be changed in place."""
    (graph,) = model.subgraphs
    for operator in graph.operators:
        height = graph.tensors[operator.outputs[0]].shape[1]
        if model.operatorCodes[operator.opcodeIndex].builtinCode == code and height >= least_height:
            tensors = [graph.tensors[index] for index in operator.inputs[1:3]]
            buffers = [model.buffers[tensor.buffer] for tensor in tensors]
            for buffer in buffers:
                buffer.data = np.array(buffer.data, dtype=np.uint8)
            shapes = [tuple(tensor.shape) for tensor in tensors]
            yield [
                buffer.data.view(np.float32).reshape(shape)
                for buffer, shape in zip(buffers, shapes, strict=True)
            ]


def tflite_convolutions(model):
    """Those on the way of the image, as for ONNX; the branches of the coefficients work on one pixel."""
    return list(tflite_weights(model, schema.BuiltinOperator.CONV_2D, least_height=2))


def indices(values):
    return np.array(list(values), dtype=np.int32)


def tile_the_input(model):
    """Puts an operator before the first one that repeats every axis once."""
    (graph,) = model.subgraphs
    (image,) = graph.inputs
    multiples = schema.BufferT()
    multiples.data = np.array(ONCE, dtype=np.int32).view(np.uint8)
    model.buffers.append(multiples)
    for shape, kind, buffer in [
        ([4], schema.TensorType.INT32, len(model.buffers) - 1),
        (graph.tensors[image].shape, schema.TensorType.FLOAT32, 0),
    ]:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer, tensor.name = np.array(shape, np.int32), kind, buffer, b"t"
        graph.tensors.append(tensor)
    added = len(graph.tensors) - 1
    for operator in graph.operators:
        operator.inputs = indices(added if index == image else index for index in operator.inputs)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.TILE
    code.version = 1
    model.operatorCodes.append(code)
    tile = schema.OperatorT()
    tile.opcodeIndex = len(model.operatorCodes) - 1
    tile.inputs, tile.outputs = indices([image, added - 1]), indices([added])
    tile.builtinOptionsType = schema.BuiltinOptions.TileOptions
    tile.builtinOptions = schema.TileOptionsT()
    graph.operators.insert(0, tile)


# --- Honest files


@BOTH
def test_an_honest_file_passes_with_room_to_spare(proven, digits, name):
    proof = proven(digits / name)
    assert proof.relative_difference < FLOAT32_TOLERANCE / 10
    assert proof.top1_agreement == 1
    assert proof.images == len(photographs()) == 5
    assert sum(proof.operators.values()) > 100


def test_a_model_that_is_only_read_and_written_passes(proven, onnx_model, tflite_model, tmp_path):
    onnx.save(onnx_model, tmp_path / "same.onnx")
    builder = flatbuffers.Builder()
    builder.Finish(tflite_model.Pack(builder), b"TFL3")
    (tmp_path / "same.tflite").write_bytes(builder.Output())
    for name in ("same.onnx", "same.tflite"):
        assert proven(tmp_path / name).relative_difference < 1e-5


# --- Faults in an ONNX file


@pytest.mark.parametrize("position", [0, 0.25, 0.5, 0.75, 1])
def test_one_wrong_weight(caught, onnx_model, position):
    layers = convolutions(onnx_model)
    weight, *_ = layers[round(position * (len(layers) - 1))]
    change(weight, one_wrong)
    assert "faulty.onnx does not compute the same function: output" in caught(onnx_model)


@pytest.mark.parametrize("position", [0, 0.5, 1])
def test_shifted_channels(caught, onnx_model, position):
    layers = [tensors for tensors in convolutions(onnx_model) if len(tensors) == 2]
    for tensor in layers[round(position * (len(layers) - 1))]:
        change(tensor, lambda values: np.roll(values, 1, axis=0))
    assert "does not compute the same function" in caught(onnx_model)


@pytest.mark.parametrize("block", [1, 3, 5])
def test_shifted_coefficients(caught, onnx_model, block):
    path = f"features/block{block}/project_activation/"
    *_, excite = (
        tensors
        for node, tensors in constants(onnx_model)
        if node.op_type == "Gemm" and node.name.startswith(path)
    )
    for tensor in excite:
        change(tensor, lambda values: np.roll(values, len(values) // 4, axis=0))
    assert "does not compute the same function" in caught(onnx_model)


def test_a_shift_by_one_channel_too_many(caught, onnx_model):
    gathered = {node.input[1] for node in onnx_model.graph.node if node.op_type == "Gather"}
    index = next(tensor for tensor in onnx_model.graph.initializer if tensor.name in gathered)
    change(index, lambda values: np.roll(values, 1))
    assert "does not compute the same function" in caught(onnx_model)


def test_a_wrong_border(caught, onnx_model):
    columns = [
        tensor
        for node, tensors in constants(onnx_model)
        for tensor in tensors
        if node.op_type == "Concat" and tensor.dims[3] == 1
    ]
    assert columns
    for tensor in columns:
        change(tensor, lambda values: values * 0)
    assert "does not compute the same function" in caught(onnx_model)


def last_layer(model):
    """The convolution that gives the logits, with its weight and bias."""
    *_, found = (pair for pair in constants(model) if pair[0].op_type == "Conv")
    return found


def test_nan_in_the_output(caught, onnx_model):
    _, tensors = last_layer(onnx_model)
    change(tensors[-1], lambda values: np.where(np.arange(values.size) == 7, np.nan, values))
    assert "output 7 is nan on astronaut.jpg" in caught(onnx_model)


def test_an_answer_that_does_not_depend_on_the_image(caught, onnx_model):
    _, tensors = last_layer(onnx_model)
    change(tensors[0], np.zeros_like)
    assert "does not compute the same function" in caught(onnx_model)


def test_too_few_classes(caught, onnx_model):
    _, tensors = last_layer(onnx_model)
    change(tensors[0], lambda values: values[:9])
    change(tensors[1], lambda values: values[:9])
    onnx_model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 9
    assert "outputs [5, 9], the PyTorch network [5, 10]" in caught(onnx_model)


def test_a_second_output(caught, onnx_model):
    onnx_model.graph.output.append(onnx_model.graph.output[0])
    onnx_model.graph.output[1].name = onnx_model.graph.node[0].output[0]
    onnx_model.graph.output[1].type.tensor_type.ClearField("shape")
    assert "2 outputs" in caught(onnx_model, MicronetEdgeError)


def test_a_gather_in_a_portable_file(proven, digits, refusal):
    metadata = read_metadata(digits / ONNX_FILE)
    portable = type(metadata).from_texts(
        {
            key: text.replace('"portable": false', '"portable": true')
            for key, text in metadata.to_texts().items()
        },
        "here",
    )
    error_line = refusal(VerificationError, proven, digits / ONNX_FILE, metadata=portable)
    assert " Gather, not on the list of allowed operators" in error_line


def test_an_operator_of_no_layer_in_an_onnx_file(caught, onnx_model):
    first = onnx_model.graph.node[0]
    same = onnx.helper.make_node("Dropout", [first.input[0]], ["same"])
    first.input[0] = "same"
    onnx_model.graph.node.insert(0, same)
    assert "1 Dropout, not on the list of allowed operators" in caught(onnx_model)


# --- Faults in a TFLite file


@pytest.mark.parametrize("position", [0, 0.5, 1])
def test_one_wrong_weight_in_a_tflite_file(caught, tflite_model, position):
    layers = tflite_convolutions(tflite_model)
    weight, *_ = layers[round(position * (len(layers) - 1))]
    weight[:] = one_wrong(weight)
    assert "faulty.tflite does not compute the same function: output" in caught(tflite_model)


def test_shifted_channels_in_a_tflite_file(caught, tflite_model):
    layers = tflite_convolutions(tflite_model)
    for values in layers[len(layers) // 2]:
        values[:] = np.roll(values, 1, axis=0)
    assert "does not compute the same function" in caught(tflite_model)


def test_nan_in_the_output_of_a_tflite_file(caught, tflite_model):
    *_, (_, bias) = tflite_weights(tflite_model, schema.BuiltinOperator.FULLY_CONNECTED)
    bias[7] = np.nan
    assert "output 7 is nan on astronaut.jpg" in caught(tflite_model)


def test_a_second_output_of_a_tflite_file(caught, tflite_model):
    (graph,) = tflite_model.subgraphs
    graph.outputs = indices([*graph.outputs, graph.operators[0].outputs[0]])
    assert "2 outputs" in caught(tflite_model, MicronetEdgeError)


def test_an_operator_of_no_layer_in_a_tflite_file(caught, tflite_model):
    tile_the_input(tflite_model)
    assert "1 TILE, not on the list of allowed operators" in caught(tflite_model)


# --- Faults around a file


@BOTH
def test_a_file_of_another_input_size(proven, digits, refusal, name):
    other = Preprocessing(size=64, resize=64)
    error_line = refusal(MicronetEdgeError, proven, digits / name, preprocessing=other)
    assert f"{name} takes" in error_line


def test_a_network_that_answers_every_image_alike_is_proven_weakly_and_says_so(network, tmp_path, capsys):
    dull = MicroNet("m0", 10).eval()
    dull.load_state_dict(network.state_dict())
    dull.classifier.logits.linear.weight.data *= 1e-6  # all zero is refused as it is read
    checkpoint = tmp_path / "dull.safetensors"
    labels = tuple("abcdefghij")
    save_checkpoint(dull, checkpoint, preprocessing=Preprocessing(size=96, resize=96), labels=labels)
    export(str(checkpoint), formats=["onnx"], output=tmp_path)
    assert "WEAK PROOF: the PyTorch network gives the same output for every photograph" in " ".join(
        capsys.readouterr().err.split()
    )
    verify(tmp_path / "dull-float32.onnx", checkpoint=checkpoint)
    assert "WEAK PROOF" in capsys.readouterr().err


@BOTH
def test_the_proof_of_an_honest_file_is_not_weak(proven, digits, name):
    assert proven(digits / name).weakness is None


def test_a_network_of_nan_proves_nothing(refusal):
    network = MicroNet("m0", 3).eval()
    network.classifier.logits.linear.bias.data[0] = np.nan
    images = Preprocessing(size=32, resize=32).batch(photographs())
    assert "NaN or infinity" in refusal(VerificationError, reference_logits, network, images)
