"""`micronet-edge train` as a person runs it: what it writes and prints, and how it refuses."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli.command import DIGITS, children_of, names, run, shared, start
from PIL import Image

import micronet_edge
from micronet_edge.models import load_checkpoint

LABELS = ("blue", "green", "red")
EACH = 12
QUICK = ("--epochs", "2", "--input-size", "32", "--batch-size", "8", "--workers", "0", "--device", "cpu")
WRITTEN = {"m0-photos.safetensors", "history.jsonl", "last.pt", "report.html"}


def write_photos(folder, each=EACH, labels=LABELS):
    """Noisy images, each class of its own colour."""
    for label in labels:
        place = sorted((*LABELS, "yellow")).index(label)
        (folder / label).mkdir(parents=True)
        for number in range(each):
            random = np.random.default_rng([place, number])
            pixels = random.integers(0, 90, (40, 48, 3))
            pixels[..., 2 - place % 3] += 140
            Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder in which `train photos --json` was run; what it printed lies there as well."""

    def make(folder: Path) -> None:
        write_photos(folder / "photos")
        ran = run("train", "photos", *QUICK, "--json", cwd=folder)
        assert ran.code == 0, ran.errors
        (folder / "stdout").write_text(ran.output)
        (folder / "stderr").write_text(ran.errors)

    return shared(tmp_path_factory, "trained-photos", make)


@pytest.fixture
def photos(folder):
    return write_photos(folder / "photos")


# --- What it does


def test_it_writes_a_checkpoint_a_page_and_what_resuming_needs(trained):
    assert set(names(trained / "m0-photos")) >= WRITTEN
    checkpoint = load_checkpoint(trained / "m0-photos" / "m0-photos.safetensors")
    assert checkpoint.variant == "m0"
    assert checkpoint.labels == LABELS
    assert checkpoint.preprocessing.size == 32
    page = (trained / "m0-photos" / "report.html").read_text()
    assert "Training of m0-photos" in page
    assert "MicroNet m0" in page


def test_json_has_the_whole_run(trained):
    found = json.loads((trained / "stdout").read_text())
    assert found["name"] == "m0-photos"
    assert found["checkpoint"] == "m0-photos/m0-photos.safetensors"
    assert found["data"]["labels"] == list(LABELS)
    assert found["data"]["train_images"] + found["data"]["validation_images"] == 3 * EACH
    assert found["data"]["divided"]
    assert [epoch["epoch"] for epoch in found["history"]] == [1, 2]
    assert found["top1"]["share"] == found["best"]["top1"]
    assert found["top1"]["images"] == found["data"]["validation_images"]
    assert found["recipe_name"] == "small"
    assert found["recipe"]["schedule"]["epochs"] == 2
    assert {each["label"] for each in found["classes"]} == set(LABELS)
    assert found["exported"] == []


def test_progress_is_a_line_for_each_epoch_on_stderr(trained):
    lines = (trained / "stderr").read_text().splitlines()
    assert [line.split(":")[0] for line in lines if "epoch" in line and " of 2" in line] == [
        "· epoch 1 of 2",
        "· epoch 2 of 2",
    ]
    assert all(line.startswith(("· ", "note: ")) for line in lines)


def test_evaluate_says_the_same_of_the_same_images(trained, tool_here):
    """The report's top-1 is that of `evaluate`, to the image."""
    found = json.loads((trained / "stdout").read_text())
    checkpoint = trained / "m0-photos" / "m0-photos.safetensors"
    ran = tool_here("evaluate", checkpoint, "--data", trained / "photos", "--json")
    assert ran.code == 0, ran.errors
    assert json.loads(ran.output)["images"] == 3 * EACH
    assert found["top1"]["right"] <= json.loads(ran.output)["top1"]["right"]


@pytest.mark.usefixtures("photos")
def test_it_prints_how_good_the_network_is_and_the_next_command(tool_here):
    ran = tool_here("train", "photos", *QUICK)
    assert ran.code == 0, ran.errors
    *_, top1, checkpoint, report, last = ran.output.splitlines()
    assert top1.startswith("top-1  ")
    assert "95 % interval" in top1
    assert checkpoint == "checkpoint: m0-photos/m0-photos.safetensors"
    assert report == "report: m0-photos/report.html"
    assert last == (
        "next: micronet-edge quantize m0-photos/m0-photos.safetensors --calibration photos --output m0-photos"
    )


@pytest.mark.usefixtures("photos")
def test_a_second_run_needs_leave_and_resume_has_nothing_left_to_do(tool_here, folder, trained):
    (folder / "m0-photos").mkdir()
    for name in WRITTEN:
        (folder / "m0-photos" / name).write_bytes((trained / "m0-photos" / name).read_bytes())
    checkpoint = (folder / "m0-photos" / "m0-photos.safetensors").read_bytes()
    assert "give --resume" in tool_here("train", "photos", *QUICK).refusal()
    ran = tool_here("train", "photos", *QUICK, "--resume")
    assert ran.code == 0, ran.errors
    assert (folder / "m0-photos" / "m0-photos.safetensors").read_bytes() == checkpoint
    assert tool_here("train", "photos", *QUICK, "--overwrite").code == 0


@pytest.mark.slow
def test_export_ends_in_a_table_of_files(tool, folder):
    """A checkpoint that is trained, so that int8 can be proven."""
    import example_images

    images = example_images.digits.write_images(folder / "digits")
    ran = tool(
        *("train", images / "train", "--val", images / "test", "--from", DIGITS, "--keep-head"),
        *("--epochs", "1", "--lr", "1e-4", "--workers", "0", "--export", "--output", "out", "--overwrite"),
    )
    assert ran.code == 0, ran.errors
    rows = [line.split() for line in ran.output.splitlines() if line.startswith(" m0 ")]
    assert [row[1:3] for row in rows] == [
        ["pytorch", "float32"],
        ["onnx", "float32"],
        ["tflite", "float32"],
        ["onnx", "int8"],
        ["tflite", "int8"],
    ]
    assert all(float(row[4].rstrip("%")) > 97 for row in rows)
    assert ran.output.splitlines()[-1].startswith("next: micronet-edge bench out/")
    assert "int8" in (folder / "out" / "report.html").read_text()


# --- Recipes


@pytest.mark.parametrize("name", ["small", "finetune", "paper"])
def test_show_prints_the_recipe_and_needs_no_images(tool_here, name):
    ran = tool_here("train", "--recipe", name, "--show")
    assert ran.code == 0
    assert f"# {name}: " in ran.output
    assert "[optimizer]" in ran.output


def test_show_without_a_name_shows_the_one_that_would_be_taken(tool_here):
    assert "# small: " in tool_here("train", "--show").output
    assert "# finetune: " in tool_here("train", "--from", "any.pth", "--show").output


def test_show_of_a_file_checks_it(tool_here, folder):
    (folder / "mine.toml").write_text('base = "small"\nbatch_size = 7  # odd\n')
    ran = tool_here("train", "--recipe", "mine.toml", "--show")
    assert ran.output == 'base = "small"\nbatch_size = 7  # odd\n'
    (folder / "mine.toml").write_text("batch_sise = 7\n")
    assert "batch_sise" in tool_here("train", "--recipe", "mine.toml", "--show").refusal()


# --- Refusals


def test_no_images_given_is_wrong_usage(tool_here):
    ran = tool_here("train")
    assert ran.code == 2
    assert "give a folder of images or shards" in ran.errors


REFUSED = {
    ("nowhere",): "nowhere",
    ("photos", "--recipe", "huge"): "recipe huge is unknown",
    ("photos", "--recipe", "none.toml"): "none.toml",
    ("photos", "--variant", "m9"): "unknown variant 'm9'",
    ("photos", "--keep-head"): "give --from CHECKPOINT as well",
    ("photos", "--from", "none.pth"): "none.pth",
    ("photos", "--from", DIGITS, "--keep-head"): "leave --keep-head out",
    ("photos", "--from", DIGITS, "--variant", "m1"): "m1",
    ("photos", "--teacher", DIGITS): "give a teacher of the same classes",
    ("photos", "--teacher", "none:teacher"): "none",
    ("photos", "--batch-size", "5000"): "--batch-size",
    ("photos", "--batch-size", "0"): "batch_size",
    ("photos", "--epochs", "0"): "epochs",
    ("photos", "--lr", "nan"): "lr",
    ("photos", "--lr", "-1"): "lr",
    ("photos", "--input-size", "0"): "input_size is 0",
    ("photos", "--workers", "-1"): "workers",
    ("photos", "--resume", "--overwrite"): "give one of them",
    ("photos", "--val", "elsewhere"): "elsewhere",
    ("photos/red",): "photos/red",
    ("photos", "--output", "photos/red/00.png"): "photos/red/00.png",
}


@pytest.mark.parametrize("arguments", REFUSED, ids=lambda given: " ".join(Path(str(x)).name for x in given))
@pytest.mark.usefixtures("photos")
def test_it_refuses_in_one_line_and_writes_nothing(tool_here, folder, arguments):
    ran = tool_here("train", *arguments)
    assert ran.code == 1
    assert REFUSED[arguments] in ran.refusal()
    assert names(folder) == ["photos"]


@pytest.mark.usefixtures("photos")
def test_cuda_that_is_not_there_is_refused(tool, folder):
    ran = tool("train", "photos", "--device", "cuda", CUDA_VISIBLE_DEVICES="")
    assert ran.code == 1
    assert "--device cuda" in ran.refusal()
    assert names(folder) == ["photos"]


def test_one_class_is_refused(tool_here, folder):
    write_photos(folder / "photos", labels=("red",))
    assert "red" in tool_here("train", "photos").refusal()


@pytest.mark.usefixtures("photos")
def test_other_classes_to_validate_on_are_refused(tool_here, folder):
    write_photos(folder / "others", labels=("red", "yellow"))
    assert "yellow" in tool_here("train", "photos", "--val", "others").refusal()


def test_an_unreadable_image_is_refused_or_skipped(tool_here, photos):
    (photos / "red" / "bad.png").write_bytes(b"no image")
    said = tool_here("train", "photos", *QUICK).refusal()
    assert "bad.png" in said
    assert "--skip-unreadable" in said
    ran = tool_here("train", "photos", *QUICK, "--skip-unreadable", "--json")
    assert ran.code == 0, ran.errors
    assert json.loads(ran.output)["data"]["skipped"] == 1


# --- Ctrl-C


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("photos")
def test_ctrl_c_saves_and_the_same_command_goes_on(folder, temporary, number):
    command = ("train", "photos", *QUICK[2:], "--epochs", "10")
    with start(*command, cwd=folder, TMPDIR=str(temporary)) as process:
        for line in process.stderr:
            if "epoch  2 of 10" in line:
                break
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert list(children_of(process.pid)) == []
    assert output == ""
    last = errors.splitlines()[-1]
    assert last.startswith("error: interrupted in epoch ")
    assert "--resume" in last
    assert "Traceback" not in errors
    ran = run(*command, "--resume", cwd=folder)
    assert ran.code == 0, ran.errors
    assert "going on with m0-photos/last.pt in epoch " in ran.errors
    assert "epoch 10 of 10" in ran.errors
    assert "epoch  1 of 10" not in ran.errors


# --- As a module, and from Python


@pytest.mark.usefixtures("photos")
def test_torchrun_starts_the_command_in_several_processes(folder):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"),
            *("-m", "micronet_edge.train", "photos", *QUICK, "--json"),
        ],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)  # one process prints
    assert found["processes"] == 2
    assert found["top1"]["images"] == found["data"]["validation_images"]
    assert done.stderr.count("epoch 2 of 2") == 1


def test_the_public_function_stays_one_when_the_module_of_its_name_is_imported():
    code = (
        "import micronet_edge, importlib, sys; before = micronet_edge.train; "
        "import micronet_edge.train; importlib.import_module('micronet_edge.train'); "
        "from micronet_edge import train; "
        "assert micronet_edge.train is train is before; assert callable(train); print(train.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "micronet_edge.training.run\n"


def test_the_module_imported_first_is_the_function_as_well():
    code = "import micronet_edge.train as found; print(callable(found), callable(micronet_edge.train))"
    done = subprocess.run(
        [sys.executable, "-c", f"import micronet_edge; {code}"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True True\n"


def test_the_module_takes_the_arguments_of_the_command(folder):
    done = subprocess.run(
        [sys.executable, "-m", "micronet_edge.train", "--show"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "# small: " in done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "micronet_edge.train", "nowhere"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n"), done.stderr[:7]) == (1, 1, "error: ")


@pytest.mark.usefixtures("photos")
def test_python_trains_as_the_command_does(folder, monkeypatch):
    monkeypatch.chdir(folder)
    settings = micronet_edge.TrainSettings(
        epochs=2, input_size=32, batch_size=8, workers=0, device="cpu", output="here"
    )
    trained = micronet_edge.train("photos", settings=settings)
    assert trained.folder == Path("here")
    assert trained.report.is_file()
    assert len(trained.fitted.history) == 2
