"""A client runs in a process of its own: what it gives, and what becomes of one that dies or hangs."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from clients import running
from clients.client_table import Client
from clients.comparing import compared
from clients.files import Written
from clients.kinds import Kind

OWN = Client("own", "onnx_runtime", ("onnx",), ())
START = (sys.executable, "child.py", "onnx_runtime")
DIES = "import os\nos.kill(os.getpid(), 11)\n"


@pytest.fixture
def file(tmp_path):
    """A file that adds 1 to each of two numbers, on two images."""
    import onnx
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in ("x", "y")]
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    graph = helper.make_graph([helper.make_node("Add", ["x", "one"], ["y"])], "g", ends[:1], ends[1:], [one])
    path = tmp_path / "add.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    images = np.array([[1, 2], [4, 3]], np.float32)
    np.save(tmp_path / "inputs.npy", images)
    np.save(tmp_path / "pixels.npy", images.astype(np.uint8))
    ends = (tmp_path / "inputs.npy", tmp_path / "pixels.npy")
    return Written("add", Kind("onnx"), path, "0", *ends, reference=images + 1)


def test_a_client_runs_a_file(file):
    row = compared(OWN, file, running.run(OWN, START, file))
    assert (row.verdict, row.same, row.images, row.difference, row.largest) == ("equal", 2, 2, 0.0, 5.0)


def test_what_a_client_computes_wrongly_is_found(file):
    other = replace(file, reference=-file.reference)
    assert compared(OWN, other, running.run(OWN, START, other)).verdict == "wrong"


def test_a_file_that_does_not_load_gives_the_reason_without_folders(file):
    file.path.write_bytes(b"no model")
    ran = running.run(OWN, START, file)
    assert not ran.loaded
    assert "model.onnx" in ran.error
    assert str(file.path.parent) not in ran.error


@pytest.mark.parametrize(
    ("program", "loaded"), [(DIES, False), (f"print({running.LOADED!r}, flush=True)\n{DIES}", True)]
)
def test_a_client_that_dies_is_a_row(file, tmp_path, monkeypatch, program, loaded):
    (tmp_path / "child.py").write_text(program)
    monkeypatch.setattr(running, "CHILDREN", tmp_path)
    row = compared(OWN, file, running.run(OWN, START, file))
    assert (row.loads, row.runs, row.error) == (loaded, False, "dies (SIGSEGV)")


def test_a_client_that_hangs_is_stopped(file, tmp_path, monkeypatch):
    (tmp_path / "child.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(running, "CHILDREN", tmp_path)
    monkeypatch.setattr(running, "PATIENCE_SECONDS", 1)
    assert "not done" in running.run(OWN, START, file).error


def test_integers_are_compared_as_what_they_stand_for(file):
    stored = replace(file, scale=0.5, zero_point=-3)
    assert stored.in_floats(np.array([[-3, 1]], np.int8)).tolist() == [[0.0, 2.0]]
    assert stored.in_floats(np.array([[0.5, 1]], np.float32)).tolist() == [[0.5, 1.0]]
