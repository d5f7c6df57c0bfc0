"""A plan that cannot be measured is refused in one line."""

import json

import pytest

from micronet_edge_bench.runner.plan import PlanError, Settings, plan_content, read_plan

GOOD = {
    "version": 1,
    "threads": 1,
    "processes": 5,
    "rounds": 200,
    "seconds": None,
    "warmup": {"least": 10, "most": 200},
    "profile": False,
    "profile_rounds": 100,
    "files": [{"name": "a", "path": "a.onnx", "input": "a.npy"}],
}


@pytest.fixture
def plan(tmp_path):
    """Writes a plan, changed, with its files; reads it."""
    (tmp_path / "a.onnx").touch()
    (tmp_path / "a.npy").touch()

    def call(**changes):
        (tmp_path / "plan.json").write_text(json.dumps({**GOOD, **changes}))
        return read_plan(tmp_path / "plan.json")

    return call


def test_a_good_plan_is_read_as_it_was_written(plan, tmp_path):
    found = plan()
    assert found.settings == Settings(rounds=200)
    assert found.files[0].path == tmp_path / "a.onnx"
    assert found.files[0].input == tmp_path / "a.npy"
    content = plan_content(found)
    assert {**content, "files": GOOD["files"]} == {**GOOD, "kernels": {}}


def test_seconds_may_be_whole(plan):
    assert plan(rounds=None, seconds=5).settings.seconds == 5


@pytest.mark.parametrize(
    ("changes", "error_line"),
    [
        ({"version": 2}, "version 2"),
        ({"version": None}, "version is not a whole number"),
        ({"threads": 0}, "threads must be 1 to 128, since"),
        ({"threads": True}, "threads is not a whole number"),
        ({"threads": 1.5}, "threads is not a whole number"),
        ({"processes": 0}, "processes must be 1 to 1,000, since"),
        ({"rounds": 0}, "rounds must be 1 to 1,000,000, since"),
        ({"rounds": 10**21}, "rounds must be 1 to 1,000,000, since every sample is kept"),
        ({"threads": 5000}, "threads must be 1 to 128, since"),
        ({"processes": 10**400}, "processes must be 1 to 1,000, since"),
        ({"processes": 1000, "rounds": 1_000_000}, "processes x rounds must be at most 10,000,000"),
        ({"warmup": {"least": 10**9, "most": 10**9}}, "least warmup must be 0 to 100,000, since"),
        ({"rounds": None, "seconds": 1e6}, "seconds must be 0.001 to 86,400, since"),
        ({"rounds": None}, "either rounds or seconds"),
        ({"seconds": 1.0}, "either rounds or seconds"),
        ({"rounds": None, "seconds": 0}, "seconds must be 0.001 to 86,400, since"),
        ({"rounds": None, "seconds": float("inf")}, "seconds must be 0.001 to 86,400, since"),
        ({"rounds": None, "seconds": float("nan")}, "seconds must be 0.001 to 86,400, since"),
        ({"rounds": None, "seconds": "5"}, "seconds is not a number"),
        ({"warmup": None}, "warmup is not a JSON object"),
        ({"warmup": {"least": 5, "most": 4}}, "the minimum warm-up must not exceed"),
        ({"warmup": {"least": -1, "most": 4}}, "least warmup"),
        ({"profile": 1}, "profile is neither true nor false"),
        ({"profile_rounds": 0}, "profile rounds must be 1 to 100,000, since"),
        ({"files": []}, "no files"),
        ({"files": {}}, "files is not a list"),
        ({"files": ["a.onnx"]}, "files[0] is not a JSON object"),
        ({"files": [{"name": "a", "path": "a.onnx"}]}, "input is not a text"),
        ({"files": [{"name": "", "path": "a.onnx", "input": "a.npy"}]}, "name is not a text"),
        ({"files": GOOD["files"] * 2}, "several files have the name a"),
        ({"files": [{"name": "a", "path": "b.onnx", "input": "a.npy"}]}, "b.onnx"),
        ({"files": [{"name": "a", "path": "a.onnx", "input": "b.npy"}]}, "b.npy"),
    ],
)
def test_a_bad_plan(plan, refusal, changes, error_line):
    message = refusal(PlanError, plan, **changes)
    assert error_line in message
    assert "plan.json" in message


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b'{"version":\n1,}'])
def test_a_file_that_is_no_plan(tmp_path, refusal, content):
    (tmp_path / "plan.json").write_bytes(content)
    assert "plan.json" in refusal(PlanError, read_plan, tmp_path / "plan.json")


def test_no_file(tmp_path, refusal):
    assert "plan.json" in refusal(PlanError, read_plan, tmp_path / "plan.json")
