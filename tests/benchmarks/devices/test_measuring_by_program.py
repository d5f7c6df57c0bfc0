"""A phone without Python: what benchmark_model prints becomes results like any others.

No binary of it is to be had where the tests run: a script that prints what one printed stands in its place.
"""

import shlex
from pathlib import Path

import pytest

from micronet_edge_bench.inputs import prepare
from micronet_edge_bench.measuring import measure
from micronet_edge_bench.results import Results, read_results, write_results
from micronet_edge_bench.runner.plan import Settings
from micronet_edge_bench.statistics import latency

PRINTED = Path(__file__).parent / "outputs" / "with_delegate.txt"


@pytest.fixture
def program(tmp_path):
    """Prints a run's output and keeps the options that it was given, one run a line."""
    path = tmp_path / "benchmark_model"
    kept = tmp_path / "options"
    path.write_text(
        f'#!/bin/sh\n[ "$1" = --help ] && exit\necho "$*" >>{shlex.quote(str(kept))}\n'
        f"cat {shlex.quote(str(PRINTED))}\n"
    )
    path.chmod(0o755)
    return path


@pytest.fixture
def running(phone):
    phone.start()
    return f"adb://{phone.serial}"


def test_each_process_is_a_sample(running, program, tflite_file, tmp_path):
    settings = Settings(threads=2, processes=3, rounds=50, least_warmup=7, profile=True)
    (run,) = measure(prepare([tflite_file]), [running], settings, program=program)
    assert run.error is None
    (file,) = run.files
    assert file.samples_ns == ((1_492_000,),) * 3
    assert latency(file.samples_ns).median_ns == 1_492_000
    assert file.samples_are == "one per process, the median of 668 inferences"
    assert [process.load_ns for process in file.processes] == [8_417_000] * 3
    assert all(process.steady for process in file.processes)
    assert (file.delegate, file.nodes, file.delegated_nodes) == ("TfLiteXNNPackDelegate", 8, 6)
    assert (file.runtime, file.variant, file.name) == ("TFLite benchmark_model", "m0", tflite_file.name)
    assert file.profile.operators
    assert file.profile.whole_ns == 1_492_000
    ran = (tmp_path / "options").read_text().splitlines()
    plain, profiled = (
        f"--graph=model.tflite --num_threads=2 --warmup_runs=7 --num_runs=50 --enable_op_profiling={asked}"
        for asked in ("false", "true")
    )
    assert ran == [plain, plain, plain, profiled]


def test_where_it_ran_is_asked_of_the_phone(running, program, tflite_file, tmp_path):
    (run,) = measure(prepare([tflite_file]), [running], Settings(processes=1, seconds=3), program=program)
    found = run.environment
    cpuinfo = Path("/proc/cpuinfo").read_text()
    assert found.cores == len(found.affinity) == cpuinfo.count("processor\t:")
    assert found.cpu != "unknown"
    assert found.load_before is not None
    assert found.memory_bytes > 2**28
    assert (found.python, found.packages) == (None, {})
    (line,) = (tmp_path / "options").read_text().splitlines()
    assert line.endswith("--num_runs=1 --enable_op_profiling=false --min_secs=3")
    path = tmp_path / "results.json"
    write_results(Results("2026-01-02T03:04:05+00:00", "tool", None, (run,)), path)
    assert read_results(path).runs == (run,)


def test_it_takes_tflite_files_alone(running, program, onnx_file, tflite_file):
    settings = Settings(processes=1, rounds=5)
    (run,) = measure(prepare([tflite_file, onnx_file]), [running], settings, program=program)
    assert f"benchmark_model cannot run {onnx_file.name}: give TFLite files only" in run.error


def test_a_program_that_is_not_there(running, tflite_file, tmp_path):
    settings = Settings(processes=1, rounds=5)
    (run,) = measure(prepare([tflite_file]), [running], settings, program=tmp_path / "none")
    assert "none does not exist: give the path of TFLite's benchmark_model" in run.error


def test_only_phones_are_measured_by_it(program, tflite_file):
    settings = Settings(processes=1, rounds=5, least_warmup=2, most_warmup=2)
    (run,) = measure(prepare([tflite_file]), ["local"], settings, program=program)
    assert [file.runtime for file in run.files] == ["LiteRT"]
