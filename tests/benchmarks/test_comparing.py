"""Which file is compared with which, and which two never are."""

from dataclasses import replace

import pytest
from benchmarks.made import ENVIRONMENT, file, results, run

from micronet_edge_bench.comparing import ComparisonError, compare
from micronet_edge_bench.results import Baseline

SLOW, FAST = ((400, 404, 396),) * 5, ((100, 101, 99),) * 5


def found(*runs, baseline):
    return {(each.run, each.name): each for each in compare(results(*runs, baseline=baseline))}


def test_all_are_compared_with_the_first_of_their_run():
    local = run(file("slow.onnx", SLOW), file("fast.onnx", FAST), file("a.tflite", FAST))
    board = run(file("fast.onnx", FAST), file("slow.onnx", SLOW), device="ssh://board")
    each = found(local, board, baseline=Baseline(None))
    assert {key: one.ratio.value for key, one in each.items()} == {
        ("local", "fast.onnx"): 4,
        ("local", "a.tflite"): 4,
        ("ssh://board", "slow.onnx"): 0.25,
    }
    assert all(one.in_turn for one in each.values())


def test_a_named_file_is_the_baseline_wherever_it_is():
    local = run(file("slow.onnx", SLOW), file("fast.onnx", FAST))
    each = found(local, run(file("other.onnx"), title="others"), baseline=Baseline("fast.onnx"))
    assert {key: (one.baseline, one.ratio.value) for key, one in each.items()} == {
        ("local", "slow.onnx"): ("fast.onnx", 0.25)
    }


def test_a_baseline_that_is_nowhere(refusal):
    both = results(run(file("a.onnx"), file("b.onnx")), baseline=Baseline("c.onnx"))
    assert "there is no c.onnx to compare with: choose from a.onnx, b.onnx" in refusal(
        ComparisonError, compare, both
    )


def test_each_file_beside_its_like_in_older_results():
    before = [run(file("m0.onnx", SLOW), device=name, source="before.json") for name in ("local", "ssh://b")]
    after = [run(file("m0.onnx", FAST), file("new.onnx"), device=name) for name in ("local", "ssh://b")]
    each = found(*after, *before, baseline=Baseline(None, "before.json"))
    assert set(each) == {("local", "m0.onnx"), ("ssh://b", "m0.onnx")}
    assert each["local", "m0.onnx"].ratio.value == 4
    assert each["local", "m0.onnx"].baseline == "m0.onnx in before.json"
    assert not each["local", "m0.onnx"].in_turn


@pytest.mark.parametrize(
    ("before", "fact"),
    [
        ({"cpu": "Cortex-A76"}, "CPU Cortex-A72 and Cortex-A76"),
        ({"architecture": "armv7l"}, "architecture aarch64 and armv7l"),
        ({"cores": 8}, "cores 4 and 8"),
        ({"affinity": (0,)}, "cores to run on 4 and 1"),
        ({"governor": None}, "governor performance and unknown"),
        ({"system": "Linux 6.12"}, "system Linux 6.1 and Linux 6.12"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_unlike_machines_make_no_ratio(refusal, before, fact):
    other = run(file(), environment=replace(ENVIRONMENT, **before), source="before.json")
    both = results(run(file()), other, baseline=Baseline(None, "before.json"))
    message = refusal(ComparisonError, compare, both)
    assert "m0.onnx on local and m0.onnx on local, in before.json were measured in different" in message
    assert fact in message


@pytest.mark.parametrize(
    ("before", "fact"),
    [
        ({"threads": 4}, "threads 1 and 4"),
        ({"runtime_version": "1.19.0"}, "runtime version 1.20.0 and 1.19.0"),
        ({"runtime": "Another"}, "runtime ONNX Runtime and Another"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_unlike_ways_of_running_make_no_ratio(refusal, before, fact):
    other = run(file(**before), source="before.json")
    both = results(run(file()), other, baseline=Baseline(None, "before.json"))
    assert fact in refusal(ComparisonError, compare, both)


def test_formats_have_runtimes_of_their_own():
    other = run(file("m0.tflite", SLOW, runtime="LiteRT", runtime_version="2.0"), source="before.json")
    each = found(run(file("m0.onnx", FAST)), other, baseline=Baseline("m0.tflite", "before.json"))
    assert each["local", "m0.onnx"].ratio.value == 4


def test_what_changes_by_itself_forbids_nothing():
    busy = replace(ENVIRONMENT, load_before=3.0, memory_available_bytes=1, machine="another", packages={})
    other = run(file(), environment=busy, source="before.json")
    assert found(run(file()), other, baseline=Baseline(None, "before.json"))


def test_results_that_have_nothing_in_common(refusal):
    other = run(file(), device="ssh://board", source="before.json")
    both = results(run(file()), other, baseline=Baseline(None, "before.json"))
    assert "before.json has no baseline: no file" in refusal(ComparisonError, compare, both)


def test_a_device_that_failed_is_passed_over():
    failed = run(device="ssh://board", environment=None, error="ssh://board: gone")
    assert set(found(failed, run(file(), file("b.onnx")), baseline=Baseline(None))) == {("local", "b.onnx")}
