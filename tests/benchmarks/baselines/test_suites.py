"""What a suite's file means, and that the suites at hand are of files that can be written."""

from dataclasses import replace
from pathlib import Path

import pytest

from baselines.building import BASELINES
from baselines.suites import CANDIDATES, Candidate, read_suite
from micronet_edge.errors import SettingsError
from micronet_edge.models import FAMILY
from micronet_edge_bench.results import PEAK

SUITES = sorted((Path(__file__).parents[3] / "benchmarks" / "suites").glob("*.toml"))
GROUP = """
[[groups]]
networks = ["m0", "m1"]
formats = ["onnx", "tflite"]
candidates = ["float32", "int8"]
"""
BASELINE_CANDIDATES = {Candidate("float32"), Candidate("int8")}
HEAD = 'title = "two"\nprocesses = 5\nrounds = 200\nthreads = 1\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "suite.toml"
    path.write_text(text)
    return path


def test_candidates_of_a_network_take_turns(tmp_path):
    suite = read_suite(written(tmp_path, f'{HEAD}{GROUP}turns = "candidates"\n'))
    assert [turn.name for turn in suite.turns] == ["m0 onnx", "m0 tflite", "m1 onnx", "m1 tflite"]
    assert [member.name for member in suite.turns[1].members] == ["m0 float32.tflite", "m0 int8.tflite"]


def test_networks_of_a_candidate_take_turns(tmp_path):
    suite = read_suite(written(tmp_path, f'{HEAD}{GROUP}turns = "networks"\n'))
    assert [member.name for member in suite.turns[3].members] == ["m0 int8.tflite", "m1 int8.tflite"]
    assert len(suite.turns) == 4


def test_a_file_in_several_turns_is_written_once(tmp_path):
    groups = f'{GROUP}turns = "candidates"\n{GROUP}turns = "networks"\n'
    suite = read_suite(written(tmp_path, HEAD + groups))
    assert len(suite.turns) == 8
    assert len(suite.members) == 8
    assert len({member.name for member in suite.members}) == 8


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_the_suites_name_what_can_be_written(path):
    suite = read_suite(path)
    assert suite.processes >= 5
    assert suite.rounds >= 100
    for member in suite.members:
        assert member.network in {*FAMILY, *BASELINES, PEAK}
        assert member.format in {"onnx", "tflite"}
        assert (
            member.network in FAMILY
            or replace(CANDIDATES[member.candidate], kernels="off") in BASELINE_CANDIDATES
        )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("no toml", id="no TOML"),
        pytest.param(HEAD, id="no groups"),
        pytest.param(f'{HEAD}{GROUP}turns = "candidates"\ncolour = "red"\n', id="an unknown setting"),
        pytest.param(
            f'{HEAD.replace("rounds", "round")}{GROUP}turns = "candidates"\n', id="a setting mistyped"
        ),
        pytest.param(
            f'{HEAD}{GROUP.replace("int8", "int4")}turns = "candidates"\n', id="an unknown candidate"
        ),
    ],
)
def test_anything_else_is_refused(tmp_path, text):
    with pytest.raises(SettingsError, match="suite"):
        read_suite(written(tmp_path, text))
