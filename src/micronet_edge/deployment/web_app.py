"""A page around an ONNX file: onnxruntime-web runs it in the browser, offline."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files as resources

from micronet_edge.deployment.app import App, Fetched
from micronet_edge.deployment.npm import built

_FOLDER = "apps/web"
_CONSTANTS, _PLACE = "model.js", b"export const MODEL = {};\n"
_PACKAGES = ("package.json", "package-lock.json", "vendor.js")
_SCRIPT, _RUNTIME = "build", "runtime"
_INDENT = 2


@dataclass(frozen=True, slots=True)
class WebApp:
    """Writes a static page."""

    formats: tuple[str, ...] = ("onnx",)
    model_folder: str = ""

    def files(self, app: App) -> Mapping[str, bytes]:
        """The page's files without the runtime."""
        folder = resources(__package__).joinpath(_FOLDER)
        page = {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}
        page[_CONSTANTS] = page[_CONSTANTS].replace(_PLACE, _assigned(app))
        return page

    def fetched(self, files: Mapping[str, bytes]) -> Fetched:
        """The runtime, from npm."""
        written, problem = built({name: files[name] for name in _PACKAGES}, _SCRIPT, _RUNTIME)
        if problem is None:
            return Fetched(written)
        return Fetched({}, f"the app has no runtime yet ({problem}): run `npm run {_SCRIPT}` in its folder")


def _assigned(app: App) -> bytes:
    """What the page must know of the file, as an object of JavaScript.

    Every character beyond ASCII is escaped: a label can neither end a line nor a script.
    """
    metadata, preprocessing = app.metadata, app.metadata.preprocessing
    _, height, width = preprocessing.shape
    factor, offset = app.affine
    values = {
        "name": metadata.variant,
        "precision": metadata.precision,
        "file": app.model_name,
        "labels": metadata.labels,
        "scores": metadata.scores,
        "width": width,
        "size": height,
        "resize": preprocessing.resize,
        "interpolation": preprocessing.interpolation,
        "grey": preprocessing.channels == 1,
        "reversed": preprocessing.color_order == "BGR",
        "type": metadata.io,
        "layout": metadata.layout,
        "factor": factor,
        "offset": offset,
    }
    return f"export const MODEL = {json.dumps(values, indent=_INDENT, ensure_ascii=True)};\n".encode()


TEMPLATE = WebApp()
