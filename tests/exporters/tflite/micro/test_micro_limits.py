"""What TensorFlow Lite Micro lacks: our list says what its own interpreter says of small files."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from micronet_edge_tflite.counting.count import count_file
from micronet_edge_tflite.micro.limits import REGISTERED, lacking, notes_on
from micronet_edge_tflite.writer.operator_writer import OperatorWriter

ARENA_BYTES = 100_000
UNKNOWN = ["RELU_0_TO_1", "RELU_N1_TO_1", "SIGN", "GELU", "TILE", "SELECT", "POW", "ONE_HOT", "TOPK_V2"]
KNOWN = ["RELU", "RELU6", "HARD_SWISH", "ABS", "NEG", "LOGISTIC", "TANH", "FLOOR", "SQRT", "EXP"]


def alone(name, shape=(1, 4), options=None, *constants, result=None, **fields):
    """A file of one operator."""
    writer = OperatorWriter()
    x = writer.tensor("x", shape, None)
    y = writer.tensor("y", result or shape, None)
    others = [writer.constant(f"constant{k}", np.asarray(each)) for k, each in enumerate(constants)]
    writer.write(name, [x, *others], y, options, **fields)
    return writer.content({"x": x}, {"y": y})


def gather(kind):
    return alone("GATHER", (1, 4), schema.GatherOptionsT, np.arange(4, dtype=kind), axis=1)


def transpose(axes):
    order = np.arange(axes, dtype=np.int32)[::-1]
    return alone("TRANSPOSE", (2,) * axes, schema.TransposeOptionsT, order)


def strided_slice(axes):
    bounds = [np.full(axes, value, np.int32) for value in (0, 1, 1)]
    return alone("STRIDED_SLICE", (2,) * axes, schema.StridedSliceOptionsT, *bounds, result=(1,) * axes)


def concatenation(count):
    writer = OperatorWriter()
    x, y = writer.tensor("x", (1, 4), None), writer.tensor("y", (1, 4 * count), None)
    writer.write("CONCATENATION", [x] * count, y, schema.ConcatenationOptionsT, axis=1)
    return writer.content({"x": x}, {"y": y})


def halves():
    writer = OperatorWriter()
    x, y, half = (writer.tensor(name, (1, 4), None) for name in ("x", "y", "half"))
    stored = writer.constant("stored", np.ones((1, 4), np.float16))
    writer.write("DEQUANTIZE", [stored], half, schema.DequantizeOptionsT)
    writer.write("ADD", [x, half], y, schema.AddOptionsT, fusedActivationFunction=0)
    return writer.content({"x": x}, {"y": y})


FILES = {
    **{f"{name} alone": alone(name) for name in (*KNOWN, *UNKNOWN)},
    **{f"GATHER by {kind.__name__}": gather(kind) for kind in (np.int32, np.int64)},
    **{f"TRANSPOSE of {axes} axes": transpose(axes) for axes in (4, 5, 6)},
    **{f"STRIDED_SLICE of {axes} axes": strided_slice(axes) for axes in (4, 5)},
    **{f"CONCATENATION of {count}": concatenation(count) for count in (10, 11)},
    "DEQUANTIZE of float16": halves(),
}


@pytest.mark.parametrize("name", FILES)
def test_its_interpreter_says_the_same(name):
    runtime = pytest.importorskip("tflite_micro", reason="tflite-micro is not installed").runtime
    content = FILES[name]
    if lacking(content):
        with pytest.raises(RuntimeError, match="failed to allocate"):
            runtime.Interpreter.from_bytes(content, arena_size=ARENA_BYTES)
    else:
        runtime.Interpreter.from_bytes(content, arena_size=ARENA_BYTES).invoke()


def test_what_is_lacking_in_words():
    assert not set(UNKNOWN) & REGISTERED
    assert lacking(gather(np.int64)) == ("GATHER takes indices of int32, not int64, 1 operator",)
    assert lacking(transpose(6)) == ("TRANSPOSE takes at most 5 axes, not 6, 1 operator",)
    assert notes_on(alone("RELU_0_TO_1")) == (
        "TensorFlow Lite Micro cannot run this file: RELU_0_TO_1 is not among its operators, 1 operator",
    )
    assert notes_on(alone("RELU6")) == ()


def test_counting_says_it(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(alone("RELU_0_TO_1"))
    assert count_file(path).notes == notes_on(path.read_bytes())


def test_no_operator_is_known_that_the_format_lacks():
    assert {name for name in REGISTERED if not hasattr(schema.BuiltinOperator, name)} == set()
