"""LiteRT's compiled model gives what its interpreter gives, for files of every kind."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from quantized_digits import image_folder, quantized_digits
from single_layers import PREPROCESSING, Joined, expected_outputs, graph_of, samples, signature_of
from test_many_inputs import Detector
from test_tflite_int8 import write
from torch import nn

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.errors import TargetError
from micronet_edge.kernels import library
from micronet_edge.lowering.ir import primitives as p
from micronet_edge.targets.readers import read_metadata
from micronet_edge.targets.registry import find_target, opening_in
from micronet_edge_tflite.compiled_session import CompiledSession
from micronet_edge_tflite.network_file import FileForm, float_file
from micronet_edge_tflite.session import TfliteSession

TARGET = find_target("tflite")
COMPILED = opening_in(TARGET, "litert-compiled")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Integer files of the digits, with float and integer ends."""
    folder = tmp_path_factory.mktemp("compiled")
    digits = quantized_digits(image_folder(tmp_path_factory), "int8")
    for io in ("float32", "int8", "uint8"):
        write(digits.forms["tflite"], digits.metadata, folder / f"{io}.tflite", io=io)
    write(digits.forms["tflite"], digits.metadata, folder / "batch3.tflite", batch=3)
    wide = quantized_digits(image_folder(tmp_path_factory), "int8-a16")
    write(wide.forms["tflite"], wide.metadata, folder / "a16.tflite")
    return folder


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["a16", "batch3", "float32", "int8", "uint8"])
def test_integer_files_give_the_same_numbers(files, name, threads):
    path = files / f"{name}.tflite"
    images = read_metadata(path).preprocessing.batch(photographs()[:1] * 4)
    images[1:] *= np.float32([[[[0.5]]], [[[-0.5]]], [[[0]]]])
    plain, compiled = TARGET.open(path, threads, kernels="off"), COMPILED.open(path, threads)
    assert isinstance(compiled, CompiledSession)
    assert np.array_equal(compiled.run(images), plain.run(images))
    batch = images[: 3 if name == "batch3" else 1]
    assert np.array_equal(compiled.prepared(batch)(), plain.run(batch))
    assert compiled.input_array(batch).dtype == plain.input_array(batch).dtype
    assert compiled.operators() == plain.operators()
    assert compiled.fused == 0
    assert compiled.partitions() == plain.partitions()


@pytest.mark.parametrize("batch", [1, 3])
def test_several_inputs_and_outputs_are_found_by_name(tmp_path, batch):
    """One output is an input, and one stands twice."""
    shapes = [(1, 6, 8), (7,)]
    plain, compiled = both(tmp_path, Detector(), shapes, batch)
    given = samples(batch, shapes)
    for one, other in zip(plain.outputs(*given), compiled.outputs(*given), strict=True):
        assert np.array_equal(one, other)


def test_the_order_is_the_networks_whatever_the_files_is(tmp_path):
    shapes = [(3, 4), (3, 4)]
    result = (TensorSpec("difference", (3, 4)),)
    written = Signature((TensorSpec("b", (3, 4)), TensorSpec("a", (3, 4))), result)
    path = tmp_path / "swapped.tflite"
    path.write_bytes(float_file(graph_of(Joined(p.Subtract()), *shapes), None, FileForm(signature=written)))
    given = samples(1, shapes)
    for inputs, sign in ((written.inputs, 1), (written.inputs[::-1], -1)):
        session = CompiledSession(path, 1, metadata=described(Signature(inputs, result)))
        assert np.allclose(session.outputs(*given)[0], sign * (given[0] - given[1]))


def test_an_input_that_was_set_stays_set(tmp_path):
    """`prepared` sets it once and runs often."""
    _, compiled = both(tmp_path, nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()), [(3, 8, 8)], 1)
    given = samples(1, [(3, 8, 8)])[0]
    infer = compiled.prepared(given)
    first = infer().copy()
    assert np.array_equal(infer(), first)
    assert np.array_equal(compiled.run(given), first)


def test_our_kernels_do_not_run_in_it_and_results_agree(files):
    assert library() is not None, "the kernels were not built"
    path = files / "float32.tflite"
    images = read_metadata(path).preprocessing.batch(photographs()[:1])
    fused, compiled = TARGET.open(path), COMPILED.open(path, kernels="auto")
    assert fused.fused > 0
    assert compiled.fused == 0
    assert np.argmax(fused.run(images)) == np.argmax(compiled.run(images))


def test_files_for_microcontrollers_are_refused(files):
    path = files / "int8.tflite"
    metadata = replace(read_metadata(path), runtime="micro")
    with pytest.raises(TargetError, match="is for microcontrollers, whose arithmetic"):
        CompiledSession(path, 1, metadata=metadata)


def test_notices_reach_nobody(tmp_path, capfd):
    both(tmp_path, nn.Sequential(nn.ReLU()), [(3, 4, 4)], 1)
    assert capfd.readouterr().err == ""


def test_a_file_that_was_cut_short_is_refused_not_run(files, tmp_path):
    """The compiled model alone would end the process."""
    cut = tmp_path / "cut.tflite"
    cut.write_bytes((files / "int8.tflite").read_bytes()[:100])
    with pytest.raises(TargetError, match=r"cut\.tflite cannot be opened by LiteRT"):
        COMPILED.open(cut)


def test_what_cannot_open_is_refused_in_a_line(tmp_path, monkeypatch):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"TFL3" * 8)
    with pytest.raises(TargetError, match=r"broken\.tflite cannot be opened by LiteRT"):
        COMPILED.open(broken)
    with pytest.raises(TargetError, match="do not open in tensorrt: choose from litert, litert-compiled"):
        opening_in(TARGET, "tensorrt")
    with pytest.raises(TargetError, match="onnx files open in one runtime alone: leave litert-compiled out"):
        opening_in(find_target("onnx"), "litert-compiled")
    monkeypatch.setitem(sys.modules, "ai_edge_litert.compiled_model", None)
    with pytest.raises(TargetError, match=r"has no CompiledModel .*pip install --upgrade ai-edge-litert"):
        COMPILED.open(broken)


def both(tmp_path, network, shapes, batch):
    """The network's file in the interpreter and in the compiled model."""
    signature = signature_of(shapes, expected_outputs(network, samples(batch, shapes)))
    path = tmp_path / "file.tflite"
    form = FileForm(batch=batch, signature=signature)
    path.write_bytes(float_file(graph_of(network, *shapes), PREPROCESSING, form))
    return [kind(path, 1, metadata=described(signature)) for kind in (TfliteSession, CompiledSession)]


def described(signature):
    return FileMetadata("test", (), PREPROCESSING, None, signature=signature)
