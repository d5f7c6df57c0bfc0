"""`micronet-edge tune`, and files that are written by the table that it makes."""

import json
from dataclasses import asdict, replace
from math import log2

import pytest
from cli.command import DIGITS, names, shared_quantized
from costs import ONNXRUNTIME_COSTS, SHIPPED_TABLES

from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS, SHIPPED, Tuning, read_tuning, tuning_text
from micronet_edge.verification.manifest import manifest_path

STEM = "m0-digits"


@pytest.fixture(scope="session")
def quantized_run(tmp_path_factory):
    return shared_quantized(tmp_path_factory)


@pytest.fixture
def tuning(folder):
    """A table of a machine on which groups cost nothing at all."""
    grouped = {"dense_madd_ns": 10.0, "grouped_output_ns": 0.0}
    tables = {"onnxruntime": ONNXRUNTIME_COSTS, "integer": INTEGER_COSTS}
    other = Tuning("a slow board", {name: replace(costs, **grouped) for name, costs in tables.items()})
    path = folder / "board.json"
    path.write_text(tuning_text(other))
    return path


@pytest.mark.slow
def test_a_table_is_made_and_used(tool, folder):
    ran = tool("tune", DIGITS, "--table", "onnxruntime", "--output", "mine.json", "--json")
    assert ran.code == 0, ran.errors
    trials = json.loads(ran.output)
    assert trials
    for trial in trials:
        assert trial["table"] == "onnxruntime"
        assert log2(trial["value"] / asdict(ONNXRUNTIME_COSTS)[trial["figure"]]).is_integer()
        assert 0.2 < trial["time"] < 5
    found = read_tuning(folder / "mine.json")
    assert found.machine != SHIPPED.machine
    assert found.with_costs("onnxruntime", ONNXRUNTIME_COSTS).tables == SHIPPED_TABLES
    assert (found.tables["onnxruntime"] != ONNXRUNTIME_COSTS) == any(trial["taken"] for trial in trials)
    assert names(folder) == ["mine.json"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("m7",), "m7", id="no such network"),
        pytest.param(("m0", "--table", "gpu"), "no table gpu: choose from onnxruntime", id="no such table"),
        pytest.param(("m0", "--device", "carrier-pigeon://roof"), "carrier-pigeon", id="no such device"),
        pytest.param(("m0", "--tuning", "none.json"), "none.json does not exist", id="no such start"),
        pytest.param(("m0", "--output", "no/such/folder.json"), "folder", id="no such folder"),
    ],
)
def test_what_tune_refuses(tool_here, folder, arguments, words):
    ran = tool_here("tune", *arguments)
    assert ran.code == 1
    assert ran.errors.splitlines()[-1].startswith("error: ")
    assert words in ran.errors
    assert names(folder) == []


def test_a_float_file_follows_its_tuning(tool_here, folder, tuning):
    for output, options in (("tuned", ("--tuning", tuning)), ("ours", ())):
        ran = tool_here("export", DIGITS, "--format", "onnx", "--output", output, *options)
        assert ran.code == 0, ran.errors
    tuned, ours = (folder / output / f"{STEM}-float32.onnx" for output in ("tuned", "ours"))
    assert tuned.read_bytes() != ours.read_bytes()
    told = [json.loads(manifest_path(each).read_text())["settings"]["tuning"] for each in (tuned, ours)]
    assert told == ["a slow board", SHIPPED.machine]


def test_an_integer_file_and_its_recipe_follow_their_tuning(tool_here, folder, tuning, quantized_run):
    calibration = quantized_run / "calibration"
    common = ("--format", "onnx", "--calibration", calibration)
    ran = tool_here("quantize", DIGITS, *common, "--output", "tuned", "--tuning", tuning)
    assert ran.code == 0, ran.errors
    recipe = folder / "tuned" / f"{STEM}-int8.recipe.json"
    assert json.loads(recipe.read_text())["costs"] == asdict(read_tuning(tuning).tables["integer"])
    ran = tool_here("quantize", DIGITS, *common, "--output", "again", "--recipe", recipe)
    assert ran.code == 0, ran.errors
    tuned, again = (folder / output / f"{STEM}-int8.onnx" for output in ("tuned", "again"))
    assert tuned.read_bytes() == again.read_bytes()
    assert tuned.read_bytes() != (quantized_run / "files" / tuned.name).read_bytes()
    ran = tool_here("verify", tuned, "--checkpoint", DIGITS, "--calibration", calibration)
    assert ran.code == 0, ran.errors


def test_a_recipe_has_a_tuning_of_its_own(tool_here, tuning, quantized_run):
    recipe = quantized_run / "files" / f"{STEM}-int8.recipe.json"
    calibration = quantized_run / "calibration"
    ran = tool_here("quantize", DIGITS, "--calibration", calibration, "--recipe", recipe, "--tuning", tuning)
    assert ran.code == 1
    assert "give --recipe or --tuning, not both" in ran.errors


def test_naive_files_are_not_tuned(tool_here, tuning):
    ran = tool_here("export", DIGITS, "--naive", "--tuning", tuning)
    assert ran.code == 1
    assert "leave --tuning out" in ran.errors


def test_a_recipe_of_before_tunings_is_refused(tool_here, folder, quantized_run):
    recipe = quantized_run / "files" / f"{STEM}-int8.recipe.json"
    content = json.loads(recipe.read_text())
    del content["costs"]
    (folder / recipe.name).write_text(json.dumps(content))
    weights = recipe.name.replace(".json", ".safetensors")
    (folder / weights).write_bytes((recipe.parent / weights).read_bytes())
    calibration = quantized_run / "calibration"
    ran = tool_here(
        "quantize", DIGITS, "--calibration", calibration, "--recipe", recipe.name, "--output", "out"
    )
    assert ran.code == 1
    assert "costs" in ran.errors
