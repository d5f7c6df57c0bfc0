"""What the runtimes' interfaces are declared as here, held against the runtimes that are installed."""

import ctypes
import os
import re
import subprocess
from pathlib import Path
from shutil import which

import numpy as np
import onnxruntime
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, load_delegate
from kernels.small_networks import network, write_float, write_int8

from micronet_edge import kernels

COMPILER = os.environ.get("CXX", "c++")
PROBE = Path(__file__).parent / "probe_tflite.cpp"


def slots():
    """The numbers of ONNX Runtime's functions as our header has them."""
    header = (kernels.SOURCES / "ort" / "ort_abi.h").read_text()
    block = header[header.index("enum Slot") : header.index("struct CustomOp {")]
    return {name: int(number) for name, number in re.findall(r"(k\w+) = (\d+)", block)}


class Api:
    """ONNX Runtime's table of functions."""

    def __init__(self):
        folder = Path(onnxruntime.__file__).parent / "capi"
        for path in sorted(folder.glob("*.so*")):
            library = ctypes.CDLL(str(path))
            if hasattr(library, "OrtGetApiBase"):
                break
        library.OrtGetApiBase.restype = ctypes.POINTER(ctypes.c_void_p)
        get = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)(library.OrtGetApiBase()[0])
        self._table = (ctypes.c_void_p * 128).from_address(get(16))

    def __call__(self, slot, *arguments, result=ctypes.c_void_p):
        return ctypes.CFUNCTYPE(result, *(type(each) for each in arguments))(self._table[slot])(*arguments)


def test_a_status_goes_there_and_back():
    api, named = Api(), slots()
    status = api(named["kCreateStatus"], ctypes.c_int32(2), ctypes.c_char_p(b"no good"))
    assert api(1, ctypes.c_void_p(status), result=ctypes.c_int32) == 2
    assert api(2, ctypes.c_void_p(status), result=ctypes.c_char_p) == b"no good"
    api(named["kReleaseStatus"], ctypes.c_void_p(status), result=None)


def test_a_tensor_tells_its_type_shape_and_data():
    api, named = Api(), slots()
    memory, value, info, data = (ctypes.c_void_p() for _ in range(4))
    numbers, shape = np.arange(6, dtype=np.float32), (ctypes.c_int64 * 2)(2, 3)
    assert api(69, ctypes.c_int(0), ctypes.c_int(0), ctypes.pointer(memory)) is None
    made = (memory, ctypes.c_void_p(numbers.ctypes.data), ctypes.c_size_t(24), ctypes.pointer(shape))
    assert api(49, *made, ctypes.c_size_t(2), ctypes.c_int(1), ctypes.pointer(value)) is None
    assert api(named["kGetTypeAndShape"], value, ctypes.pointer(info)) is None
    kind, rank, found = ctypes.c_int32(), ctypes.c_size_t(), (ctypes.c_int64 * 2)()
    assert api(named["kGetElementType"], info, ctypes.pointer(kind)) is None
    assert api(named["kGetDimensionsCount"], info, ctypes.pointer(rank)) is None
    assert api(named["kGetDimensions"], info, ctypes.pointer(found), ctypes.c_size_t(2)) is None
    assert api(named["kGetData"], value, ctypes.pointer(data)) is None
    assert (kind.value, rank.value, list(found), data.value) == (1, 2, [2, 3], numbers.ctypes.data)
    api(named["kReleaseTypeAndShape"], info, result=None)


def test_every_slot_but_one_is_of_the_first_version():
    """102 functions: of later ones an old table may have none. Version 15, older than ours, had 255."""
    named = slots()
    assert len(named) == len(set(named.values())) == 17
    assert named.pop("kGetConstantInput") < 255
    assert max(named.values()) < 102


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    if which(COMPILER) is None:
        pytest.skip("needs a C++ compiler")
    path = tmp_path_factory.mktemp("probe") / "probe.so"
    options = ["-std=c++17", "-shared", "-fPIC", f"-I{kernels.SOURCES / 'tflite'}"]
    subprocess.run([COMPILER, *options, PROBE, "-o", path], check=True)
    return path


@pytest.fixture(params=["float", "mixing", "int8"])
def probed(request, probe, tmp_path, monkeypatch):
    """A file's own description of itself, and what the probe saw of it."""
    monkeypatch.setenv("PROBED", str(tmp_path / "facts"))
    module, size = network(8, 2, fusions=1), 56 if request.param == "mixing" else 8
    write = write_int8 if request.param == "int8" else write_float
    file = write(module, "tflite", tmp_path, size=size)
    Interpreter(str(file), experimental_delegates=[load_delegate(str(probe))]).allocate_tensors()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read_bytes()))
    return model, (tmp_path / "facts").read_text().splitlines()


def listed(numbers):
    return "".join(f",{number}" for number in numbers)


def options_of(kind, options):
    operator = schema.BuiltinOperator
    match kind:
        case operator.CONV_2D:
            # The file counts paddings from 0, the interface from 1.
            sides = (options.strideW, options.strideH, options.fusedActivationFunction)
            return [options.padding + 1, *sides, options.dilationWFactor, options.dilationHFactor]
        case operator.CONCATENATION:
            return [options.axis, options.fusedActivationFunction]
        case operator.BATCH_MATMUL:
            return [int(options.adjX), int(options.adjY)]
        case operator.MEAN:
            return [int(options.keepDims)]
        case operator.ADD | operator.MUL:
            return [options.fusedActivationFunction]
    return None


def test_nodes_are_as_the_file_has_them(probed):
    model, facts = probed
    wanted = []
    for place, operator in enumerate(model.subgraphs[0].operators):
        kind = model.operatorCodes[operator.opcodeIndex].builtinCode
        options = options_of(kind, operator.builtinOptions)
        words = "" if options is None else f" options={','.join(map(str, options))}"
        inputs, outputs = listed(operator.inputs), listed(operator.outputs)
        wanted.append(f"node {place} kind={kind} inputs={inputs} outputs={outputs}{words}")
    assert [fact for fact in facts if fact.startswith("node")] == wanted


def test_tensors_are_as_the_file_has_them(probed):
    model, facts = probed
    seen = {int(fact.split()[1]): fact for fact in facts if fact.startswith("tensor")}
    kinds = {
        schema.TensorType.FLOAT32: (1, 4),
        schema.TensorType.INT32: (2, 4),
        schema.TensorType.INT8: (9, 1),
    }
    for place, tensor in enumerate(model.subgraphs[0].tensors):
        fact = seen[place]
        kind, width = kinds[tensor.type]
        stored = model.buffers[tensor.buffer].data is not None
        assert f"tensor {place} {tensor.name.decode()} type={kind} " in fact
        assert f" bytes={width * int(np.prod(tensor.shape))} constant={int(stored)} " in fact
        assert f"dims={listed(tensor.shape)}" in fact
        qparams = tensor.quantization
        if qparams is None or qparams.scale is None:
            continue
        assert f" channels={len(qparams.scale)} " in fact
        assert f" dimension={qparams.quantizedDimension}" in fact
        assert float(re.search(r" last=(\S+)", fact)[1]) == np.float32(qparams.scale[-1])
        if len(qparams.scale) == 1:
            assert float(re.search(r" scale=(\S+)", fact)[1]) == np.float32(qparams.scale[0])
            assert f" zero={qparams.zeroPoint[0]} " in fact


def test_a_partition_of_all_nodes_is_all_of_them(probed):
    model, facts = probed
    (graph,) = model.subgraphs
    nodes, outputs = listed(range(len(graph.operators))), listed(graph.outputs)
    assert facts[-1] == f"parts 1 nodes={nodes} outputs={outputs}"
