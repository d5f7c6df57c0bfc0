"""A short part of what benchmarks/fuzz runs: every run ends as the rules say."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli.command import DIGITS, shared_digits, shared_quantized

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from fuzz.base_files import write_beside, write_images, write_odd_files  # noqa: E402
from fuzz.command_lines import command_line_case  # noqa: E402
from fuzz.damaged_files import KINDS, damaged_file_case  # noqa: E402
from fuzz.rules import violations  # noqa: E402
from fuzz.running import Case, Ran  # noqa: E402

LINES, FILES = 50, 70


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """What the fuzzer damages, of the digits network that other tests have exported."""
    folder = tmp_path_factory.mktemp("base")
    shutil.copy(DIGITS, folder / "net.safetensors")
    for made in (shared_digits(tmp_path_factory), shared_quantized(tmp_path_factory)):
        for path in (made / "files").iterdir():
            shutil.copy(path, folder / path.name.replace("m0-digits", "net"))
    write_images(folder)
    write_beside(folder)
    write_odd_files(folder)
    return folder


def test_no_run_breaks_a_rule(base, tmp_path):
    output = tmp_path / "fuzz.json"
    options = (
        f"--base={base}",
        f"--lines={LINES}",
        f"--files={FILES}",
        "--processes=1",
        f"--output={output}",
    )
    ran = subprocess.run(
        [sys.executable, BENCHMARKS / "fuzz", *options], capture_output=True, text=True, check=False
    )
    found = json.loads(output.read_text())
    assert found["violations"] == []
    assert ran.returncode == 0, ran.stderr
    assert sum(sum(counts.values()) for counts in found["outcomes"].values()) == LINES + FILES


def test_the_same_seed_gives_the_same_cases(base):
    for make in (command_line_case, damaged_file_case):
        assert [make(base, 1, number) for number in range(30)] == [
            make(base, 1, number) for number in range(30)
        ]
        assert make(base, 1, 0) != make(base, 2, 0)


def test_damaged_files_are_of_every_kind(base):
    cases = [damaged_file_case(base, 1, number) for number in range(1000)]
    assert {case.kind for case in cases} == {kind.name for kind in KINDS}
    assert any(case.proven for case in cases)


CASE = Case("onnx", ("count", "m.onnx"), names=("m.onnx",), outputs=("out",))
SOUND = Ran(1, "", "error: m.onnx is damaged: copy it again\n", 0.1, 1 << 20, (), late=False)


def changed(**values):
    return list(
        violations(CASE, Ran(**{name: getattr(SOUND, name) for name in SOUND.__annotations__} | values))
    )


def test_a_sound_refusal_breaks_no_rule():
    assert changed() == []
    assert changed(code=0, errors="note: m.onnx\n", left=("out/m.onnx",)) == []


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ({"code": -11, "errors": ""}, "ended by signal 11"),
        ({"code": 3, "errors": ""}, "exit code 3"),
        ({"late": True}, "takes too long"),
        ({"errors": ""}, "0 error lines"),
        ({"errors": 2 * SOUND.errors}, "2 error lines"),
        ({"code": 0}, "an error line with exit code 0"),
        ({"errors": "Traceback (most recent call last)\n" + SOUND.errors}, "traceback"),
        ({"errors": "error: m.onnx: give it up, and report it\n"}, "asks to report a bad input"),
        ({"errors": "error: a file is damaged: copy it again\n"}, "does not name the file"),
        ({"errors": "error: m.onnx is damaged\n"}, "names no next step"),
        ({"output": "\x1b[31m"}, "raw control characters"),
        ({"peak_bytes": 4 << 30}, "takes too much memory"),
        ({"left": ("out/m.onnx",)}, "leaves 'out/m.onnx'"),
        ({"code": 0, "errors": "", "left": ("more",)}, "leaves 'more'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_rule(values, broken):
    assert changed(**values) == [broken]
