"""Writes a small, complete app around a classifier's file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path, PurePosixPath

from micronet_edge.data.metadata import FileMetadata, check_classifier
from micronet_edge.deployment.app import App, Fetched, Template
from micronet_edge.deployment.trial import tried
from micronet_edge.errors import OutputError, SettingsError
from micronet_edge.settings import CheckpointSettings
from micronet_edge.targets.described_files import describe_file
from micronet_edge.targets.isolated_targets import given_target
from micronet_edge.util.atomic_write import atomic_write, check_output
from micronet_edge.util.journal import PREFIX
from micronet_edge.util.user_files import NETWORK, read_bytes

KINDS = ("python", "cpp", "web", "android")
"""The kinds of apps; each is a module of this package, KIND_app.py, with its TEMPLATE."""

_FORMATS = {".onnx": "onnx", ".tflite": "tflite"}


@dataclass(frozen=True, slots=True)
class Deployed:
    """An app that was written: its kind, its folder, its files, and notes for the user."""

    kind: str
    output: Path
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()
    assumption: str | None = None

    def summary(self) -> dict[str, object]:
        """As plain values."""
        return {
            "to": self.kind,
            "output": str(self.output),
            "files": list(self.files),
            "notes": list(self.notes),
            "assumption": self.assumption,
        }


def deploy(
    file: Path | str,
    to: str,
    output: Path | str,
    *,
    overwrite: bool = False,
    settings: CheckpointSettings | None = None,
) -> Deployed:
    """Writes an app that classifies images with a file, and needs nothing of ours.

    Args:
        file: a classifier's ONNX or TFLite file.
        to: kind of app: python, cpp, web or android.
        output: folder to write.
        overwrite: whether it may replace files there.
        settings: labels of any file, and preprocessing of another tool's file.

    Raises:
        MicronetEdgeError: the file is no classifier, such an app cannot run it, or the folder cannot be
            written or is in use.
    """
    path, folder = Path(file), Path(output)
    template, format_ = _template(to), _format(path, to)
    reader = given_target(path)
    described = describe_file(path, reader, settings or CheckpointSettings())
    _check(path, described.metadata)
    if format_ not in template.formats:
        raise SettingsError(
            f"{path} is no file for {to} apps: export the network with --format {template.formats[0]}"
        )
    app = App(path, format_, described.metadata)
    model = str(PurePosixPath(template.model_folder, app.model_name))
    names = [*template.files(app), model]
    _check_free(folder, overwrite=overwrite)
    check_output(folder, names, overwrite=overwrite, inputs=[path])
    app = replace(app, metadata=tried(path, reader, described.metadata))
    contents = {**template.files(app), model: read_bytes(path, NETWORK)}
    fetched = template.fetched(contents) if hasattr(template, "fetched") else Fetched({})
    _write({**contents, **fetched.files}, folder, overwrite=overwrite, model=path)
    notes = described.notes if fetched.note is None else (*described.notes, fetched.note)
    return Deployed(to, folder, tuple(sorted({**contents, **fetched.files})), notes, described.assumption)


def _template(kind: str) -> Template:
    if kind not in KINDS:
        raise SettingsError(f"--to {kind}: give {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    template: Template = import_module(f"micronet_edge.deployment.{kind}_app").TEMPLATE
    return template


def _format(path: Path, kind: str) -> str:
    if path.suffix not in _FORMATS:
        raise SettingsError(
            f"{path}: {kind} apps are written around ONNX and TFLite files: give one of those"
        )
    return _FORMATS[path.suffix]


def _check(path: Path, metadata: FileMetadata) -> None:
    check_classifier(metadata, path, "`deploy`")
    if metadata.io != "float32" and metadata.pixels == "normalized":
        raise SettingsError(
            f"{path} takes normalized numbers as {metadata.io}, which apps do not make: export it with --io "
            "uint8, which takes pixels"
        )


def _check_free(folder: Path, *, overwrite: bool) -> None:
    """Raises OutputError on what is no folder, and on one with files in it, unless they may be replaced."""
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise OutputError(f"{place} is a file: give a folder as --output")
    if overwrite or not folder.exists():
        return
    try:
        names = [each.name for each in folder.iterdir()]
    except OSError as error:
        raise OutputError(f"{folder} cannot be read ({error.strerror}): give another --output") from error
    if any(not name.startswith(PREFIX) for name in names):
        raise OutputError(f"{folder} is not empty: give --overwrite, or another --output")


def _write(contents: Mapping[str, bytes], folder: Path, *, overwrite: bool, model: Path) -> None:
    with atomic_write(folder, list(contents), overwrite=overwrite, inputs=[model]) as hidden:
        for name, content in contents.items():
            (hidden / name).parent.mkdir(parents=True, exist_ok=True)
            (hidden / name).write_bytes(content)
