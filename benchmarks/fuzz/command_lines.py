"""Command lines with odd values: options of every command, valid files, wrong files, invalid files."""

from glob import escape
from itertools import pairwise
from pathlib import Path
from random import Random

from fuzz.running import Case

_COUNTS = (
    "0",
    "-1",
    "1",
    "2",
    "32.0",
    "1e3",
    "1_0",
    "x",
    "",
    "2147483648",
    "1" + "0" * 21,
    "9" * 400,
    "nan",
    "0x10",
)
_REALS = ("0", "-0.5", "1e400", "-inf", "nan", "x", "", "1e-400", "0.0001")
_WORDS = (
    *("", " ", "x", "ONNX", "int8", "float32", "int4", "\x1b[31mred", "[red]x[/red]", "\u202ex", "a" * 300),
    *("a" * 5000, "..", "/", "--", "-", "m0", "auto", "off", "dynamic", "caf\u00e9", "\udcff", "a\nb"),
)
_PLACES = tuple(word for word in _WORDS if not word.startswith(("/", "..")))  # a run stays in its folder
_SOUND = (
    *("net.safetensors", "net.pth", "wrapped.pth", "net-float32.onnx", "net-float32.tflite", "net-int8.onnx"),
    *(
        "net-int8.tflite",
        "net-int8.recipe.json",
        "net-int8.recipe.safetensors",
        "tuning.json",
        "results.json",
    ),
    *("labels.txt", "images.npy", "images.npz", "calibration", "data", "pictures", "pictures/picture.png"),
    "net-float32.onnx.manifest.json",
)
_ODD = (
    *("empty", "text.txt", "folder", "pipe", "zero", "proc", "nowhere", "round", "deep.json", "digits.json"),
    *("surrogate.json", "sparse", "bomb.npz", "bomb.pth", "bomb.tflite", "bomb.png", "odd_images"),
    "[red]odd\x1b[31m",
)
_PATHS = (
    *("", " ", "none", "none.onnx", "none.tflite", "none.pth", "none.json", "a" * 300, "a" * 300 + ".onnx"),
    *("a" * 256 + ".pth", "/dev/null", "/dev/zero", "/dev/stdin", "/proc/self/mem", "/proc/self/environ"),
    *("\x1b[31m.onnx", "[/red].tflite", "\udcff.pth", "none/none.onnx", "/", "~", "-x.onnx", "a\nb.json"),
    *("labels.txt/x", "x" + "/x" * 3000),
)
_FILES = "files"

_Options = dict[str, tuple[str, ...] | str]
_EXPORTING: _Options = {
    "--format": (*_WORDS, "onnx", "tflite"),
    "--output": (*_PLACES, "out"),
    "--input-size": (*_COUNTS, "32", "64", "100"),
    "--labels": _FILES,
    "--batch": (*_COUNTS, "dynamic"),
    "--precision": (*_WORDS, "int8-a16"),
    "--calibration": _FILES,
    "--tuning": _FILES,
    "--overwrite": (),
    "--skip-unreadable": (),
    "--json": (),
}
_OPTIONS: dict[str, _Options] = {
    "export": {
        **_EXPORTING,
        "--checkpoint": _FILES,
        "--num-classes": _COUNTS,
        "--naive": (),
        "--portable": (),
    },
    "quantize": {
        **_EXPORTING,
        "--finetune": _FILES,
        "--data": _FILES,
        "--max-drop": _REALS,
        "--recipe": _FILES,
        "--io": _WORDS,
    },
    "verify": {"--checkpoint": _FILES, "--calibration": _FILES, "--kernels": _WORDS, "--json": ()},
    "evaluate": {
        "--data": _FILES,
        "--checkpoint": _FILES,
        "--kernels": _WORDS,
        "--skip-unreadable": (),
        "--json": (),
    },
    "predict": {
        "--top": _COUNTS,
        "--threads": _COUNTS,
        "--labels": _FILES,
        "--mean": _REALS,
        "--scores": _WORDS,
        "--kernels": _WORDS,
        "--show": (*_PLACES, "page.html"),
        "--skip-unreadable": (),
        "--json": (),
    },
    "sensitivity": {
        "--checkpoint": _FILES,
        "--calibration": _FILES,
        "--data": _FILES,
        "--kernels": _WORDS,
        "--html": (*_PLACES, "page.html"),
        "--json": (),
    },
    "count": {"--per-layer": (), "--json": ()},
    "bench": {
        "--against": _FILES,
        "--device": (*_WORDS, "ssh://", "ssh://x:99999", "adb://\x1b", "http://x", "ssh://a b"),
        "--threads": _COUNTS,
        "--warmup": _COUNTS,
        "--runs": _COUNTS,
        "--seconds": _REALS,
        "--processes": _COUNTS,
        "--input": _FILES,
        "--kernels": _WORDS,
        "--output": (*_PLACES, "out.json"),
        "--html": (*_PLACES, "page.html"),
        "--json": (),
    },
    "tune": {
        "--device": (*_WORDS, "ssh://", "adb://\x1b"),
        "--table": _WORDS,
        "--tuning": _FILES,
        "--output": (*_PLACES, "out.json"),
    },
    "estimate": {"--npu": _WORDS, "--system-config": _WORDS, "--memory-mode": _WORDS, "--json": ()},
    "models": {"--json": ()},
}
_NEEDED = {
    "verify": ("--checkpoint",),
    "evaluate": ("--data",),
    "sensitivity": ("--checkpoint", "--calibration"),
    "estimate": ("--npu",),
}
_OUTPUTS = ("out", "out.json", "page.html", "tuning.json", "*-float32.*", "*-int8.*", "*-int8-a16.*")


def command_line_case(base: Path, seed: int, number: int) -> Case:
    """The case of that number, the same for the same seed."""
    random = Random(f"{seed} line {number}")
    command = random.choices(tuple(_OPTIONS), [1 if name == "models" else 10 for name in _OPTIONS])[0]
    options = _OPTIONS[command]
    chosen = [
        *_NEEDED.get(command, ()),
        *random.sample(tuple(options), min(len(options), random.randint(0, 3))),
    ]
    arguments: list[str] = []
    if command != "models" and random.random() < 0.97:  # noqa: PLR2004 - seldom none
        count = random.randint(1, 2) if command in {"bench", "predict"} else 1
        arguments += [_file(base, random) for _ in range(count)]
    for name in dict.fromkeys(chosen):
        values = options[name]
        arguments.append(name)
        if values:
            arguments.append(_file(base, random) if isinstance(values, str) else random.choice(values))
    if command == "bench":
        arguments = ["--runs", "1", "--processes", "1", "--warmup", "0", *arguments]
    if command == "tune":
        arguments += ["--table", "none"]  # refused late, since tuning takes minutes
    if random.random() < 0.1:  # noqa: PLR2004 - one in ten
        arguments.insert(
            random.randrange(len(arguments) + 1), random.choice(("--help", "--no-such", "-h", *_WORDS))
        )
    outputs = (*_OUTPUTS, *(escape(word.split("/")[0]) for word in _written(arguments)))
    return Case(f"{command} line", (command, *arguments), outputs=outputs)


def _written(arguments: list[str]) -> list[str]:
    """The outputs in the command line; it may also write into its working folder."""
    return [
        value for option, value in pairwise(arguments) if option in {"--output", "--html", "--show"} and value
    ]


def _file(base: Path, random: Random) -> str:
    """Usually a file of some kind, else a path that does not exist, or a plain word."""
    kind = random.random()
    if kind < 0.45:  # noqa: PLR2004
        return str(base / random.choice(_SOUND))
    if kind < 0.7:  # noqa: PLR2004
        return str(base / "odd" / random.choice(_ODD))
    if kind < 0.95:  # noqa: PLR2004
        return random.choice(_PATHS)
    return random.choice(_WORDS)
