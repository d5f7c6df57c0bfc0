"""Builds the source distribution and all wheels from it, and checks them: `make wheels`.

Wheels are for x86-64 and 64-bit ARM on Linux, with compiled kernels, and one without for all else. Each is
built from the source distribution alone, so that one is complete. Those that run here are installed into a
fresh environment, where commands run in an empty folder. It needs g++, Debian's g++-aarch64-linux-gnu and
objdump.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from contents import check_contents
from symbols import check_symbols

ROOT = Path(__file__).resolve().parents[1]
KINDS = {"x86_64": "manylinux_2_28_x86_64", "aarch64": "manylinux_2_28_aarch64", "none": "any"}
"""What MICRONET_EDGE_WHEEL says, and the end of the wheel's name."""

WITHOUT_PYTORCH = (("--version",), ("doctor",), ("--help",), ("deploy", "--help"))


def main() -> None:
    """Builds into a folder, checks everything in it and says what it found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS), metavar="KIND")
    parser.add_argument(
        "--demo", action="store_true", help="run the whole demo too: installs PyTorch, 1.1 GB"
    )
    given = parser.parse_args()
    output = given.output.resolve()
    shutil.rmtree(output, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="micronet-edge-wheels-") as folder:
        source = build_source(output, Path(folder, "tools"))
        wheels = {kind: build_wheel(kind, source, output) for kind in given.kinds}
        for kind, wheel in wheels.items():
            print(f"· {wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB")
            check_contents(wheel, with_kernels=kind != "none")
            if kind != "none":
                check_libraries(wheel, Path(folder, kind))
            if kind in {platform.machine(), "none"}:
                check_installed(wheel, Path(folder, f"fresh-{kind}"), demo=given.demo)


def build_source(output: Path, tools: Path) -> Path:
    """The source distribution, made by `build` in an environment of its own."""
    say("building the source distribution")
    python = fresh_environment(tools)
    run(python, "-m", "pip", "install", "--quiet", "build")
    run(python, "-m", "build", "--sdist", "--outdir", output, ROOT, quiet=True)
    (source,) = output.glob("*.tar.gz")
    print(f"· {source.name}: {source.stat().st_size / 1e6:.2f} MB")
    return source


def build_wheel(kind: str, source: Path, output: Path) -> Path:
    """A wheel of that kind, from the source distribution."""
    say(f"building the wheel for {KINDS[kind]}")
    command = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", output, source)
    run(*command, MICRONET_EDGE_WHEEL=kind)
    (wheel,) = output.glob(f"*-{KINDS[kind]}.whl")
    return wheel


def check_libraries(wheel: Path, folder: Path) -> None:
    """Says what the libraries of a wheel link, and fails where that is more than its name promises."""
    with zipfile.ZipFile(wheel) as archive:
        for name in (each for each in archive.namelist() if each.endswith(".so")):
            print(f"  {Path(name).name}: {check_symbols(Path(archive.extract(name, folder)))}")


def check_installed(wheel: Path, folder: Path, *, demo: bool) -> None:
    """Installs a wheel as a user does and runs commands in an empty folder."""
    say(f"installing {wheel.name} into a fresh environment")
    python = fresh_environment(folder)
    run(python, "-m", "pip", "install", "--quiet", wheel)
    tool, empty = python.with_name("micronet-edge"), folder / "empty"
    empty.mkdir()
    for arguments in WITHOUT_PYTORCH:
        run(tool, *arguments, cwd=empty, quiet=True)
    if not demo:
        return
    constraints = ROOT / "constraints.txt"
    # torch comes first and alone, exactly as pinned: any other build pulls gigabytes of CUDA packages.
    run(python, "-m", "pip", "install", "--quiet", "--constraint", constraints, "torch")
    run(python, "-m", "pip", "install", "--quiet", "--constraint", constraints, f"{wheel}[tflite]")
    say("running the demo in an empty folder")
    run(tool, "demo", cwd=empty)


def fresh_environment(folder: Path) -> Path:
    """The Python of a new virtual environment."""
    run(sys.executable, "-m", "venv", folder)
    return folder / "bin" / "python"


def run(*command: object, cwd: Path | None = None, quiet: bool = False, **more: str) -> None:
    """Runs a program without this shell's PYTHONPATH; ends with its last lines if it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more
    ran = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
    )
    if ran.returncode:
        sys.exit(
            f"error: {' '.join(map(str, command))} ended with {ran.returncode}\n{(ran.stdout or '')[-2000:]}"
        )


def say(step: str) -> None:
    """Says what begins."""
    print(f"· {step}", flush=True)


if __name__ == "__main__":
    main()
