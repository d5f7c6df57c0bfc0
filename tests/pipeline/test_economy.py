"""A job opens each file no more often than it takes: that is most of an export's time."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import ai_edge_litert.interpreter
import onnx
import onnxruntime
import pytest
from cli.command import DIGITS, ONNX_FILE, shared_digits, shared_quantized

import micronet_edge
from micronet_edge import ExportSettings, QuantizeSettings
from micronet_edge.models import source
from micronet_edge.targets.registry import find_target
from micronet_edge_onnx import session as onnx_session
from micronet_edge_onnx.target import OnnxTarget
from micronet_edge_tflite import session
from micronet_edge_tflite.converter import outputs
from micronet_edge_tflite.target import TfliteTarget

MOST_SESSIONS = 2
"""One with the runtime's own kernels and one with ours, where these are at hand."""

MOST_LOADS = 2


@pytest.fixture
def counted(monkeypatch):
    """How often runtimes opened files, each ONNX file was loaded, and what else is watched was called."""
    counts = Counter()

    def watch(owner, name, key):
        plain = getattr(owner, name)

        def call(*args, **settings):
            counts[key(*args) if callable(key) else key] += 1
            return plain(*args, **settings)

        monkeypatch.setattr(owner, name, call)

    for module in (session, outputs, ai_edge_litert.interpreter):
        watch(module, "Interpreter", "LiteRT")
    # As our session sees it: onnxsim opens one of its own, on no file, to fold constants.
    runtime = SimpleNamespace(**vars(onnxruntime))
    monkeypatch.setattr(onnx_session, "onnxruntime", runtime)
    watch(runtime, "InferenceSession", "ONNX Runtime")
    watch(onnx, "load", lambda path, *_: ("load", Path(path).name))
    watch(source, "load_checkpoint", "checkpoint")
    for target in (OnnxTarget, TfliteTarget):
        watch(target, "quantized_graph", lambda target, *_: ("quantized graph", target.name))
    return counts


def loads(counts):
    return {key[1]: count for key, count in counts.items() if key[0] == "load"}


def test_it_counts(counted, tmp_path_factory):
    path = shared_digits(tmp_path_factory) / "files" / ONNX_FILE
    find_target("onnx").open(path, kernels="off").operators()
    find_target("tflite").open(path.with_suffix(".tflite"), kernels="off")
    assert counted == {"ONNX Runtime": 1, "LiteRT": 1, ("load", ONNX_FILE): 1}


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_export_of_both_formats(counted, tmp_path, precision):
    micronet_edge.export(DIGITS, settings=ExportSettings(output=tmp_path, precision=precision))
    assert 1 <= counted["LiteRT"] <= MOST_SESSIONS
    assert 1 <= counted["ONNX Runtime"] <= MOST_SESSIONS
    assert counted["checkpoint"] == 1
    assert 1 <= max(loads(counted).values()) <= MOST_LOADS


def test_quantize_of_both_formats(counted, tmp_path, tmp_path_factory):
    calibration = shared_quantized(tmp_path_factory) / "calibration"
    micronet_edge.quantize(DIGITS, settings=QuantizeSettings(output=tmp_path, calibration=calibration))
    assert 1 <= counted["LiteRT"] <= MOST_SESSIONS
    assert 1 <= counted["ONNX Runtime"] <= MOST_SESSIONS
    assert counted["checkpoint"] == 1
    assert 1 <= max(loads(counted).values()) <= MOST_LOADS
    assert counted["quantized graph", "onnx"] == counted["quantized graph", "tflite"] == 1


def test_verify_reads_the_checkpoint_once(counted, tmp_path_factory):
    micronet_edge.verify(shared_digits(tmp_path_factory) / "files" / ONNX_FILE, DIGITS)
    assert counted["checkpoint"] == 1
    folder = shared_quantized(tmp_path_factory)
    file = folder / "files" / "m0-digits-int8.tflite"
    micronet_edge.verify(file, DIGITS, calibration=folder / "calibration")
    assert counted["checkpoint"] == 2
    assert counted["quantized graph", "tflite"] == 1
