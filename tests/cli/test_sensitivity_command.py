"""What `micronet-edge sensitivity` prints and writes, and how it ends when it cannot."""

import json
import shutil

import pytest
from cli.command import DIGITS, ONNX_FILE, names, shared
from example_images import digits as images

from micronet_edge.pipeline.run import quantize
from micronet_edge.settings import ExportSettings

FILE = "m0-digits-int8.onnx"


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The test images, and a folder with an int8 file that was calibrated on the zeros."""

    def make(folder):
        data = images.write_images(folder / "written") / "test"
        settings = ExportSettings(
            formats=("onnx",), output=folder / "files", precision="int8", calibration=data / "0"
        )
        quantize(DIGITS, settings=settings)

    return shared(tmp_path_factory, "digits-int8", make)


@pytest.fixture
def file(written):
    return written / "files" / FILE


@pytest.fixture
def calibration(written, folder):
    """As few images as it takes, in the folder where the command runs."""
    (folder / "calibration").mkdir()
    for path in sorted((written / "written" / "test").rglob("*.png"))[::12][:32]:
        shutil.copy(path, folder / "calibration" / f"{path.parent.name}-{path.name}")
    return "calibration"


@pytest.fixture
def data(written, folder):
    for label in images.LABELS:
        (folder / "data" / label).mkdir(parents=True)
        for path in sorted((written / "written" / "test" / label).iterdir())[:2]:
            shutil.copy(path, folder / "data" / label)
    return "data"


def test_a_table_within_80_columns_and_a_page(tool_here, folder, file, calibration, data):
    (folder / "page.html").write_text("an older page")
    arguments = ("--checkpoint", DIGITS, "--calibration", calibration, "--data", data)
    assert tool_here("sensitivity", file, *arguments, "--html", "page.html").code == 1
    assert (folder / "page.html").read_text() == "an older page"
    ran = tool_here("sensitivity", file, *arguments, "--html", "page.html", "--overwrite")
    assert ran.code == 0, ran.errors
    lines = [line.rstrip() for line in ran.output.splitlines()]
    assert max(map(len, lines)) <= 80
    table = [line for line in lines if line.count("%") == 3]
    # ONNX Runtime is no faster with the others' integers.
    assert len(table) == 12
    assert any(line.startswith(" classifier/hidden/activation ") for line in table)
    assert "29 layers are in float: --json and --html have all" in lines
    assert f"{FILE} (int8) on 20 images" in lines
    assert f"same class as {DIGITS.name} in float on 100.00% of them" in lines
    assert "top-1 in float 100.00%, quantized 100.00%" in lines
    assert "page: page.html" in lines
    page = (folder / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "classifier/logits/activation" in page
    assert ran.errors == ""
    assert names(folder) == ["calibration", "data", "page.html"]


def test_the_old_name_works_and_is_not_shown(tool_here, file, calibration):
    ran = tool_here("blame", file, "--checkpoint", DIGITS, "--calibration", calibration, "--json")
    assert ran.code == 0, ran.errors
    assert json.loads(ran.output)["precision"] == "int8"
    helped = tool_here("--help").output
    assert "sensitivity" in helped
    assert "blame" not in helped


def test_json_is_all_there_is_on_stdout(tool_here, folder, file, calibration):
    (folder / calibration / "film.mp4").write_bytes(b"")
    ran = tool_here(
        "sensitivity",
        file,
        "--checkpoint",
        DIGITS,
        "--calibration",
        calibration,
        "--json",
        "--skip-unreadable",
    )
    assert ran.code == 0, ran.errors
    assert ran.errors == "note: skipped because they are not readable images: 1 of 33 files\n"
    found = json.loads(ran.output)
    assert (found["precision"], found["top1_float"], found["top1_quantized"]) == ("int8", None, None)
    assert found["calibration"] == found["measured_on"] == {"source": "calibration", "images": 32}
    assert len(found["layers"]) == 41
    assert sum(row["in_float"] for row in found["layers"]) == 29
    assert sorted(row["position"] for row in found["layers"]) == list(range(41))
    shares = [row["noise_share"] for row in found["layers"] if not row["in_float"]]
    assert shares == sorted(shares, reverse=True)
    assert set(found["layers"][0]["agreement_back"]) == {"points", "low", "high"}
    assert found["layers"][0]["top1_back"] is None


@pytest.fixture
def refused(tool_here, folder, calibration, file):
    """Runs what must fail; gives its complaint, and holds the folder to what it was before."""
    shutil.copy(file, folder / "alone.onnx")

    def call(named, **options):
        given = {"checkpoint": DIGITS, "calibration": calibration, **options}
        before = sorted(folder.rglob("*"))
        ran = tool_here(
            "sensitivity", named, *[part for name in given for part in (f"--{name}", given[name])]
        )
        assert ran.code == 1, ran.output
        assert sorted(folder.rglob("*")) == before
        return ran.refusal()

    return call


def test_a_float_file(refused, digits):
    said = refused(digits / ONNX_FILE)
    assert "is a float32 file without quantized activations: give an int8 file" in said


def test_a_file_that_does_not_exist(refused):
    assert "none.onnx does not exist" in refused("none.onnx")


def test_a_file_without_its_recipe(refused):
    assert "alone.recipe.json" in refused("alone.onnx")


def test_a_checkpoint_in_the_place_of_the_file(refused):
    assert "no installed target reads .safetensors" in refused(DIGITS)


def test_a_checkpoint_that_does_not_exist(refused, file):
    assert "none.pth" in refused(file, checkpoint="none.pth")


def test_too_few_images(refused, file, data):
    assert "too few to calibrate on" in refused(file, calibration=f"{data}/3")


def test_a_page_in_no_folder(refused, file):
    assert "none is not a folder: create it" in refused(file, html="none/page.html")
    assert "calibration is a folder: give the name of a file" in refused(file, html="calibration")


@pytest.mark.parametrize("missing", ["--checkpoint", "--calibration"])
def test_without_a_needed_option_the_usage_is_wrong(tool_here, missing):
    given = [each for each in ("--checkpoint", "--calibration") if each != missing]
    ran = tool_here("sensitivity", FILE, *given, "x")
    assert ran.code == 2
    assert missing in ran.errors
