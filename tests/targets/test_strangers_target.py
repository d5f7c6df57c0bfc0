"""A target in a package of its own does all that ours do, without a change to ours.

`stranger/torchscript_target` knows the protocol of a target and that of the bench's runtimes, no more.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli.command import DIGITS, first_on_path, run

from micronet_edge import ExportSettings, export
from micronet_edge.lowering.cost_model.tuning import read_tuning
from micronet_edge_bench.runner import runtimes
from micronet_edge_bench.runner.plan import Settings
from micronet_edge_bench.tuning import head_to_head
from micronet_edge_bench.tuning.tuning_run import tuned_on

PACKAGE = Path(__file__).parent / "stranger" / "torchscript_target"
ENTRY_POINTS = """
[micronet_edge.targets]
torchscript = torchscript_target.target:TARGET
[micronet_edge.runtimes]
torchscript = torchscript_target.runtime
"""
FLOAT, INTEGER = "m0-digits-float32.torchscript", "m0-digits-int8.torchscript"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder of packages as pip would leave it."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    information = folder / "torchscript_target-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: torchscript-target\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


@pytest.fixture(scope="module")
def tool(site, tmp_path_factory):
    """The command line with that package installed; what it prints as JSON."""
    folder = tmp_path_factory.mktemp("work")
    np.save(folder / "calibration.npy", np.random.default_rng(3).integers(0, 255, (64, 32, 32, 3), np.uint8))

    def call(*arguments):
        ran = run(*arguments, "--json", cwd=folder, PYTHONPATH=first_on_path(site))
        assert ran.code == 0, ran.errors
        return json.loads(ran.output)

    call.folder = folder
    return call


@pytest.fixture(scope="module")
def files(tool):
    """What export and quantize write of the digits' network."""
    written = tool("export", DIGITS, "--format", "torchscript")
    quantized = tool("quantize", DIGITS, "--format", "torchscript", "--calibration", "calibration.npy")
    return written, quantized


def test_it_exports(files):
    (file,), _ = files
    assert (file["path"], file["format"]) == (FLOAT, "torchscript")
    assert file["proof"]["relative_difference"] < 1e-4


def test_it_quantizes(files):
    (file,) = files[1]["files"]
    assert (file["path"], file["precision"]) == (INTEGER, "int8")
    assert file["proof"]["top1_agreement"] == 1
    assert file["proof"]["cosine"] > 0.99


@pytest.mark.usefixtures("files")
def test_it_verifies(tool):
    assert tool("verify", FLOAT, "--checkpoint", DIGITS)["relative_difference"] < 1e-4
    found = tool("verify", INTEGER, "--checkpoint", DIGITS, "--calibration", "calibration.npy")
    assert found["cosine"] > 0.99


@pytest.mark.usefixtures("files")
def test_what_it_cannot_count_is_said(tool):
    assert tool("count", FLOAT)["uncounted"] == {"MODULE": 1}


@pytest.fixture(scope="module")
def ours(tool):
    """The name of a file of ours beside them."""
    tool("export", DIGITS, "--format", "onnx")
    return "m0-digits-float32.onnx"


@pytest.mark.slow
@pytest.mark.usefixtures("files")
def test_it_benches_beside_ours(tool, ours):
    found = tool("bench", FLOAT, ours, "--processes", "1", "--runs", "20")
    (run,) = found["runs"]
    assert [file["runtime"] for file in run["files"]] == ["TorchScript", "ONNX Runtime"]
    assert all(file["latency"]["median_ns"] > 0 for file in run["files"])


@pytest.fixture
def installed(site, monkeypatch):
    """The package in this process and those that it starts."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", first_on_path(site))
    runtimes._offered.cache_clear()
    yield
    runtimes._offered.cache_clear()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.usefixtures("installed")
def test_it_tunes(monkeypatch, tmp_path):
    short = Settings(
        threads=1, processes=1, rounds=3, seconds=None, least_warmup=1, most_warmup=2, profile=False
    )
    monkeypatch.setattr(head_to_head, "_SETTINGS", short)
    text, trials = tuned_on("local", [str(DIGITS)], tables=["torchscript"])
    assert {trial.table for trial in trials} == {"torchscript"}
    assert all(trial.time > 0 for trial in trials)
    (tmp_path / "mine.json").write_text(text)
    tables = read_tuning(tmp_path / "mine.json").tables
    assert set(tables) == {"integer", "onnxruntime", "portable", "torchscript", "xnnpack"}
    settings = ExportSettings(formats=("torchscript",), output=tmp_path, tuning=tmp_path / "mine.json")
    (file,) = export(DIGITS, settings=settings)
    assert file.proof.relative_difference < 1e-4


def test_without_the_package_its_table_is_named_and_not_used(tmp_path):
    told = []
    theirs = PACKAGE / "costs.json"
    settings = ExportSettings(formats=("onnx",), output=tmp_path, tuning=theirs)
    export(DIGITS, settings=settings, report=told.append)
    assert "WARNING: no installed format has the tables torchscript: not used" in told


@pytest.mark.usefixtures("files")
def test_a_runtime_that_cannot_be_loaded_breaks_no_other(site, tool, ours, tmp_path):
    broken = tmp_path / "site"
    shutil.copytree(site, broken)
    (broken / PACKAGE.name / "runtime.py").write_text("raise ImportError('half installed')")
    ran = run("bench", FLOAT, cwd=tool.folder, PYTHONPATH=first_on_path(broken))
    assert ran.code == 1
    assert "no runtime for" in ran.errors
    assert (
        "runtime torchscript cannot be loaded from torchscript_target.runtime (half installed)" in ran.errors
    )
    ran = run(
        "bench", ours, "--processes", "1", "--runs", "2", cwd=tool.folder, PYTHONPATH=first_on_path(broken)
    )
    assert ran.code == 0, ran.errors
