"""The Android project: well-formed files, the product's own numbers, and names that nobody obeys."""

import re
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.deployment.android_app import TEMPLATE
from micronet_edge.deployment.app import App
from micronet_edge.deployment.kotlin import kotlin_string
from micronet_edge.errors import MicronetEdgeError
from micronet_edge.targets.file_ends import FileEnds
from micronet_edge.targets.registry import target_of

KOTLIN = "app/src/main/kotlin/org/example/classifier"
ANDROID = "{http://schemas.android.com/apk/res/android}"
PACKAGE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
SMALL = Preprocessing(size=64, resize=73)
HOSTILE = (
    "<script>alert(1)</script>",
    'it\'s "quoted" \\ back`tick` ${1 + 1} $x %s ??/',
    "\\n \\u0041 \0 \x1b[31m \r",
    "猫 \u2028 \u2029 \u202e é 🙂",
)


def write_file(path, *, batch=1, output="FLOAT32", scale=None, names=()):
    """A file with one input and one output, as far as the app asks for them."""
    model, graph, given, made = schema.ModelT(), schema.SubGraphT(), schema.TensorT(), schema.TensorT()
    given.shape, made.shape = [batch, 64, 64, 3], [batch, len(HOSTILE)]
    made.type = getattr(schema.TensorType, output)
    if scale is not None:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = [scale], [-7]
    graph.tensors, graph.inputs, graph.outputs = [given, made], [0], [1]
    model.subgraphs, model.buffers = [graph], [schema.BufferT()]
    model.metadata = []
    for name in names:
        model.metadata.append(schema.MetadataT())
        model.metadata[-1].name = name
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())
    return path


def app(path, *, preprocessing=SMALL, labels=HOSTILE, variant="m0", **settings):
    return App(path, "tflite", FileMetadata(variant, labels, preprocessing, **settings))


@pytest.fixture
def file(tmp_path):
    return write_file(tmp_path / "model.tflite", names=["TFLITE_METADATA"])


def texts(given):
    return {name: content.decode() for name, content in TEMPLATE.files(given).items()}


def constants(given):
    """The generated constants, as Kotlin would read them."""
    block = texts(given)[f"{KOTLIN}/Model.kt"].partition("<generated>")[2].partition("// </generated>")[0]
    lines = re.findall(r"(?m)^    (?:const )?val (\w+) = (.*?)(?: // .*)?$", block)
    assert len(lines) == len([line for line in block.splitlines() if line.strip()])
    return dict(lines)


def numbers(kotlin):
    return tuple(float(each) for each in kotlin.removeprefix("doubleArrayOf(").removesuffix(")").split(", "))


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(size=64, resize=73),
        Preprocessing(96, 96, (0.1,), (1 / 3,), "GRAY", "bicubic", 160),
        Preprocessing(31, 57, (0.5, 0.25, 1e-3), (0.5, 0.7, 2.0), "BGR", "bilinear", 17),
    ],
)
def test_the_constants_are_the_products(file, preprocessing):
    found = constants(app(file, preprocessing=preprocessing, scores="softmax"))
    _, height, width = preprocessing.shape
    assert (int(found["HEIGHT"]), int(found["WIDTH"]), int(found["RESIZE"])) == (
        height,
        width,
        preprocessing.resize,
    )
    assert numbers(found["MEAN"]) == preprocessing.mean
    assert numbers(found["STD"]) == preprocessing.std
    assert found["COLORS"] == f'"{preprocessing.color_order}"'
    assert found["BICUBIC"] == str(preprocessing.interpolation == "bicubic").lower()
    assert found["LOGITS"] == "false"


@pytest.mark.parametrize(
    ("io", "pixels"), [("float32", "normalized"), ("float32", "unit"), ("int8", "raw"), ("uint8", "raw")]
)
def test_the_constants_say_what_the_file_takes(file, io, pixels):
    found = constants(app(file, io=io, pixels=pixels))
    assert (found["INPUT"], found["PIXELS"], found["LOGITS"]) == (f'"{io}"', f'"{pixels}"', "true")


def test_the_constants_say_what_an_integer_file_gives(tmp_path):
    found = constants(app(write_file(tmp_path / "x.tflite", output="INT8", scale=0.0625), io="int8"))
    assert (found["OUTPUT"], found["OUTPUT_SCALE"], found["OUTPUT_ZERO_POINT"]) == ('"int8"', "0.0625f", "-7")


def test_xml_and_toml_are_well_formed(file):
    found = texts(app(file))
    documents = {name: ET.fromstring(text) for name, text in found.items() if name.endswith(".xml")}  # noqa: S314 - ours
    manifest = documents["app/src/main/AndroidManifest.xml"]
    strings = {each.get("name") for each in documents["app/src/main/res/values/strings.xml"]}
    assert manifest.find("application").get(f"{ANDROID}label") == "@string/app_name"
    theme = manifest.find("application").get(f"{ANDROID}theme").removeprefix("@style/")
    for folder in ("values", "values-v29"):
        assert documents[f"app/src/main/res/{folder}/themes.xml"].find("style").get("name") == theme
    activity = manifest.find("application/activity").get(f"{ANDROID}name").removeprefix(".")
    assert f"class {activity} : Activity" in found[f"{KOTLIN}/{activity}.kt"]
    assert strings == {"app_name", *re.findall(r"R\.string\.(\w+)", found[f"{KOTLIN}/{activity}.kt"])}
    versions = tomllib.loads(found["gradle/libs.versions.toml"])
    for entry in (*versions["libraries"].values(), *versions["plugins"].values()):
        assert entry["version"]["ref"] in versions["versions"]


def test_versions_stand_in_one_place_and_names_exist(file):
    found = texts(app(file, pixels="unit"))
    catalog = tomllib.loads(found["gradle/libs.versions.toml"])
    aliases = {f"libs.{name.replace('-', '.')}" for name in catalog["libraries"]}
    aliases |= {f"libs.plugins.{name.replace('-', '.')}" for name in catalog["plugins"]}
    aliases |= {f"libs.versions.{name}.get" for name in catalog["versions"]}
    for name in ("app/build.gradle.kts", "build.gradle.kts", "settings.gradle.kts"):
        assert set(re.findall(r"libs\.[\w.]+\w", found[name])) <= aliases, name
        assert found[name].count("{") == found[name].count("}")
        assert not re.search(r'"[\w.]+:[\w.-]+:\d', found[name]), name


def test_package_names_are_valid_and_those_of_the_folders(file):
    found = texts(app(file, pixels="unit"))
    (namespace,) = re.findall(r'namespace = "(.+)"', found["app/build.gradle.kts"])
    assert PACKAGE.fullmatch(namespace)
    sources = [name for name in found if name.endswith(".kt")]
    assert len(sources) == 8
    for name in sources:
        assert found[name].startswith(f"package {namespace}\n")
        assert Path(name).parent.as_posix().endswith(namespace.replace(".", "/"))
        assert found[name].count("{") == found[name].count("}")


def test_labels_are_data_and_names_are_escaped(file):
    found = TEMPLATE.files(app(file, variant=HOSTILE[1]))
    lines = found["app/src/main/assets/labels.txt"].decode().removesuffix("\n").split("\n")
    assert tuple(lines) == HOSTILE
    model = found[f"{KOTLIN}/Model.kt"].decode("ascii")
    assert r"""NAME = "it's \"quoted\" \\ back`tick` \${1 + 1} \$x %s ??/" """.rstrip() in model
    title = found["README.md"].decode().splitlines()[0]
    assert not set("<>`$\\\"'{}") & set(title)


@pytest.mark.parametrize("text", HOSTILE)
def test_kotlin_reads_the_same_text(text):
    literal = kotlin_string(text)
    assert literal.isascii()
    assert literal.isprintable()
    inner = re.sub(r"\\(u[0-9a-f]{4}|.)", lambda found: unescaped(found[1]), literal[1:-1])
    assert inner.encode("utf-16", "surrogatepass").decode("utf-16") == text


def unescaped(code):
    return chr(int(code[1:], 16)) if len(code) > 1 else code


@pytest.mark.parametrize(
    ("settings", "names", "words"),
    [
        ({"io": "uint8", "pixels": "raw"}, ["TFLITE_METADATA"], None),
        ({"pixels": "unit"}, ["TFLITE_METADATA"], None),
        ({"preprocessing": Preprocessing(64, 64, (0.5,) * 3, (0.5,) * 3)}, ["TFLITE_METADATA"], None),
        ({}, ["TFLITE_METADATA"], "takes one mean and one deviation for all colours: export the file"),
        ({"io": "int8", "pixels": "raw"}, ["TFLITE_METADATA"], "takes no int8 input: export"),
        ({"pixels": "unit"}, [], "needs TFLite's standard metadata, which this file lacks"),
        (
            {"preprocessing": Preprocessing(64, 64, color_order="BGR")},
            ["TFLITE_METADATA"],
            "takes RGB images",
        ),
    ],
)
def test_mediapipe_is_left_out_where_it_cannot_run_the_file(tmp_path, settings, names, words):
    found = texts(app(write_file(tmp_path / "x.tflite", names=names), **settings))
    readme = " ".join(found["README.md"].split())
    gradle, versions = found["app/build.gradle.kts"], found["gradle/libs.versions.toml"]
    assert (words is None) == ("app/src/mediapipe/kotlin/org/example/classifier/Classifier.kt" in found)
    assert (words is None) == ('create("mediapipe")' in gradle) == ("mediapipeImplementation" in gradle)
    assert (words is None) == ("mediapipe" in tomllib.loads(versions)["versions"])
    assert ("There is no flavour for MediaPipe, which " + words if words else "assembleMediapipe") in readme
    assert gradle.count("{") == gradle.count("}")


def test_several_images_at_once_and_damaged_files_are_refused(tmp_path, refusal):
    several = write_file(tmp_path / "several.tflite", batch=3)
    assert "3 images at once" in refusal(MicronetEdgeError, TEMPLATE.files, app(several))
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"\x00\x00\x00\x00TFL3" + bytes(range(200)))
    assert "cannot be read" in refusal(MicronetEdgeError, TEMPLATE.files, app(damaged))


def test_what_a_file_says_of_its_ends(tmp_path):
    path = write_file(tmp_path / "x.tflite", output="UINT8", scale=0.5, names=["other", "TFLITE_METADATA"])
    assert target_of(path).file_ends(path) == FileEnds(
        (1, 64, 64, 3), "uint8", 0.5, -7, standard_metadata=True
    )
