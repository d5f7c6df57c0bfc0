"""The app's Kotlin, compiled and run on a JVM: Pillow's pixels to the bit, and the product's classes."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cli.command import DIGITS, run, shared
from example_images import digits
from PIL import Image
from test_android_app import HOSTILE, KOTLIN, SMALL, app, write_file

from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing, open_image
from micronet_edge.deployment.android_app import TEMPLATE
from micronet_edge.deployment.app import App
from micronet_edge.targets.readers import read_metadata
from micronet_edge.targets.registry import find_target

CHECK = Path(__file__).parent / "kotlin_check"
KOTLINC = os.environ.get("KOTLINC") or shutil.which("kotlinc")
PURE = ("Model", "Preprocess", "Resize", "Scores")
UNEVEN = Preprocessing(31, 57, (0.5, 0.25, 1e-3), (0.5, 0.7, 2.0), "BGR", "bicubic", 18)
IMAGES, RANDOM_SIZES = 12, 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        KOTLINC is None or shutil.which("java") is None,
        reason="needs a JDK and kotlinc: npm install kotlin-compiler, then KOTLINC=.../bin/kotlinc",
    ),
]


def compile_kotlin(sources, jar):
    command = [KOTLINC, "-no-reflect", "-Werror", "-d", jar, *sources]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return jar


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Compiles the app's own arithmetic for a file; each kind of file once."""
    jars = {}

    def make(given, name):
        if name not in jars:
            folder = tmp_path_factory.mktemp("kotlin")
            found = TEMPLATE.files(given)
            for each in PURE:
                (folder / f"{each}.kt").write_bytes(found[f"{KOTLIN}/{each}.kt"])
            jars[name] = compile_kotlin([*folder.glob("*.kt"), CHECK / "Check.kt"], folder / "check.jar")
        return jars[name]

    return make


@pytest.fixture
def file(tmp_path):
    return write_file(tmp_path / "model.tflite", names=["TFLITE_METADATA"])


def java(jar, *arguments):
    library = Path(KOTLINC).resolve().parents[1] / "lib" / "kotlin-stdlib.jar"
    command = ["java", "-cp", f"{jar}{os.pathsep}{library}", "org.example.classifier.CheckKt"]
    ran = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def given_pixels(path, image):
    """A picture as the app's check reads it: sizes, then a byte for each channel."""
    sizes = np.array([image.width, image.height], ">i4").tobytes()
    path.write_bytes(sizes + image.tobytes())
    return path


def given_colors(path, image):
    rgb = np.asarray(image.convert("RGB"), np.uint32)
    colors = 0xFF000000 | rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]
    path.write_bytes(np.array([image.width, image.height], ">i4").tobytes() + colors.astype(">u4").tobytes())
    return path


@pytest.mark.parametrize("runtime", ["litert", "mediapipe"])
def test_both_flavours_compile(file, tmp_path, runtime):
    """Against stand-ins for Android, LiteRT and MediaPipe, which declare what the app calls."""
    for name, content in TEMPLATE.files(app(file, pixels="unit", variant=HOSTILE[3])).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    sources = [path for part in ("main", runtime) for path in (tmp_path / "app/src" / part).rglob("*.kt")]
    stand_ins = CHECK / "stand_ins"
    # A stand-in ignores its arguments, of which the compiler warns.
    command = [KOTLINC, "-no-reflect", "-d", tmp_path / "app.jar", *sources, *stand_ins.glob("*.kt")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def sizes(width, height):
    """Up and down, to one pixel, one side alone, and so tall that Pillow begins with columns."""
    random = np.random.default_rng(0)
    fixed = [(width, height), (1, 1), (7, 600), (width + 1, height - 1), (width, 80), (90, height)]
    drawn = random.integers(1, [2 * width, 2 * height], (RANDOM_SIZES, 2)).tolist()
    tall = [(width - 1, height // 3), (width - 9, height - 17), (width - 9, height - 19)]
    return [*fixed, *tall, *drawn]


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("bicubic", [False, True])
def test_resizing_is_pillows_to_the_bit(file, tmp_path, compiled, mode, bicubic):
    jar = compiled(app(file), "small")
    filter_ = Image.Resampling.BICUBIC if bicubic else Image.Resampling.BILINEAR
    whole = open_image(photographs()[0])
    whole = whole.resize((whole.width // 3, whole.height // 3)).convert(mode)
    noise = np.random.default_rng(0).integers(0, 256, (137, 53, 3), np.uint8)
    for image in (whole, Image.fromarray(noise).convert(mode)):
        path = given_pixels(tmp_path / "in", image)
        wanted = sizes(*image.size)
        words = [f"{width}x{height}" for width, height in wanted]
        java(jar, "resize", path, tmp_path / "out", len(mode), str(bicubic).lower(), *words)
        found = (tmp_path / "out").read_bytes()
        for size in wanted:
            expected = image.resize(size, filter_).tobytes()
            assert found[: len(expected)] == expected, (image.size, size)
            found = found[len(expected) :]
        assert not found


@pytest.mark.parametrize(
    ("name", "preprocessing", "settings"),
    [
        ("small", SMALL, {}),
        (
            "bytes",
            Preprocessing(31, 57, (0.5, 0.25, 1e-3), (0.5, 0.7, 2.0), "BGR", "bicubic", 18),
            {"io": "int8"},
        ),
        ("gray", Preprocessing(96, 97, (0.1,), (1 / 3,), "GRAY", "bilinear", 161), {"pixels": "unit"}),
    ],
)
def test_what_the_file_takes_is_the_products(file, tmp_path, compiled, name, preprocessing, settings):
    if "io" in settings:
        settings = {**settings, "pixels": "raw"}
    jar = compiled(app(file, preprocessing=preprocessing, **settings), name)
    for path in photographs()[:3]:
        image = open_image(path)
        java(jar, "crop", given_colors(tmp_path / "in", image), tmp_path / "out")
        pixels = np.asarray(preprocessing.cropped(image)).reshape(*preprocessing.shape[1:], -1)
        pixels = pixels[..., ::-1] if preprocessing.color_order == "BGR" else pixels
        found = (tmp_path / "out").read_bytes()
        assert found[: pixels.size] == pixels.tobytes()
        rest = found[pixels.size :]
        if settings.get("io") == "int8":
            assert np.array_equal(np.frombuffer(rest, np.int8), (pixels.astype(int) - 128).reshape(-1))
        elif settings.get("pixels") == "unit":
            assert np.array_equal(np.frombuffer(rest, ">f4"), pixels.reshape(-1) / np.float32(255))
        else:
            expected = preprocessing.array(image).transpose(1, 2, 0).reshape(-1)
            assert np.array_equal(np.frombuffer(rest, ">f4"), expected)


def test_a_hostile_name_comes_out_as_it_is(file, compiled):
    name = "".join(HOSTILE)
    units = np.frombuffer(name.encode("utf-16-le"), np.uint16)
    said = java(compiled(app(file, variant=name), "name"), "name", os.devnull)
    assert said.split() == [str(unit) for unit in units]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    def make(folder):
        ran = run("export", DIGITS, "--format", "tflite", "--output", "files", cwd=folder)
        assert ran.code == 0, ran.errors

    (path,) = (shared(tmp_path_factory, "digits-tflite", make) / "files").glob("*.tflite")
    return path


def test_digits_get_the_products_classes(exported, tmp_path, tmp_path_factory, compiled):
    metadata = read_metadata(exported)
    jar = compiled(App(exported, "tflite", metadata), "digits")
    images = shared(tmp_path_factory, "digit-images", digits.write_images)
    session = find_target("tflite").opening_in("litert-compiled").open(exported)
    (tmp_path / "labels.txt").write_text("\n".join(metadata.labels) + "\n")
    paths = digits.image_paths("test", images)
    for path in paths[:: len(paths) // IMAGES]:
        image = open_image(path)
        java(jar, "crop", given_colors(tmp_path / "in", image), tmp_path / "out")
        size = int(np.prod(metadata.preprocessing.shape))
        taken = np.frombuffer((tmp_path / "out").read_bytes()[size:], ">f4")
        batch = metadata.preprocessing.array(image)[None]
        assert np.array_equal(taken, session.input_array(batch).reshape(-1))
        logits = session.run(batch)[0]
        (tmp_path / "scores").write_bytes(logits.astype(">f4").tobytes())
        lines = java(jar, "rank", tmp_path / "scores", tmp_path / "labels.txt").splitlines()
        order = np.argsort(-logits, kind="stable")[:5]
        assert [line.split("\t")[0] for line in lines] == [metadata.labels[each] for each in order]
        powers = np.exp(logits - logits.max())
        shown = [float(line.split("\t")[1]) for line in lines]
        assert np.allclose(shown, (powers / powers.sum())[order], rtol=1e-5)
