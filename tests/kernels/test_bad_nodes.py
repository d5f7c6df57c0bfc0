"""Nodes that make no sense are refused by ONNX Runtime in our kernels' words."""

import numpy as np
import onnx
import onnxruntime
import pytest
from kernels.small_networks import images, network, write_float
from onnx import helper, numpy_helper


@pytest.fixture
def model(tmp_path):
    return onnx.load(write_float(network(), "onnx", tmp_path, fused=True))


@pytest.fixture
def run(path):
    """Runs a model with our kernels; its function, which would be checked first, is left out."""

    def call(model):
        del model.functions[:]
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.register_custom_ops_library(str(path))
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        return session.run(None, {"image": images(1, 8)})[0]

    return call


def node_of(model):
    (node,) = (node for node in model.graph.node if node.domain)
    return node


def set_attribute(model, name, value):
    node = node_of(model)
    kept = [each for each in node.attribute if each.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, *([] if value is None else [helper.make_attribute(name, value)])])


def set_input(model, place, values):
    for constant in model.graph.initializer:
        if constant.name == node_of(model).input[place]:
            constant.CopyFrom(numpy_helper.from_array(values, constant.name))


def test_the_sound_node_runs(model, run):
    assert np.isfinite(run(model)).all()


@pytest.mark.parametrize(
    ("name", "value", "error_line"),
    [
        ("sources", "0,1,2", "not channels of x"),
        ("sources", ",".join(["99"] * 24), "not channels of x"),
        ("sources", "0,one", "not a list of channels"),
        ("sources", "-1", "not a list of channels"),
        ("sources", "99999999999999999999", "not a list of channels"),
        ("sources", "", "not channels of x"),
        ("means", "12", "not channels of x"),
        ("means", "0,1", "squeeze has the wrong size"),
        ("shifts", 0, "no shifts"),
        ("shifts", 2**40, "no shifts"),
        ("fusions", -1, "no fusions"),
        ("fusions", 3, "excite has the wrong size"),
        ("sources", None, "sources"),
        ("scale", None, "scale"),
    ],
)
def test_an_attribute_that_makes_no_sense(model, run, name, value, error_line):
    set_attribute(model, name, value)
    with pytest.raises(Exception, match=error_line):
        run(model)


@pytest.mark.parametrize(
    ("place", "shape", "error_line"),
    [
        (1, (4, 13), "squeeze has the wrong size"),
        (1, (4,), "squeeze has the wrong size"),
        (2, (5,), "the bias of squeeze"),
        (3, (4, 47), "excite has the wrong size"),
        (3, (3, 48), "excite has the wrong size"),
        (4, (47,), "the bias of excite"),
        (5, (1, 49), "the offset"),
    ],
)
def test_a_weight_of_another_size(model, run, place, shape, error_line):
    set_input(model, place, np.zeros(shape, np.float32))
    with pytest.raises(Exception, match=error_line):
        run(model)


def test_a_weight_of_another_type(model, run):
    set_input(model, 5, np.zeros(48, np.float64))
    with pytest.raises(Exception, match=r"(?i)type"):
        run(model)


def alone(width, constants=()):
    """A model of one node, on x of as many channels, whose weights are inputs unless they are `constants`."""
    shapes = {"squeeze": [2, 3], "squeeze_bias": [2], "excite": [2, 6], "excite_bias": [6], "offset": [6]}
    settings = {"sources": "0,1,2,1,2,0", "means": "0,1,2", "shifts": 2, "fusions": 1, "by_channel": 0}
    node = helper.make_node("DynamicShiftMax0", ["x", *shapes], ["y"], domain="micronet_edge", **settings)
    node.attribute.extend([helper.make_attribute("span", 6.0), helper.make_attribute("scale", -0.5)])
    random = np.random.default_rng(0)
    weights = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    sides = {"x": [1, width, 5, 7]} | {name: shape for name, shape in shapes.items() if name not in constants}
    graph = helper.make_graph(
        [node],
        "alone",
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in sides.items()],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weights[name], name) for name in constants],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("micronet_edge", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return model, weights


@pytest.fixture
def opened(path):
    def call(model):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.register_custom_ops_library(str(path))
        return onnxruntime.InferenceSession(model.SerializeToString(), options)

    return call


def computed(x, weights):
    """The node's result by its formula."""
    row = x.mean((2, 3)) @ weights["squeeze"].T + weights["squeeze_bias"]
    gate = np.clip(np.maximum(row, 0) @ weights["excite"] + weights["excite_bias"], 0, 6)
    first, second = np.split((gate + weights["offset"]) * -0.5, 2, axis=1)
    return first[:, :, None, None] * x + second[:, :, None, None] * x[:, [1, 2, 0]]


@pytest.mark.parametrize("constants", [(), ("squeeze", "offset"), tuple(alone(3)[1])], ids=len)
def test_weights_that_are_given_anew_are_read_anew(opened, constants):
    model, weights = alone(3, constants)
    session, random = opened(model), np.random.default_rng(1)
    for _ in range(3):
        x = random.standard_normal((1, 3, 5, 7)).astype(np.float32)
        given = {name: value * np.float32(random.uniform(0.5, 2)) for name, value in weights.items()}
        given = {name: value for name, value in given.items() if name not in constants}
        (found,) = session.run(None, {"x": x, **given})
        expected = computed(x, weights | given)
        assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_a_tensor_of_another_width_than_before(opened):
    model, weights = alone(3, tuple(alone(3)[1]))
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "channels"
    session = opened(model)
    x = np.ones((1, 3, 5, 7), np.float32)
    (found,) = session.run(None, {"x": x})
    assert np.abs(found - computed(x, weights)).max() < 1e-5
    with pytest.raises(Exception, match="the number of channels of x has changed"):
        session.run(None, {"x": np.ones((1, 4, 5, 7), np.float32)})
