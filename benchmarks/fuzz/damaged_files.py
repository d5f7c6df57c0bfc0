"""Commands on damaged files of every kind; cheap commands if several read the same file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from fuzz.damage import ANY, Damage, damage_archive, damage_json, damage_lines
from fuzz.running import Case

Command = tuple[str, ...]
_SUFFIXES = ("png", "jpg", "bmp", "gif", "tif", "webp", "ppm", "ico")
_MANIFEST = ".manifest.json"
_FILE = "FILE"
_LABEL = "LABEL"  # in names: the first class of the base files
_REFUSED_ANYWAY = ("--batch", "dynamic")  # by TFLite, after all files are read, so no export runs


@dataclass(frozen=True)
class Kind:
    """A kind of file: valid ones, the place of a damaged one, the ways of damage, and commands that read it.

    `weight` is its relative frequency. In a command, the text FILE is the damaged file, and names of base
    files start with @.
    """

    name: str
    weight: int
    sound: tuple[str, ...]
    damages: tuple[Damage, ...]
    commands: tuple[Command, ...]
    place: str = ""
    beside: tuple[str, ...] = ()


_NETWORKS: tuple[Command, ...] = (
    *4 * (("count", _FILE),),
    *4 * (("evaluate", _FILE, "--data", "@data"),),
    *4 * (("evaluate", _FILE, "--data", "@data", "--kernels", "off", "--json"),),
    ("predict", _FILE, "@pictures/picture.png"),
    ("bench", _FILE, "--runs", "1", "--processes", "1", "--warmup", "0"),
)
_ON_CHECKPOINT = ("evaluate", _FILE, "--data", "@data")
_ON_IMAGES = ("evaluate", "@net.safetensors", "--data", "images")
_EXPORT_FILE = ("export", _FILE, *_REFUSED_ANYWAY)
_VERIFY = ("verify", _FILE, "--checkpoint", "@net.safetensors")
_EXPORT = ("export", "@net.safetensors", *_REFUSED_ANYWAY)
# A valid recipe is refused here for its precision, so no quantization runs.
_QUANTIZE = ("quantize", "@net.safetensors", "--precision", "int8-a16")
_SENSITIVITY = (
    "sensitivity",
    "net-int8.onnx",
    "--checkpoint",
    "@net.safetensors",
    "--calibration",
    "nowhere",
)
_ON_ARRAYS = (*_QUANTIZE, "--recipe", "@net-int8.recipe.json", "--calibration", _FILE)
_ACCEPTED = ("a TFLite file has a fixed batch", "the recipe is for int8", "nowhere")

KINDS = (
    Kind("onnx", 20, ("net-float32.onnx",), ANY, (*_NETWORKS, *2 * (_VERIFY,))),
    Kind("tflite", 20, ("net-float32.tflite",), ANY, (*_NETWORKS, *2 * (_VERIFY,))),
    Kind("int8 onnx", 20, ("net-int8.onnx",), ANY, _NETWORKS),
    Kind("int8 tflite", 20, ("net-int8.tflite",), ANY, _NETWORKS),
    Kind("npu", 1, ("net-int8.tflite",), ANY, (("estimate", _FILE, "--npu", "ethos-u55-128"),)),
    Kind("safetensors", 25, ("net.safetensors",), ANY, (("count", _FILE), (*_ON_CHECKPOINT, "--json"))),
    Kind("pth", 40, ("net.pth", "wrapped.pth", "old.pth"), ANY, (("count", _FILE), _EXPORT_FILE)),
    Kind("pth archive", 15, ("net.pth", "wrapped.pth"), (damage_archive,), (("count", _FILE),)),
    Kind("labels", 15, ("labels.txt",), (*ANY, *2 * (damage_lines,)), ((*_EXPORT, "--labels", _FILE),)),
    Kind("tuning", 25, ("tuning.json",), (*ANY, *6 * (damage_json,)), ((*_EXPORT, "--tuning", _FILE),)),
    Kind(
        name="results",
        weight=30,
        sound=("results.json",),
        damages=(*ANY, *6 * (damage_json,)),
        commands=(
            ("bench", _FILE),
            ("bench", _FILE, "--json"),
            ("bench", _FILE, "@results.json", "--html", "page.html"),
        ),
    ),
    Kind(
        name="recipe",
        weight=20,
        sound=("net-int8.recipe.json",),
        damages=(*ANY, *6 * (damage_json,)),
        commands=(*5 * ((*_QUANTIZE, "--calibration", "@calibration", "--recipe", _FILE),), _SENSITIVITY),
        beside=("net-int8.onnx", "net-int8.recipe.safetensors"),
    ),
    Kind(
        name="recipe weights",
        weight=6,
        sound=("net-int8.recipe.safetensors",),
        damages=ANY,
        commands=(
            (*_QUANTIZE, "--calibration", "@calibration", "--recipe", "net-int8.recipe.json"),
            _SENSITIVITY,
        ),
        beside=("net-int8.onnx", "net-int8.recipe.json"),
    ),
    Kind(
        name="manifest",
        weight=12,
        sound=("net-float32.onnx.manifest.json",),
        damages=(*ANY, *4 * (damage_json,)),
        commands=(("count", "net-float32.onnx"), ("evaluate", "net-float32.onnx", "--data", "@data")),
        beside=("net-float32.onnx",),
    ),
    Kind(
        name="image",
        weight=30,
        sound=tuple(f"pictures/picture.{suffix}" for suffix in _SUFFIXES),
        damages=ANY,
        commands=(_ON_IMAGES, (*_ON_IMAGES, "--skip-unreadable")),
        place=f"images/{_LABEL}",
        beside=(f"data/{_LABEL}/1.png",),
    ),
    Kind("array", 15, ("images.npy", "images.npz"), ANY, (_ON_ARRAYS,)),
    Kind("array archive", 6, ("images.npz",), (damage_archive,), (_ON_ARRAYS,)),
)


def damaged_file_case(base: Path, seed: int, number: int) -> Case:
    """The case of that number, always the same one of a seed."""
    random = Random(f"{seed} file {number}")
    kind = random.choices(KINDS, [kind.weight for kind in KINDS])[0]
    sound = random.choice(kind.sound)
    content = _damaged(kind, (base / sound).read_bytes(), random)
    label = min(folder.name for folder in (base / "data").iterdir())
    own = Path(kind.place.replace(_LABEL, label), Path(sound).name).as_posix()
    beside = {
        name.replace("data/", "images/"): name
        for name in (each.replace(_LABEL, label) for each in kind.beside)
    }
    files = {own: content} | {name: (base / source).read_bytes() for name, source in beside.items()}
    command = random.choice(kind.commands)
    manifest = base / f"{sound}{_MANIFEST}"
    proven = manifest.exists() and random.random() < 0.25  # noqa: PLR2004 - usually without a manifest
    if proven:
        files[f"{own}{_MANIFEST}"] = manifest.read_bytes()
    return Case(
        kind.name,
        tuple(_argument(word, own, base) for word in command),
        files,
        names=(Path(own).name, *_named_with(kind)),
        outputs=("page.html",),
        proven=proven and content != (base / sound).read_bytes(),
    )


def _damaged(kind: Kind, content: bytes, random: Random) -> bytes:
    damaged = content
    while damaged == content:
        damage: Callable[[bytes, Random], bytes] = random.choice(kind.damages)
        damaged = damage(content, random)
    return damaged


def _named_with(kind: Kind) -> Sequence[str]:
    """What a refusal may name instead: the other file of a pair, or the reason for a valid file."""
    return (*(Path(name).name for name in kind.beside), *_ACCEPTED)


def _argument(word: str, own: str, base: Path) -> str:
    if word == _FILE:
        return own
    return str(base / word[1:]) if word.startswith("@") else word
