"""Runs bad command lines and damaged files, and writes the outcome as JSON.

    python benchmarks/fuzz --output benchmarks/results/fuzz.json

The same seed gives the same cases. Exits with 1 if a run violates a rule.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# One thread, since a fork loses all others; set before NumPy, PyTorch and ONNX Runtime load.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", ORT_DISABLE_TELEMETRY="1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz.command_lines import command_line_case
from fuzz.damaged_files import damaged_file_case
from fuzz.forked_process import start_by_forking
from fuzz.rules import violations
from fuzz.running import Case, load_everything, run
from micronet_edge.util.output_files import write_text
from micronet_edge.util.terminal import say

_SHOWN = 400


def main() -> None:
    """Runs the command line."""
    asked = _asked()
    if asked.part is not None:
        _run_part(asked)
        return
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        base = asked.base or Path(name, "base")
        if not base.exists():
            base.mkdir()
            _python(str(Path(__file__).with_name("base_files.py")), str(base)).wait()
        parts = [Path(name, f"part{number}") for number in range(asked.processes)]
        for part in parts:
            part.mkdir()
        options = [f"--{key}={getattr(asked, key)}" for key in ("lines", "files", "seed", "processes")]
        ours = [
            _python(
                str(Path(__file__).parent), *options, f"--base={base}", f"--part={number}", f"--output={part}"
            )
            for number, part in enumerate(parts)
        ]
        codes = [each.wait() for each in ours]
        found = [json.loads(line) for part in parts for line in (part / "found").read_text().splitlines()]
    broken = sum(bool(each["violations"]) for each in found)
    summary = _summary(found, asked) | {"seconds": round(time.monotonic() - start)}
    write_text(json.dumps(summary, indent=1) + "\n", asked.output, overwrite=True)
    say(f"{len(found)} runs, {broken} violate a rule: {asked.output}")
    sys.exit(1 if broken or any(codes) else 0)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("--lines", type=int, default=2000, help="command lines")
    parser.add_argument("--files", type=int, default=3000, help="damaged files")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("fuzz.json"))
    parser.add_argument(
        "--base", type=Path, help="folder for the valid base files, or with those of an earlier run"
    )
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def _python(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, *arguments])  # noqa: S603 - ourselves


def _run_part(asked: argparse.Namespace) -> None:
    load_everything()
    start_by_forking()
    assert len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208
    state = _state(asked.base)
    with (asked.output / "found").open("w") as found:
        for case in _cases(asked):
            ran = run(case, asked.output)
            broken = list(violations(case, ran))
            if _state(asked.base) != state:
                broken.append("changes a file that is not one of its outputs")
                state = _state(asked.base)
            outcome = {
                "kind": case.kind,
                "code": ran.code,
                "seconds": round(ran.seconds, 3),
                "peak_mb": ran.peak_bytes >> 20,
                "violations": broken,
            }
            if broken:
                last = ran.errors.strip().splitlines()[-1:] or [""]
                arguments = [word[:_SHOWN].replace(str(asked.base), "BASE") for word in case.arguments]
                outcome |= {"arguments": arguments, "said": last[0][:_SHOWN].replace(str(asked.base), "BASE")}
            found.write(json.dumps(outcome) + "\n")
            found.flush()


def _cases(asked: argparse.Namespace) -> Iterator[Case]:
    makers = [command_line_case] * asked.lines + [damaged_file_case] * asked.files
    for number in range(asked.part, len(makers), asked.processes):
        yield makers[number](asked.base, asked.seed, number)


def _state(base: Path) -> list[tuple[str, int, int]]:
    """Names, sizes and times of all base files, which no run may change."""
    found = []
    for folder, folders, names in os.walk(base):
        for name in folders + names:
            status = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - names that pathlib changes
            found.append((os.path.join(folder, name), status.st_size, status.st_mtime_ns))  # noqa: PTH118
    return sorted(found)


def _summary(found: list[dict[str, object]], asked: argparse.Namespace) -> dict[str, object]:
    outcomes: dict[str, Counter[str]] = {}
    for each in found:
        outcomes.setdefault(str(each["kind"]), Counter())[f"exit {each['code']}"] += 1
    broken = [each for each in found if each["violations"]]
    rules = Counter(rule for each in broken for rule in each["violations"])  # type: ignore[attr-defined]
    return {
        "seed": asked.seed,
        "command_lines": asked.lines,
        "damaged_files": asked.files,
        "slowest_seconds": max((each["seconds"] for each in found), default=0),  # type: ignore[type-var]
        "most_memory_mb": max((each["peak_mb"] for each in found), default=0),  # type: ignore[type-var]
        "outcomes": {kind: dict(sorted(counts.items())) for kind, counts in sorted(outcomes.items())},
        "rules_broken": dict(rules.most_common()),
        "violations": broken,
    }


if __name__ == "__main__":
    main()
