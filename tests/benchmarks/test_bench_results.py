"""A results file says all that was measured, and is checked when it is read."""

import json

import pytest
from benchmarks.made import file, results, run

from micronet_edge.errors import OutputError
from micronet_edge_bench.results import (
    Baseline,
    Operator,
    Profile,
    ResultsError,
    read_results,
    write_results,
)


@pytest.fixture
def written(tmp_path):
    """A results file whose JSON a test may change first."""

    def call(change=lambda values: values):
        values = json.loads(results(run(file())).to_text())
        path = tmp_path / "results.json"
        path.write_text(json.dumps(change(values) or values))
        return path

    return call


def test_what_was_written_is_read(tmp_path):
    profile = Profile("by a clock", 7, (Operator(None, "CONV_2D", "stem", 2, None),), 3.5)
    failed = run(device="ssh://board", environment=None, error="ssh://board: gone")
    kept = results(run(file(profile=profile), file("m1.tflite", variant="m1", top1=0.5)), failed)
    write_results(kept, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == kept
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_runs_of_other_results_stay_in_theirs(tmp_path):
    both = results(run(file()), run(file(), source="before.json"), baseline=Baseline(None, "before.json"))
    write_results(both, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == results(run(file()), baseline=None)


def test_what_a_newer_tool_says_besides_is_left_out(written):
    def add(values):
        values["runs"][0]["files"][0]["weather"] = "fair"

    assert read_results(written(add)) == results(run(file()))


def test_another_version(written, refusal):
    path = written(lambda values: values.update(version=2))
    assert "is a results file of version 2, but this tool reads version 1" in refusal(
        ResultsError, read_results, path
    )


@pytest.mark.parametrize(
    ("place", "value", "error_line"),
    [
        ("sha256", None, "Expected `str`, got `null` - at `$.runs[0].files[0].sha256`"),
        ("size_bytes", True, "Expected `int`, got `bool` - at `$.runs[0].files[0].size_bytes`"),
        ("processes", {}, "Expected `array`, got `object` - at `$.runs[0].files[0].processes`"),
        ("processes", [1], "Expected `object`, got `int` - at `$.runs[0].files[0].processes[0]`"),
        ("top1", "high" * 99, "Expected `float | null`, got `str` - at `$.runs[0].files[0].top1`"),
        (
            "profile",
            {"method": "m", "rounds": 1},
            "missing required field `operators` - at `$.runs[0].files[0].profile`",
        ),
    ],
)
def test_a_value_of_another_kind_is_named(written, refusal, place, value, error_line):
    path = written(lambda values: values["runs"][0]["files"][0].update({place: value}))
    message = refusal(ResultsError, read_results, path)
    assert error_line in message
    assert len(message) < 300


@pytest.mark.parametrize(
    ("content", "error_line"),
    [
        (b"", "results.json is empty (0 bytes)"),
        (b"\xff", "results.json cannot be read ('utf-8' codec can't decode"),
        (
            b"[" * 100_000,
            "results.json cannot be read (its lists and objects are nested too deep)",
        ),
        (b"[]", "holds no results of `micronet-edge bench`"),
        (b'{"environment": {}, "rows": []}', "holds no results of `micronet-edge bench`"),
    ],
    ids=["empty", "bytes", "deep", "list", "another"],
)
def test_a_file_that_is_none_of_ours(tmp_path, refusal, content, error_line):
    path = tmp_path / "results.json"
    path.write_bytes(content)
    assert error_line in refusal(ResultsError, read_results, path)


@pytest.mark.parametrize(
    ("change", "error_line"),
    [
        (
            lambda file: file.update(size_bytes=-1),
            "runs[0].files[0].size_bytes is -1, which is not a valid figure",
        ),
        (lambda file: file.update(top1=float("inf")), "runs[0].files[0].top1 is inf, which"),
        (lambda file: file["processes"][0]["samples_ns"].__setitem__(0, 0), "holds a sample of 0 ns"),
    ],
    ids=["negative", "infinite", "no time"],
)
def test_figures_that_no_measuring_gives(written, refusal, change, error_line):
    path = written(lambda values: change(values["runs"][0]["files"][0]))
    assert error_line in refusal(ResultsError, read_results, path)


def test_files_without_samples_or_of_one_name(written, refusal):
    def empty(values):
        for each in values["runs"][0]["files"]:
            each["processes"] = []

    def alike(values):
        values["runs"][0]["files"] = 2 * values["runs"][0]["files"][:1]

    def in_other_turns(values):
        one = values["runs"][0]["files"][0]
        values["runs"][0]["files"] = [one, one | {"name": "another", "processes": one["processes"][:1]}]

    assert "did not take the same turns" in refusal(ResultsError, read_results, written(in_other_turns))
    assert "a file without samples" in refusal(ResultsError, read_results, written(empty))
    assert "several files of one name" in refusal(ResultsError, read_results, written(alike))


def test_a_missing_file(tmp_path, refusal):
    assert "none.json does not exist" in refusal(ResultsError, read_results, tmp_path / "none.json")


@pytest.mark.parametrize(("place", "error_line"), [(".", "is a folder"), ("no/r.json", "no is not a folder")])
def test_a_place_that_holds_no_file(tmp_path, refusal, place, error_line):
    assert error_line in refusal(OutputError, write_results, results(run(file())), tmp_path / place)
