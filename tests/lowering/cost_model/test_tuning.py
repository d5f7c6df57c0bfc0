"""A tuning as a file: what is written is read, and what is no tuning is refused in one line."""

import json
from dataclasses import asdict, replace

import pytest

from micronet_edge.errors import SettingsError
from micronet_edge.lowering.cost_model.tuning import SHIPPED, TABLES, read_tuning, tuning_text


def written(tmp_path, content):
    path = tmp_path / "tuning.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_what_is_written_is_read(tmp_path):
    tuning = replace(SHIPPED, machine="a board", xnnpack=replace(SHIPPED.xnnpack, segment_ns=17.5))
    assert read_tuning(written(tmp_path, tuning_text(tuning))) == tuning


def test_the_tables():
    assert TABLES == ("onnxruntime", "portable", "xnnpack", "xnnpack_int8")


def changed(**figures):
    content = asdict(SHIPPED)
    content["xnnpack"] = content["xnnpack"] | figures
    return content


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("{", "Expecting", id="no JSON"),
        pytest.param([], "list", id="a list"),
        pytest.param({"machine": "a board"}, "onnxruntime", id="no tables"),
        pytest.param(asdict(SHIPPED) | {"gpu": {}}, "no table gpu", id="a table too many"),
        pytest.param(asdict(SHIPPED) | {"xnnpack": 3}, "3 is not a table", id="a number for a table"),
        pytest.param(changed(segment_ns=-1.0), "segment_ns is -1.0", id="negative"),
        pytest.param(changed(segment_ns=float("nan")), "segment_ns is nan", id="not a number"),
        pytest.param(changed(segment_ns="fast"), "segment_ns is 'fast'", id="a word"),
        pytest.param(changed(warp_ns=1.0), "warp_ns", id="a figure too many"),
    ],
)
def test_what_is_no_tuning(tmp_path, refusal, content, words):
    said = refusal(SettingsError, read_tuning, written(tmp_path, content))
    assert "tuning.json cannot be read" in said
    assert words in said
    assert "`tune`" in said


def test_a_missing_one(tmp_path, refusal):
    assert "none.json does not exist" in refusal(SettingsError, read_tuning, tmp_path / "none.json")
