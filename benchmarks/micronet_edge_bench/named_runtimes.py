"""Which of the named runtimes each file is measured in."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from micronet_edge.errors import SettingsError
from micronet_edge_bench.inputs import PreparedFile
from micronet_edge_bench.runner.runtimes import runtimes


def check_runtimes(paths: Sequence[Path], named: Sequence[str]) -> None:
    """Raises SettingsError on a runtime that is unknown, given twice or of no use, and on a file for none."""
    known = runtimes()
    if unknown := [name for name in named if name not in known]:
        raise SettingsError(f"there is no runtime {unknown[0]}: choose from {', '.join(known)}")
    if repeated := [name for name in named if named.count(name) > 1]:
        raise SettingsError(f"runtime {repeated[0]} is given twice: give it once")
    for name in named:
        if not any(_takes(name, path) for path in paths):
            suffixes = " or ".join(known[name].SUFFIXES)
            raise SettingsError(f"no file can run in {name}: give one that ends in {suffixes}")
    for path in paths if named else ():
        if not any(_takes(name, path) for name in named):
            others = [name for name in known if _takes(name, path)]
            hint = f"give --runtime {others[0]} as well" if others else "leave it out"
            raise SettingsError(f"{path} can run in none of {', '.join(named)}: {hint}")


def in_runtimes(files: Sequence[PreparedFile], named: Sequence[str]) -> list[PreparedFile]:
    """Each file once for each of the named runtimes that take it, beside each other.

    A file that runs in several has the runtime in its name.
    """
    if not named:
        return list(files)
    return [
        each for file in files for each in _copies(file, [one for one in named if _takes(one, file.path)])
    ]


def _copies(file: PreparedFile, taking: Sequence[str]) -> list[PreparedFile]:
    if len(taking) == 1:
        return [replace(file, runtime=taking[0])]
    return [replace(file, name=f"{file.name} in {name}", runtime=name) for name in taking]


def _takes(name: str, path: Path) -> bool:
    return path.suffix.lower() in runtimes()[name].SUFFIXES
