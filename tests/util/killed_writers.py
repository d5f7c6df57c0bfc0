"""Writers that a test kills, in processes of their own: `python killed_writers.py TASK ...`.

An audit hook sees every step at the file system before it is taken, and ends the process by SIGKILL at the
K-th one.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from micronet_edge.errors import OutputError
from micronet_edge.util.atomic_write import atomic_write
from micronet_edge.util.journal import moving, settle

NAMES = ["a.onnx", "a.onnx.manifest.json", "recipes/of/a.json"]
STEPS = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.scandir", "open", "fcntl.flock"}


def tell(found: dict) -> None:
    sys.stdout.write(json.dumps(found) + "\n")


def write(folder: Path, text: str) -> None:
    with atomic_write(folder, NAMES, overwrite=True) as within:
        put(within, text)


def killed_at(step: int, work: Callable[[], None]) -> bool:
    """Whether the K-th step was reached; the work ended there."""
    child = os.fork()
    if child == 0:
        left = [step]

        def count(event: str, _arguments: tuple) -> None:
            if event in STEPS:
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGKILL
    assert os.WEXITSTATUS(status) == 0
    return False


def kill_each(base: Path, prepare: Callable[[Path], None], work: Callable[[Path], None]) -> int:
    """Runs the work in base/1, base/2, ..., killed at the first, second, ... step; gives their number."""
    step = 1
    while True:
        folder = base / str(step)
        folder.mkdir(parents=True)
        prepare(folder)
        if not killed_at(step, lambda: work(folder)):  # noqa: B023 - called at once
            return step - 1
        step += 1


def put(folder: Path, text: str) -> None:
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def old(folder: Path) -> None:
    put(folder, "old")


def state(folder: Path) -> list[str]:
    return [(folder / name).read_text() if (folder / name).exists() else "" for name in NAMES]


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def kill_writers(base: Path) -> None:
    """Over older files and over none."""
    counts = {}
    for kind, prepare in (("over", old), ("fresh", lambda _folder: None)):
        counts[kind] = kill_each(base / kind, prepare, lambda folder: write(folder, "new"))
    tell(counts)


def kill_settlers(base: Path) -> None:
    """Those who finish what a writer left half moved."""
    kill_writers(base)
    half = next(each for each in (base / "over").iterdir() if len(set(state(each))) > 1)

    def half_moved(folder: Path) -> None:
        shutil.rmtree(folder)
        shutil.copytree(half, folder)

    tell({"settled": kill_each(base / "settled", half_moved, settle)})


def compete(folder: Path, rounds: int) -> None:
    """Two writers at once, and the states that a reader sees between their moves."""
    writers = []
    for own in range(2):
        child = os.fork()
        if child == 0:
            for number in range(rounds):
                insist(folder, f"{own}-{number}")
            os._exit(0)
        writers.append(child)
    seen, mixed = set(), 0
    while writers:
        with moving(folder):
            found = state(folder)
        mixed += len(set(found)) > 1
        seen.update(found)
        writers = [each for each in writers if os.waitpid(each, os.WNOHANG)[0] == 0]
    tell({"mixed": mixed, "seen": len(seen), "left": files(folder)})


def insist(folder: Path, text: str) -> None:
    while True:
        try:
            write(folder, text)
        except OutputError as error:
            if "another run is writing" not in str(error):
                raise
        else:
            return


if __name__ == "__main__":
    task, place, *more = sys.argv[1:]
    globals()[task](Path(place), *map(int, more))
