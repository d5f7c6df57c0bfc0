"""An Android app around a TFLite file: a Gradle project in Kotlin, with LiteRT and with MediaPipe."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from micronet_edge.deployment.app import App
from micronet_edge.deployment.blocks import with_block
from micronet_edge.deployment.kotlin import constant, kotlin_string
from micronet_edge.errors import SettingsError
from micronet_edge.targets.file_ends import FileEnds
from micronet_edge.targets.registry import target_of

_FILES = Path(__file__).parent / "apps" / "android"
_MAIN = "app/src/main"
_MODEL = f"{_MAIN}/kotlin/org/example/classifier/Model.kt"
_MEDIAPIPE = "app/src/mediapipe/"
_GRADLE = "app/build.gradle.kts"
_VERSIONS = "gradle/libs.versions.toml"
_ONE_IMAGE = 1


class AndroidTemplate:
    """The project; MediaPipe's part is left out where MediaPipe cannot run the file."""

    formats = ("tflite",)
    model_folder = f"{_MAIN}/assets"

    def files(self, app: App) -> Mapping[str, bytes]:
        """As `Template` describes it. Raises SettingsError on a file that takes several images at once."""
        ends = target_of(app.model).file_ends(app.model)
        if ends.input_shape[0] != _ONE_IMAGE:
            raise SettingsError(
                f"{app.model} takes {ends.input_shape[0]} images at once, and the app has one: export it "
                "with --batch 1"
            )
        objection = mediapipe_objection(app, ends)
        files = {
            name: _written(name, text, app, ends, objection).encode()
            for name, text in _templates().items()
            if objection is None or not name.startswith(_MEDIAPIPE)
        }
        labels = "".join(f"{label}\n" for label in app.metadata.labels)
        return {**files, f"{self.model_folder}/labels.txt": labels.encode("utf-8", "replace")}


TEMPLATE = AndroidTemplate()


def mediapipe_objection(app: App, ends: FileEnds) -> str | None:
    """Why MediaPipe's ImageClassifier cannot run the file, and what it could run; None if it can.

    It takes colours in float32 with one mean and one deviation, or in uint8, and reads them from TFLite's
    standard metadata.
    """
    metadata, preprocessing = app.metadata, app.metadata.preprocessing
    if preprocessing.color_order != "RGB":
        return f"takes RGB images alone, not {preprocessing.color_order}"
    if metadata.io == "int8":
        return "takes no int8 input: export the file with `--io uint8`"
    several = len(set(zip(preprocessing.mean, preprocessing.std, strict=True))) > 1
    if metadata.io == "float32" and metadata.pixels == "normalized" and several:
        return (
            "takes one mean and one deviation for all colours: export the file with `--pixels unit` or "
            "`--io uint8`"
        )
    if not ends.standard_metadata:
        return "needs TFLite's standard metadata, which this file lacks: export it again"
    return None


def constants(app: App, ends: FileEnds) -> Iterator[str]:
    """The lines of Kotlin that describe the file."""
    metadata, preprocessing = app.metadata, app.metadata.preprocessing
    _, height, width = preprocessing.shape
    yield constant("NAME", kotlin_string(metadata.variant))
    yield constant("RESIZE", str(preprocessing.resize), "height in pixels after resizing")
    yield constant("HEIGHT", str(height))
    yield constant("WIDTH", str(width))
    yield constant("BICUBIC", _boolean(holds=preprocessing.interpolation == "bicubic"), "else bilinear")
    yield constant("COLORS", kotlin_string(preprocessing.color_order), "or BGR, or GRAY")
    yield constant("INPUT", kotlin_string(metadata.io), "or uint8, or int8")
    yield constant(
        "PIXELS",
        kotlin_string(metadata.pixels),
        "or unit (0 to 1), or raw (0 to 255; as int8 the pixel less 128)",
    )
    yield f"val MEAN = doubleArrayOf({', '.join(map(repr, preprocessing.mean))})"
    yield f"val STD = doubleArrayOf({', '.join(map(repr, preprocessing.std))})"
    meaning = "or uint8, or int8: a score is (number - OUTPUT_ZERO_POINT) * OUTPUT_SCALE"
    yield constant("OUTPUT", kotlin_string(ends.output_type), meaning)
    yield constant("OUTPUT_SCALE", f"{ends.output_scale!r}f")
    yield constant("OUTPUT_ZERO_POINT", str(ends.output_zero_point))
    yield constant("LOGITS", _boolean(holds=metadata.scores == "logits"), "else probabilities")


def _boolean(*, holds: bool) -> str:
    return "true" if holds else "false"


def _templates() -> dict[str, str]:
    """The project's files by name, as they stand in this package."""
    found = (path for path in sorted(_FILES.rglob("*")) if path.is_file())
    names = {path.relative_to(_FILES).as_posix(): path.read_text(encoding="utf-8") for path in found}
    return {(f".{name}" if name == "gitignore" else name): text for name, text in names.items()}


def _written(name: str, text: str, app: App, ends: FileEnds, objection: str | None) -> str:
    if name == _MODEL:
        return with_block(text, "generated", "".join(f"    {line}\n" for line in constants(app, ends)))
    if name == "README.md":
        return text.replace("@NAME@", _plain(app.metadata.variant)).replace("@FLAVORS@", _flavors(objection))
    if objection is not None and name == _GRADLE:
        return with_block(with_block(text, "mediapipe flavour", ""), "mediapipe library", "")
    if objection is not None and name == _VERSIONS:
        return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("mediapipe"))
    return text


def _flavors(objection: str | None) -> str:
    if objection is None:
        return (
            "The flavour `litert` runs the file with LiteRT's CompiledModel, `mediapipe` "
            "(`:app:assembleMediapipeDebug`) with\nMediaPipe's ImageClassifier. Both show the same classes: "
            "delete the one that you do not want."
        )
    return f"There is no flavour for MediaPipe, which {objection}."


def _plain(text: str) -> str:
    """A name without what Markdown or a line's end would make of it."""
    return "".join(each if each.isalnum() or each in " .-" else "_" for each in text)
