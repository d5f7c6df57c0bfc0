"""The suite of microcontrollers: one entry measured, results that grow, and the rows made of them."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from baselines.mcu_rows import instruction_rows, mcu_tables, memory_rows, ratio_rows, tflm_rows
from baselines.mcu_suite import DEVICES, PEERS, Entry, entries, merged, write_entry
from baselines.tflm import SOURCE, TFLM
from micronet_edge.errors import SettingsError
from micronet_edge_bench.crops import write_crops
from micronet_edge_bench.mcu import BOARDS, NOT_CYCLES, PASS, Measured, prove_on_board
from micronet_edge_bench.mcu.flash import Flash
from micronet_edge_bench.mcu.results import read_mcu_results

SUITES = Path(__file__).parents[3] / "benchmarks" / "suites"
RESULTS = SUITES.parent / "results" / "mcu.json"
SMALL = Entry("m0", 96, 20)


@pytest.fixture
def suite(monkeypatch):
    monkeypatch.syspath_prepend(str(SUITES))
    import mcu

    yield mcu
    del sys.modules["mcu"]


def made(name, device, count):
    flash = Flash(1_500_000, 5_000, 25_000)
    return Measured(
        name, "0" * 64, device, "instructions", (count,), 0, 38_400, 240, 1, flash, ("gcc", "qemu")
    )


def some():
    """Results in which m2 takes 8 and 2.5 million, its peers 10 and 2, at 96 px and 1,000 classes."""
    counts = {"m2": (8e6, 2.5e6), "mobilenet-v3-small-0.5": (10e6, 2e6), "pp-lcnet-0.35": (10e6, 2e6)}
    names = {network: Entry(network, 96, 1000).name for network in counts}
    return merged(
        None,
        [
            made(names[network], device, int(count))
            for network, both in counts.items()
            for device, count in zip(DEVICES, both, strict=True)
        ],
    )


@pytest.mark.slow
@pytest.mark.usefixtures("tools")
def test_an_entry_is_measured_once_and_kept(suite, tmp_path, capsys):
    output = tmp_path / "mcu.json"
    chosen = {"network": [SMALL.network], "size": [SMALL.size], "classes": [SMALL.classes]}
    suite.main(**chosen, output=output)
    assert NOT_CYCLES in capsys.readouterr().out
    found, written = read_mcu_results(output).measured, output.read_bytes()
    assert [(each.file, each.device) for each in found] == [(SMALL.name, device) for device in DEVICES]
    scores = {each.scores for each in found}
    assert len(scores) == 1
    m4, m55 = found
    assert 5e5 < m55.count < m4.count < 3e6
    assert m4.arena_bytes < 48_000
    suite.main(**chosen, missing=True, output=output)
    assert output.read_bytes() == written


def test_new_results_replace_older_ones():
    before = some()
    newer = replace(before.measured[0], counts=(7_000_000,))
    after = merged(before, [newer])
    assert len(after.measured) == len(before.measured)
    assert newer in after.measured
    assert before.measured[0] not in after.measured
    assert after.devices == DEVICES


def test_rows_have_what_was_measured():
    row = next(row for row in instruction_rows(some(), 1000) if row.startswith("| m2 "))
    assert row == "| m2 | 59.4% | 8.00 | - | - | 2.50 | - | - |"
    assert list(ratio_rows(some(), 1000))[4:] == [
        "| m2 | mobilenet-v3-small-0.5 | 59.4% | 58.0% | 1.25 | - | - | 0.80 | - | - |",
        "| m2 | pp-lcnet-0.35 | 59.4% | 58.1% | 1.25 | - | - | 0.80 | - | - |",
    ]
    assert any(row.startswith("| m2 | 38.4 | - | - | -") for row in memory_rows(some(), 1000))
    assert "| m2 | 96 px | 101.8 | 8.00 | 12.7 | 56.4 | 2.50 | 22.6 |" in tflm_rows(some())


def test_ratios_are_of_peers_of_less_accuracy_where_there_are_any():
    compared = [row.split(" | ")[:2] for row in ratio_rows(some(), 1000)]
    assert [[variant.strip("| "), peer] for variant, peer in compared] == [
        ["m0", "mobilenet-v3-small-0.35"],
        ["m0", "pp-lcnet-0.25"],
        ["m1", "mobilenet-v3-small-0.35"],
        ["m1", "pp-lcnet-0.25"],
        ["m2", "mobilenet-v3-small-0.5"],
        ["m2", "pp-lcnet-0.35"],
    ]


def test_the_committed_tables_are_the_committed_results():
    page, results = (SUITES.parent / "README.md").read_text(), read_mcu_results(RESULTS)
    assert {each.file for each in results.measured} <= {entry.name for entry in entries()}
    tables = [list(table) for table in mcu_tables(results)]
    assert [len(table) for table in tables] == [8, 8, 6, 6, 8, 14]
    for table in tables:
        assert "\n".join(table) in page
    assert NOT_CYCLES in page
    assert SOURCE in " ".join(page.split())
    assert {network for network, _ in TFLM} >= set(PEERS)


def test_another_entry_is_refused(suite, refusal, tmp_path):
    line = refusal(SettingsError, suite.main, network=["m9"], output=tmp_path / "mcu.json")
    assert "m9 96 px 1000 classes is not in the suite" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_computes_on_boards_what_it_computes_here(peer, tmp_path):
    file = write_entry(Entry(peer, 64, 20), tmp_path, write_crops(tmp_path / "crops.npy"))
    assert [prove_on_board(file, board) for board in BOARDS] == [PASS] * len(BOARDS)
