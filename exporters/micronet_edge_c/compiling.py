"""Compiles a C file for this machine."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from micronet_edge.errors import TargetError

_COMPILERS = ("cc", "gcc", "clang")
_SECONDS = 300
_ERROR = re.compile(r"\berror: |undefined reference|cannot find")
KERNELS = Path(__file__).with_name("kernels")


def kernel_headers() -> dict[str, bytes]:
    """The headers that every C file needs beside it, by name."""
    return {path.name: path.read_bytes() for path in sorted(KERNELS.glob("*.h"))}


def find_compiler() -> str:
    """The C compiler of this machine: $CC, or the first of cc, gcc and clang.

    Raises:
        TargetError: if there is none.
    """
    wanted = [os.environ["CC"]] if os.environ.get("CC") else list(_COMPILERS)
    for name in wanted:
        found = shutil.which(name)
        if found is not None:
            return found
    raise TargetError(
        f"C files are proven by running them here, and there is no C compiler ({' or '.join(wanted)}): "
        "install gcc or clang, or set CC"
    )


def compile_library(path: Path, library: Path) -> None:
    """Compiles a C file of ours to a shared library.

    Kernels come from beside the file, or from this package where they are not there.

    Raises:
        TargetError: with the first error of the compiler; all of them are its cause.
    """
    command = [find_compiler(), "-O2", "-std=c99", "-shared", "-fPIC", f"-I{KERNELS}", "-o", str(library)]
    try:
        done = subprocess.run(  # noqa: S603 - the compiler of this machine
            [*command, str(path)],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetError(f"{path} cannot be compiled ({error}): check the compiler {command[0]}") from error
    if done.returncode:
        raise TargetError(
            f"{path} cannot be compiled by {command[0]}: {first_error(done.stderr)}"
        ) from RuntimeError(done.stderr)


def first_error(text: str) -> str:
    """The first error in what a compiler printed, in one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if _ERROR.search(line)), lines[0] if lines else "no message")
