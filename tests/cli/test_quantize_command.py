"""What `micronet-edge quantize` writes, and how it ends when it cannot."""

import hashlib
import json
import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from cli.command import (
    CALIBRATED_ON,
    DIGITS,
    names,
    shared,
    shared_quantized,
    start,
)
from example_images import digits as images
from PIL import Image

from micronet_edge import read_metadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.models import MicroNet, save_checkpoint
from micronet_edge.quantization.recipe import load_recipe, save_recipe
from micronet_edge.verification.manifest import manifest_path

STEM = "m0-digits-int8"
ONNX_FILE, TFLITE_FILE = f"{STEM}.onnx", f"{STEM}.tflite"
RECIPE = f"{STEM}.recipe.json"
RECIPE_FILES = {RECIPE, f"{STEM}.recipe.safetensors"}
FILES = {
    f"{file}{end}" for file in (ONNX_FILE, TFLITE_FILE) for end in ("", ".manifest.json", ".md")
} | RECIPE_FILES
PATIENCE_S = 300


@pytest.fixture(scope="session")
def quantized_run(tmp_path_factory):
    return shared_quantized(tmp_path_factory)


@pytest.fixture(scope="session")
def quantized(quantized_run):
    return quantized_run / "files"


@pytest.fixture(scope="session")
def calibration(quantized_run):
    return quantized_run / "calibration"


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    return shared(tmp_path_factory, "digit-images", images.write_images)


@pytest.fixture
def refused(tool_here, folder):
    """Runs what must fail; gives its complaint, and holds the folder to what it was before."""

    def call(*arguments, source=DIGITS) -> str:
        before = sorted(folder.rglob("*"))
        ran = tool_here("quantize", source, *arguments)
        assert ran.code == 1, ran.errors
        assert sorted(folder.rglob("*")) == before
        return ran.refusal()

    return call


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def by_class(source, folder, count):
    """So many images of each digit, a folder for each."""
    for label in images.LABELS:
        (folder / label).mkdir(parents=True)
        for path in sorted((source / label).iterdir())[:count]:
            shutil.copy(path, folder / label)
    return folder


def flat(calibration, folder, count):
    folder.mkdir()
    for path in sorted(calibration.iterdir())[:count]:
        shutil.copy(path, folder)
    return folder


# --- What is written


def test_both_formats_their_manifests_and_cards_and_one_recipe(quantized):
    assert set(names(quantized)) == FILES


def test_everybody_may_read_what_the_user_lets_everybody_read(quantized):
    assert len({path.stat().st_mode for path in quantized.iterdir()}) == 1


def test_json_describes_every_file(quantized_run):
    described = json.loads((quantized_run / "stdout").read_text())
    assert described["recipe"] == f"files/{RECIPE}"
    assert described["steps"] == []
    assert [file["path"] for file in described["files"]] == [f"files/{ONNX_FILE}", f"files/{TFLITE_FILE}"]
    for file in described["files"]:
        assert file["size_bytes"] == (quantized_run / file["path"]).stat().st_size
        assert (file["precision"], file["random_weights"]) == ("int8", False)
        assert file["proof"]["images"] == CALIBRATED_ON
        assert file["proof"]["top1_agreement"] >= 0.97
        assert file["proof"]["cosine"] > 0.99


def test_every_step_is_shown_on_stderr(quantized_run):
    lines = (quantized_run / "stderr").read_text().splitlines()
    steps = [line for line in lines if not line.startswith("note: ")]
    assert steps == [
        "· reading the network and the images",
        (
            "· WARNING: 48 of 48 calibration images are much smaller than the preprocessing expects "
            "(median short side 8 px, enlarged to 96 px), so they are blurred; give images of full size "
            "unless the network was trained on such small ones"
        ),
        "· lowering the network",
        f"· finding ranges and correcting biases on {CALIBRATED_ON} images",
        "· onnx: writing the file and proving it",
        "· tflite: writing the file and proving it",
        "· moving the files into place",
    ]


@pytest.mark.parametrize("name", [ONNX_FILE, TFLITE_FILE])
def test_the_manifest_tells_the_truth(quantized_run, quantized, name):
    path = quantized / name
    manifest = json.loads(manifest_path(path).read_text())
    recipe = json.loads((quantized / RECIPE).read_text())
    assert manifest["file"] == {"name": name, "size_bytes": path.stat().st_size, "sha256": sha256(path)}
    assert manifest["input"] == {
        "weights": DIGITS.name,
        "sha256": sha256(DIGITS),
        "set": None,
        "notes": [],
    }
    settings = manifest["settings"]
    assert (settings["precision"], settings["io"], settings["batch"]) == ("int8", "float32", 1)
    assert (settings["recipe"], settings["finetuning"]) == (RECIPE, None)
    assert settings["calibration"] == recipe["calibration"]
    calibration = settings["calibration"]
    assert (calibration["source"], calibration["count"], calibration["skipped"]) == ("calibration", 48, 0)
    assert len(calibration["sha256"]) == 64
    assert manifest["preprocessing"] == json.loads(json.dumps(read_metadata(path).preprocessing.to_dict()))
    assert read_metadata(path).precision == "int8"
    described = json.loads((quantized_run / "stdout").read_text())["files"]
    assert manifest["proof"] in [file["proof"] for file in described]
    passes = {step["name"] for step in manifest["passes"]}
    assert "Decompose" in passes
    assert "SplitRelu6Range" not in passes  # that is how one target writes the network


def test_the_recipe_tells_the_truth(quantized):
    recipe = json.loads((quantized / RECIPE).read_text())
    assert (recipe["precision"], recipe["variant"], recipe["input_size"]) == ("int8", "m0", 96)
    assert recipe["checkpoint_sha256"] == sha256(DIGITS)
    assert recipe["weights_sha256"] == sha256(quantized / f"{STEM}.recipe.safetensors")
    assert recipe["float_layers"] == []


def test_the_recipe_gives_the_same_files_again(tool_here, quantized, folder):
    recipe = quantized / RECIPE
    ran = tool_here("quantize", DIGITS, "--recipe", recipe)
    assert ran.code == 0, ran.errors
    assert "finding ranges" not in ran.errors
    assert "note: the proof on the bundled photographs" in ran.errors
    assert max(map(len, ran.output.splitlines())) <= 80
    assert set(names(folder)) == FILES
    for name in {ONNX_FILE, TFLITE_FILE} | RECIPE_FILES:
        assert (folder / name).read_bytes() == (quantized / name).read_bytes(), name


def test_export_gives_the_same_file(tool_here, quantized, calibration, folder):
    ran = tool_here(
        *("export", DIGITS, "--precision", "int8", "--calibration", calibration, "--format", "tflite")
    )
    assert ran.code == 0, ran.errors
    assert (folder / TFLITE_FILE).read_bytes() == (quantized / TFLITE_FILE).read_bytes()
    ours, theirs = (load_recipe(each / RECIPE) for each in (folder, quantized))
    # Biases are of one target's form: those of a format that is not exported are not sought.
    assert (list(ours.biases), list(theirs.biases)) == (["tflite"], ["onnx", "tflite"])
    assert ours == replace(theirs, weights_sha256=ours.weights_sha256)
    found, expected = ours.biases["tflite"], theirs.biases["tflite"]
    assert list(found) == list(expected)
    assert all(torch.equal(bias, expected[name]) for name, bias in found.items())


@pytest.mark.parametrize("name", [ONNX_FILE, TFLITE_FILE])
def test_evaluate_finds_no_loss_beyond_the_interval(tool_here, quantized, written, folder, name):
    by_class(written / "test", folder / "data", 8)
    ran = tool_here("evaluate", quantized / name, "--data", "data", "--checkpoint", DIGITS, "--json")
    assert ran.code == 0, ran.errors
    found = json.loads(ran.output)
    assert (found["images"], found["precision"]) == (80, "int8")
    assert found["top1"]["right"] >= 77
    difference = found["comparison"]["difference"]
    assert difference["low"] <= 0 <= difference["high"]


def test_16_bits_with_integer_weights(tool_here, calibration, folder):
    ran = tool_here(
        *("quantize", DIGITS, "--calibration", calibration, "--precision", "int8-a16", "--format", "tflite"),
        *("--input-size", "32", "--json"),
    )
    assert ran.code == 0, ran.errors
    (file,) = json.loads(ran.output)["files"]
    assert file["path"] == "m0-digits-int8-a16.tflite"
    assert file["proof"]["cosine"] > 0.999
    assert read_metadata(folder / "m0-digits-int8-a16.tflite").precision == "int8-a16"


def test_integer_ends_and_images_that_are_skipped(tool_here, calibration, folder):
    flat(calibration, folder / "some", 40)
    (folder / "some" / "film.png").write_bytes(b"no image")
    ran = tool_here(
        *("quantize", DIGITS, "--calibration", "some", "--io", "int8", "--format", "tflite"),
        *("--input-size", "32", "--output", "out", "--skip-unreadable"),
    )
    assert ran.code == 0, ran.errors
    # Not the name of the file that takes floats: an app cannot take one for the other.
    stem = "m0-digits-int8-io-int8"
    files = [f"{stem}.recipe.json", f"{stem}.recipe.safetensors", f"{stem}.tflite"]
    assert names(folder / "out") == sorted([*files, f"{stem}.tflite.manifest.json", f"{stem}.tflite.md"])
    manifest = json.loads((folder / "out" / f"{stem}.tflite.manifest.json").read_text())
    assert manifest["file"]["name"] == f"{stem}.tflite"
    settings = manifest["settings"]
    assert (settings["io"], settings["recipe"]) == ("int8", f"{stem}.recipe.json")
    assert (settings["calibration"]["count"], settings["calibration"]["skipped"]) == (40, 1)


def test_random_weights_are_said_aloud(tool_here, calibration, folder):
    ran = tool_here(
        *("quantize", "m0", "--calibration", calibration, "--input-size", "32", "--format", "tflite"),
    )
    assert ran.code == 0, ran.errors
    assert "RANDOM WEIGHTS" in ran.errors
    assert "m0-random-int8.tflite" in names(folder)


def test_a_bound_that_holds_at_once(tool_here, quantized, calibration, written, folder):
    by_class(written / "test", folder / "data", 4)
    ran = tool_here(
        *("quantize", DIGITS, "--recipe", quantized / RECIPE, "--calibration", calibration),
        *("--max-drop", "5", "--data", "data", "--format", "tflite"),
    )
    assert ran.code == 0, ran.errors
    assert "· tflite: 0 layers in float, top-1 differs by +0.00 points (95 % interval" in ran.errors
    assert "note: the labelled images cannot resolve --max-drop 5: their 95 % interval is +-" in ran.errors
    (row,) = (line.split() for line in ran.output.splitlines() if line.strip().startswith("tflite "))
    assert row[:4] == ["tflite", "0", "100.00", "+0.00"]
    assert max(map(len, ran.output.splitlines())) <= 80
    assert (folder / TFLITE_FILE).read_bytes() == (quantized / TFLITE_FILE).read_bytes()


def test_fine_tuning(tool_here, calibration, written, folder):
    by_class(written / "train", folder / "train", 30)
    ran = tool_here(
        *("quantize", DIGITS, "--calibration", calibration, "--finetune", "train"),
        *("--input-size", "32", "--format", "tflite", "--output", "out"),
    )
    assert ran.code == 0, ran.errors
    assert "· fine-tuning: 0 %" in ran.errors
    recipe = json.loads((folder / "out" / RECIPE).read_text())
    assert (recipe["finetuning"]["source"], recipe["finetuning"]["count"]) == ("train", 300)
    manifest = json.loads((folder / "out" / f"{TFLITE_FILE}.manifest.json").read_text())
    assert manifest["settings"]["finetuning"] == recipe["finetuning"]


# --- What is refused: the images


def test_no_images(refused):
    assert "--calibration DIR, a folder with about 200" in refused()


def test_a_folder_without_images(refused, folder):
    (folder / "empty").mkdir()
    error_line = refused("--calibration", "empty")
    assert "empty" in error_line
    assert "give" in error_line


def test_a_folder_that_is_none(refused):
    assert "none" in refused("--calibration", "none")


def test_too_few_images(refused, calibration, folder):
    flat(calibration, folder / "few", 31)
    assert "few holds 31 images, too few to calibrate on: give at least 32" in refused("--calibration", "few")


def test_images_that_are_all_alike(refused, calibration, folder):
    (folder / "alike").mkdir()
    path = next(calibration.iterdir())
    for number in range(40):
        shutil.copy(path, folder / "alike" / f"{number}.png")
    assert "the 40 images of alike are identical" in refused("--calibration", "alike")


def test_an_image_that_cannot_be_read(refused, calibration, folder):
    flat(calibration, folder / "some", 40)
    (folder / "some" / "film.png").write_bytes(b"no image")
    error_line = refused("--calibration", "some")
    assert "some/film.png cannot be read as an image" in error_line
    assert "--skip-unreadable" in error_line


def test_too_few_that_can_be_read(refused, calibration, folder):
    flat(calibration, folder / "some", 31)
    (folder / "some" / "film.png").write_bytes(b"no image")
    error_line = refused("--calibration", "some", "--skip-unreadable")
    assert "some holds 31 images and 1 unreadable file, too few to calibrate on" in error_line


# --- What is refused: the settings


@pytest.mark.parametrize(
    ("arguments", "error_line"),
    [
        (("--max-drop", "1"), "--max-drop needs labelled images to measure on: give --data DIR"),
        (("--max-drop", "-1", "--data", "."), "--max-drop -1.0: give a number from 0 to 100"),
        (("--max-drop", "nan", "--data", "."), "--max-drop nan: give a number from 0 to 100"),
        (("--precision", "int4"), "precision 'int4' is not an integer precision: choose int8 or int8-a16"),
        (
            ("--precision", "float32"),
            "precision 'float32' is not an integer precision: choose int8 or int8-a16",
        ),
        (("--io", "int8"), "--io int8"),
        (("--io", "int8", "--format", "onnx"), "--io int8"),
        (("--io", "int4", "--format", "tflite"), "--io int4: give float32, uint8 or int8"),
        (
            ("--io", "int8", "--format", "tflite", "--precision", "int8-a16"),
            "--io int8 is for --precision int8, not int8-a16",
        ),
        (("--batch", "0"), "--batch 0: give a whole number from 1 to 1,024"),
        (("--format", "coreml"), "unknown format 'coreml': choose from c, onnx, tflite"),
        (
            ("--recipe", "x.recipe.json", "--finetune", "."),
            "a recipe contains its weights: give --recipe or --finetune, not both",
        ),
        (("--recipe", "x.recipe.json"), "x.recipe.json does not exist: check the path"),
        (("--data", ".", "--max-drop", "1"), "no labels of the network"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_setting_that_cannot_be(refused, calibration, folder, arguments, error_line):
    (folder / "somewhere").mkdir()
    assert error_line in refused("--calibration", calibration, "--input-size", "32", *arguments)


def test_a_bound_on_random_weights(refused, calibration):
    arguments = ("--calibration", calibration, "--max-drop", "1", "--data", ".", "--input-size", "32")
    assert "--max-drop needs trained weights" in refused(*arguments, source="m0")


@pytest.mark.parametrize("name", [ONNX_FILE, TFLITE_FILE])
def test_a_file_that_is_quantized_already(refused, quantized, calibration, name):
    error_line = refused("--calibration", calibration, source=quantized / name)
    kind = "an ONNX" if name == ONNX_FILE else "a TFLite"
    assert (
        f"{name} is {kind} file, not a checkpoint: give the PyTorch checkpoint it was made from" in error_line
    )


def test_an_existing_file(refused, calibration, folder):
    (folder / RECIPE).write_text("older")
    assert f"{RECIPE} exists: give --overwrite" in refused("--calibration", calibration)
    assert (folder / RECIPE).read_text() == "older"


# --- What is refused: recipes and images to fine-tune on


def test_a_recipe_of_another_checkpoint(refused, quantized, calibration, folder):
    torch.manual_seed(0)
    save_checkpoint(
        MicroNet("m0", 10).eval(),
        folder / "other.safetensors",
        preprocessing=Preprocessing(96, 96),
        labels=images.LABELS,
    )
    error_line = refused(
        *("--recipe", quantized / RECIPE, "--calibration", calibration, "--format", "tflite"),
        source="other.safetensors",
    )
    assert "the recipe was made for another network (m0, 96 px" in error_line


def test_a_recipe_of_another_size(refused, quantized, calibration):
    error_line = refused(
        *("--recipe", quantized / RECIPE, "--calibration", calibration),
        *("--input-size", "32", "--format", "tflite"),
    )
    assert "the recipe was made for another network (m0, 96 px" in error_line


def test_a_recipe_of_another_precision(refused, quantized, calibration):
    error_line = refused(
        *("--recipe", quantized / RECIPE, "--calibration", calibration, "--precision", "int8-a16"),
        *("--input-size", "32", "--format", "tflite"),
    )
    assert "the recipe is for int8, not int8-a16: give --precision int8" in error_line


def test_a_recipe_of_another_format(refused, quantized, calibration, folder):
    whole = load_recipe(quantized / RECIPE)
    save_recipe(replace(whole, biases={"tflite": whole.biases["tflite"]}), folder / "lite.recipe.json")
    error_line = refused("--recipe", "lite.recipe.json", "--calibration", calibration, "--output", "out")
    assert "the recipe was made for tflite, not onnx: give --format tflite" in error_line


def test_half_a_recipe(refused, quantized, calibration, folder):
    shutil.copy(quantized / RECIPE, folder)
    error_line = refused(
        *("--recipe", RECIPE, "--calibration", calibration, "--input-size", "32", "--output", "out"),
        *("--format", "tflite"),
    )
    assert "a recipe is two files" in error_line


@pytest.mark.parametrize(
    ("made", "error_line"),
    [
        ("other", "is not a folder"),
        ("train/seven", "no labels of the network: seven"),
    ],
    ids=["missing", "another class"],
)
def test_images_to_fine_tune_on_that_do_not_match(refused, calibration, folder, made, error_line):
    (folder / made).mkdir(parents=True)
    arguments = ("--calibration", calibration, "--finetune", "train", "--input-size", "32")
    assert error_line in refused(*arguments, "--format", "tflite", "--output", "out")


def test_too_few_images_to_fine_tune_on(refused, calibration, folder):
    (folder / "train" / "3").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "train" / "3" / "a.png")
    arguments = ("--calibration", calibration, "--finetune", "train", "--input-size", "32")
    assert "too few to fine-tune on" in refused(*arguments, "--format", "tflite", "--output", "out")


# --- Interruptions


def test_ctrl_c_leaves_older_files_alone(calibration, folder, temporary):
    for name in FILES:
        (folder / name).write_text("older")
    command = ("quantize", DIGITS, "--calibration", calibration, "--input-size", "64", "--overwrite")
    with start(*command, cwd=folder, TMPDIR=str(temporary)) as process:
        while not process.stderr.readline().startswith("· finding ranges"):
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        output, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130
    assert output == ""
    assert errors.splitlines()[-1] == "error: interrupted; nothing was written"
    assert "Traceback" not in errors
    assert {path.name: path.read_text() for path in folder.iterdir()} == dict.fromkeys(FILES, "older")
