"""What `tune` prints of its trials: nothing cut off, no empty column, and what was gained."""

import pytest

from micronet_edge.cli.tune_tables import gains, network_headings, print_trials
from micronet_edge_bench.tuning.search import Trial

LONG = "examples/digits/a-checkpoint-with-a-long-name.safetensors"


def trial(*times, names=("m0", "m1"), figure="grouped_pointwise_madd_ns", taken=False):
    return Trial("onnxruntime", figure, 0.0125, dict(zip(names, times, strict=True)), taken)


@pytest.mark.parametrize("names", [("m0", "m1", "m2", "m3"), (LONG, f"{LONG}2"), (LONG,)])
@pytest.mark.parametrize("taken", [True, False])
def test_the_table_fits_into_80_columns_whole(monkeypatch, capsys, names, taken):
    monkeypatch.setenv("COLUMNS", "80")
    print_trials([trial(*(0.9 for _ in names), names=names, taken=taken)])
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert max(len(line) for line in lines if LONG not in line) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in printed
    assert "grouped_pointwise_madd_ns" in printed
    assert ("taken" in printed) == taken
    assert printed.count("0.900") == (1 if len(names) == 1 else len(names) + 1)
    assert all(name in printed for name in names if len(names) > 1)


def test_long_names_are_numbered():
    assert network_headings(["m0", LONG]) == {"m0": "no. 1", LONG: "no. 2"}


def test_no_trials_are_no_table(capsys):
    print_trials([])
    assert not capsys.readouterr().out


def test_the_gain_is_that_of_all_changes_together():
    trials = [
        trial(0.9, 0.9, taken=True),
        trial(1.2, 1.2),
        trial(0.9, 0.9, figure="segment_ns", taken=True),
        trial(0.99, 0.99, figure="segment_ns"),
    ]
    assert list(gains(trials, ["onnxruntime", "integer"])) == [
        (
            "onnxruntime: files take 19.0% less time than before, by grouped_pointwise_madd_ns 0.0125, "
            "segment_ns 0.0125"
        ),
        "integer: nothing gained since no change alters a file; its costs stay",
    ]
    assert list(gains([trial(0.995, 0.995)], ["onnxruntime"])) == [
        "onnxruntime: nothing gained by 1 change; its costs stay"
    ]
