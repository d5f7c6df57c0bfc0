"""Four steps of an ONNX file become one operator, where they are a hard swish and nothing else."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from baselines.join_hard_swish import join_hard_swishes

X = np.linspace(-8, 8, 4096, dtype=np.float32)
STEPS = ["Add", "Clip", "Mul", "Mul"]


def model(lift=3.0, low=0.0, high=6.0, factor=1 / 6, *, read_again=None, of="x"):
    """A hard swish step by step; `read_again` is a step's result that somebody else reads as well."""
    numbers = {"lift": lift, "low": low, "high": high, "factor": factor}
    nodes = [
        helper.make_node("Relu", ["given"], ["x"]),
        helper.make_node("Add", ["x", "lift"], ["lifted"]),
        helper.make_node("Clip", ["lifted", "low", "high"], ["gate"]),
        helper.make_node("Mul", [of, "gate"], ["product"]),
        helper.make_node("Mul", ["product", "factor"], ["swish"], "the/name"),
        helper.make_node("Add", ["swish", read_again or "swish"], ["result"]),
    ]
    graph = helper.make_graph(
        nodes,
        "steps",
        [helper.make_tensor_value_info("given", TensorProto.FLOAT, X.shape)],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, X.shape)],
        [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in numbers.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def kinds(given):
    return [node.op_type for node in given.graph.node]


def run(given):
    onnx.checker.check_model(given, full_check=True)
    session = onnxruntime.InferenceSession(given.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"given": X})[0]


def test_four_steps_become_one():
    given = model()
    before = run(given)
    assert join_hard_swishes(given) == 1
    assert kinds(given) == ["Relu", "HardSwish", "Add"]
    assert given.graph.node[1].name == "the/name"
    assert not given.graph.initializer
    np.testing.assert_allclose(run(given), before, atol=1e-5)
    assert join_hard_swishes(given) == 0


@pytest.mark.parametrize(
    "other",
    [
        {"lift": 2.0},
        {"low": -1.0},
        {"high": 5.0},
        {"factor": 0.2},
        {"of": "given"},
        {"read_again": "lifted"},
        {"read_again": "gate"},
        {"read_again": "product"},
    ],
    ids=str,
)
def test_other_steps_stay(other):
    given = model(**other)
    before = run(given)
    assert join_hard_swishes(given) == 0
    assert kinds(given)[1:5] == STEPS
    np.testing.assert_array_equal(run(given), before)
