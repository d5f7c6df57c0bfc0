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
    ("name", "value", "complaint"),
    [
        ("sources", "0,1,2", "no channels of x"),
        ("sources", ",".join(["99"] * 24), "no channels of x"),
        ("sources", "0,one", "no list of channels"),
        ("sources", "-1", "no list of channels"),
        ("sources", "99999999999999999999", "no list of channels"),
        ("sources", "", "no channels of x"),
        ("means", "12", "no channels of x"),
        ("means", "0,1", "squeeze is of another size"),
        ("shifts", 0, "no shifts"),
        ("shifts", 2**40, "no shifts"),
        ("fusions", -1, "no fusions"),
        ("fusions", 3, "excite is of another size"),
        ("sources", None, "sources"),
        ("scale", None, "scale"),
    ],
)
def test_an_attribute_that_makes_no_sense(model, run, name, value, complaint):
    set_attribute(model, name, value)
    with pytest.raises(Exception, match=complaint):
        run(model)


@pytest.mark.parametrize(
    ("place", "shape", "complaint"),
    [
        (1, (4, 13), "squeeze is of another size"),
        (1, (4,), "squeeze is of another size"),
        (2, (5,), "the bias of squeeze"),
        (3, (4, 47), "excite is of another size"),
        (3, (3, 48), "excite is of another size"),
        (4, (47,), "the bias of excite"),
        (5, (1, 49), "the offset"),
    ],
)
def test_a_weight_of_another_size(model, run, place, shape, complaint):
    set_input(model, place, np.zeros(shape, np.float32))
    with pytest.raises(Exception, match=complaint):
        run(model)


def test_a_weight_of_another_type(model, run):
    set_input(model, 5, np.zeros(48, np.float64))
    with pytest.raises(Exception, match=r"(?i)type"):
        run(model)
