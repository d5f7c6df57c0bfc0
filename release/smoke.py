"""Tries this checkout with another Python: `make smoke PYTHON=python3.13`.

Installs it into a fresh environment with what apps need and runs files in both runtimes: those that it was
given, or those of a demo, for which it installs PyTorch as well.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from wheels import ROOT, fresh_environment, run, say

CLASSIFY = """
import sys
from micronet_edge import Classifier
for file in sys.argv[2:]:
    found = Classifier(file).classify(sys.argv[1])[0]
    assert found.label == "7", (file, found)
    print(f"  {file}: {found.label} ({found.score:.1%})")
"""
FILES = ("m0-digits-float32.onnx", "m0-digits-float32.tflite")


def main() -> None:
    """Installs, exports where that is asked for, and classifies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=Path, help="folder of an earlier demo: needs no PyTorch")
    given = parser.parse_args()
    print(f"· Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="micronet-edge-smoke-") as name:
        folder = Path(name)
        python = fresh_environment(folder / "environment")
        tool = python.with_name("micronet-edge")
        say("installing what apps need")
        run(python, "-m", "pip", "install", "--quiet", ROOT, "onnxruntime", "ai-edge-litert")
        run(tool, "--version", cwd=folder)
        files = given.files.resolve() if given.files else demo(python, folder)
        digit, paths = files / "digits" / "7" / "0081.png", [files / each for each in FILES]
        run(tool, "predict", paths[0], digit, cwd=folder)
        run(python, "-c", CLASSIFY, digit, *paths, cwd=folder)
        run(tool, "deploy", files / FILES[0], "--to", "python", "--output", "app", cwd=folder)
        run(tool, "doctor", cwd=folder)


def demo(python: Path, folder: Path) -> Path:
    """The files of a demo that this Python ran."""
    say("installing PyTorch")
    run(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", "torch")
    run(python, "-m", "pip", "install", "--quiet", f"{ROOT}[tflite]")
    run(python.with_name("micronet-edge"), "demo", cwd=folder)
    return folder / "demo-output"


if __name__ == "__main__":
    main()
