"""What is said of figures that are not to be trusted, and what not of those that are."""

from dataclasses import replace

import pytest
from benchmarks.made import ENVIRONMENT, file, results, run

from micronet_edge_bench.comparing import compare
from micronet_edge_bench.measurement_warnings import warnings

QUIET = ((1000, 1010, 990) * 40,) * 5


def said(*runs):
    found = results(*runs)
    return warnings(found, compare(found))


def test_nothing_of_a_quiet_run():
    assert said(run(file("a.onnx", QUIET), file("b.onnx", QUIET))) == ()


@pytest.mark.parametrize(
    ("facts", "amiss", "advice"),
    [
        (
            {"load_before": 6.25},
            "the machine was busy before the measurement (load average 6.2 on 4 cores)",
            "stop other load",
        ),
        (
            {"governor": "powersave"},
            "the CPU frequency governor is powersave",
            "cpupower frequency-set --governor performance",
        ),
    ],
    ids=["load", "governor"],
)
def test_a_machine_that_is_not_set_up(facts, amiss, advice):
    (line,) = said(run(file(processes=QUIET), environment=replace(ENVIRONMENT, **facts)))
    assert line.startswith("local: ")
    assert amiss in line
    assert line.endswith(advice)


def test_what_a_machine_does_not_tell_is_no_doubt():
    silent = replace(ENVIRONMENT, governor=None, load_before=None)
    assert said(run(file(processes=QUIET), environment=silent)) == ()


def test_a_warm_up_without_an_end():
    found = said(run(file("a.onnx", QUIET), file("b.onnx", QUIET, steady=False)))
    assert found == ("local: times never became steady (b.onnx in 5 of 5 processes): give --warmup 400",)


def test_processes_that_disagree():
    apart = (*QUIET[:4], (1100,) * 120)
    assert said(run(file("a.onnx", apart))) == (
        "local: processes disagree (a.onnx by 10%): give --processes 10, or pin them with taskset",
    )


def test_a_long_tail():
    tail = ((*QUIET[0][:-3], 2600, 2600, 2600),) * 5
    (line,) = said(run(file("a.onnx", tail)))
    assert "the slowest 1 % of inferences take far longer (a.onnx 2.6 times its median)" in line
    assert line.endswith("pin with taskset")


def test_few_processes_only_matter_to_a_ratio():
    assert said(run(file("a.onnx", QUIET[:2]))) == ()
    (line,) = said(run(file("a.onnx", QUIET[:2]), file("b.onnx", QUIET[:2])))
    assert "the intervals of ratios are too narrow: give 5 or more" in line


def test_a_ratio_that_is_not_sharp():
    shifted = tuple(tuple(round(sample * (1 + number / 25)) for sample in QUIET[0]) for number in range(5))
    found = said(run(file("a.onnx", QUIET), file("b.onnx", shifted)))
    assert any(
        "intervals of ratios are wide (b.onnx): give --processes 10 or more --runs" in line for line in found
    )


def test_answers_that_differ():
    (line,) = said(run(file(processes=QUIET, output_sha256=None)))
    assert "processes give different outputs for the same input (m0.onnx)" in line


def test_what_is_amiss_with_many_runs_of_a_device_is_said_once():
    turns = [run(file(f"m{n}.onnx", QUIET, steady=False), title=f"m{n}") for n in range(7)]
    (line,) = said(*turns, run(file("quiet.onnx", QUIET), device="ssh://board"))
    assert line.startswith("local: times never became steady (m0.onnx in 5 of 5 processes, m1.onnx in 5")
    assert line.endswith("m4.onnx in 5 of 5 processes and 2 more): give --warmup 400")


def test_devices_are_doubted_apart():
    busy = replace(ENVIRONMENT, load_before=9.0)
    runs = [run(file(processes=QUIET), device=name, environment=busy) for name in ("local", "ssh://b")]
    found = said(*runs)
    assert [line.split(": ")[0] for line in found] == ["local", "ssh://b"]
