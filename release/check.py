"""Checks what a release must be, before it is made: `make release-check` runs this, then tests and wheels.

Costs nothing: the tree is clean, the version stands in one place with its entry in the changelog, and NOTICE
names every work of others that is shipped.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOT_CODE = (
    ".jpg",
    ".jpeg",
    ".png",
    ".gif",
    ".webp",
    ".safetensors",
    ".onnx",
    ".tflite",
    ".npz",
    ".ttf",
    ".woff2",
)
"""Files that somebody made or trained, of which NOTICE must say who and under what licence."""
OWN = ("benchmarks/results/", "docs/", "tests/")
"""Pictures and data that our own scripts wrote."""


def main() -> None:
    """Says all that is wrong, a line each; exits with 1 if there is anything."""
    problems = list(found())
    for problem in problems:
        print(f"error: {problem}")
    if problems:
        sys.exit(1)
    print(f"· {version()} is ready for tests, wheels and docs")


def found() -> Iterator[str]:
    """Every problem."""
    if changed := git("status", "--porcelain"):
        yield f"the tree is not clean ({len(changed)} changes): commit them"
    yield from changelog_problems((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version())
    yield from notice_problems((ROOT / "NOTICE").read_text(encoding="utf-8"), git("ls-files"))
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    if cited is None or cited[1] != version():
        yield f"CITATION.cff does not name version {version()}: put it there"


def changelog_problems(text: str, released: str) -> Iterator[str]:
    """The first section must be the release; what is unreleased would be missing from it."""
    titles = re.findall(r"^## (\S+)", text, re.MULTILINE)
    if titles[:1] != [released]:
        first = titles[0] if titles else "nothing"
        yield f"CHANGELOG.md begins with {first}, not {released}: give the release its section"


def notice_problems(notice: str, files: list[str]) -> Iterator[str]:
    """Every shipped file that is no code must be named in NOTICE, by its name or its folder's pattern."""
    for name in files:
        path = Path(name)
        if path.suffix not in NOT_CODE or name.startswith(OWN):
            continue
        if path.name not in notice and f"{path.parent}/*{path.suffix}" not in notice:
            yield f"NOTICE does not say whose {name} is: name its author and licence"


def version() -> str:
    """The version, from the one place that states it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def git(*arguments: str) -> list[str]:
    """The lines that git prints."""
    ran = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return ran.stdout.splitlines()


if __name__ == "__main__":
    main()
