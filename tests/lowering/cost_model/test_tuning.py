"""A tuning as a file: what is written is read, and what is no tuning is refused in one line."""

import json
from dataclasses import asdict, replace

import pytest
from costs import PORTABLE_COSTS, SHIPPED_TABLES, XNNPACK_COSTS

from micronet_edge.errors import SettingsError
from micronet_edge.lowering.cost_model.tuning import Tuning, read_tuning, tuning_text


def written(tmp_path, content):
    path = tmp_path / "tuning.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


TUNING = Tuning("a board", {**SHIPPED_TABLES, "xnnpack": replace(XNNPACK_COSTS, segment_ns=17.5)})


def test_what_is_written_is_read(tmp_path):
    assert read_tuning(written(tmp_path, tuning_text(TUNING))) == TUNING


def test_a_table_that_is_missing_is_the_targets_own(tmp_path):
    older = read_tuning(written(tmp_path, {"machine": "a board", "portable": asdict(PORTABLE_COSTS)}))
    assert older.costs("xnnpack", XNNPACK_COSTS) == XNNPACK_COSTS
    assert older.costs("portable", XNNPACK_COSTS) == PORTABLE_COSTS


def test_a_tuning_of_the_release_before_is_read(tmp_path):
    """Its four tables, in the order and by the names that 0.1.0 wrote."""
    figures = {name: asdict(TUNING.tables[name]) for name in ("onnxruntime", "portable", "xnnpack")}
    figures["xnnpack_int8"] = asdict(TUNING.tables["integer"])
    assert read_tuning(written(tmp_path, {"machine": "a board", **figures})) == TUNING


def test_a_table_of_no_installed_target_is_kept(tmp_path):
    content = {"machine": "a board", "their_npu": asdict(XNNPACK_COSTS)}
    assert read_tuning(written(tmp_path, content)).tables == {"their_npu": XNNPACK_COSTS}


def content():
    return json.loads(tuning_text(TUNING))


def changed(**figures):
    return content() | {"xnnpack": content()["xnnpack"] | figures}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("{", "Expecting", id="no JSON"),
        pytest.param([], "not a JSON object", id="a list"),
        pytest.param(asdict(XNNPACK_COSTS), "it names no machine", id="a table alone"),
        pytest.param({"xnnpack": asdict(XNNPACK_COSTS)}, "it names no machine", id="no machine"),
        pytest.param(content() | {"machine": None}, "its machine is not a text", id="a machine of none"),
        pytest.param(content() | {"xnnpack_int8": content()["integer"]}, "integer twice", id="both names"),
        pytest.param(
            content() | {"gpu": {}}, "table gpu: Object missing required field", id="an empty table"
        ),
        pytest.param(content() | {"xnnpack": 3}, "table xnnpack: it is not a JSON object", id="a number"),
        pytest.param(changed(segment_ns=-1.0), "table xnnpack: segment_ns is -1.0", id="negative"),
        pytest.param(changed(segment_ns=float("nan")), "segment_ns is nan", id="not a number"),
        pytest.param(changed(segment_ns=1e308), "segment_ns is 1e+308, not from 0 to 1e+09", id="huge"),
        pytest.param(changed(depthwise_block=10**6), "more than 64 channels", id="a huge block"),
        pytest.param(changed(depthwise_block=2.5), "Expected `int`, got `float`", id="half a channel"),
        pytest.param(changed(gathers=7), "Expected `bool`, got `int` - at `$.gathers`", id="no yes or no"),
        pytest.param(changed(segment_ns="fast"), "Expected `float`, got `str`", id="a word"),
        pytest.param(
            changed(warp_ns=1.0), "table xnnpack: there is no figure warp_ns", id="a figure too many"
        ),
    ],
)
def test_what_is_no_tuning(tmp_path, refusal, content, words):
    said = refusal(SettingsError, read_tuning, written(tmp_path, content))
    assert "tuning.json cannot be read" in said
    assert words in said
    assert "`tune`" in said


def test_a_missing_one(tmp_path, refusal):
    assert "none.json does not exist" in refusal(SettingsError, read_tuning, tmp_path / "none.json")
