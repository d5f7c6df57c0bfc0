"""The measuring itself: statistics on known samples, and one real run of both runtimes."""

from pathlib import Path

import pytest

from micronet_edge_bench.environment import environment
from micronet_edge_bench.sampling import sample_in_fresh_process
from micronet_edge_bench.statistics import speedups, spread


def test_the_spread_is_the_quartiles():
    found = spread([5.0, 1.0, 2.0, 4.0, 3.0])
    assert (found.low, found.median, found.high, found.count) == (1.5, 3.0, 4.5, 5)


def test_a_single_value_has_no_spread():
    found = spread([7.0])
    assert (found.low, found.median, found.high, found.count) == (7.0, 7.0, 7.0, 1)


def test_the_speedup_is_a_ratio_of_medians_within_each_process():
    # The second process is twice as slow for both: the ratio does not see it.
    found = speedups([[30, 30, 90], [60, 60, 60]], [[10, 10, 10], [20, 20, 200]])
    assert (found.low, found.median, found.high, found.count) == (3.0, 3.0, 3.0, 2)


def test_runs_of_different_length_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        speedups([[1], [2]], [[1]])


def test_files_take_turns_in_a_fresh_process(tmp_path: Path):
    import micronet_edge

    settings = micronet_edge.ExportSettings(("onnx",), tmp_path, num_classes=3, input_size=32)
    files = [micronet_edge.export(variant, settings=settings)[0].path for variant in ("m0", "m3")]
    samples = sample_in_fresh_process(files, rounds=5)
    assert list(samples) == [file.name for file in files]
    assert all(len(taken) == 5 and min(taken) > 0 for taken in samples.values())


def test_the_environment_names_the_machine_and_the_versions():
    found = environment()
    assert found["cpu"]
    assert found["cores"]
    assert found["packages"]["onnxruntime"]
