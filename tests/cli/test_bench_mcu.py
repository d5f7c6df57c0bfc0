"""`micronet-edge bench` on microcontrollers: every figure says that it is no count of cycles."""

import json
import shutil
import time
from pathlib import Path

import pytest
from cli.command import children_of, names, start

from micronet_edge_bench.mcu import NOT_CYCLES
from micronet_edge_bench.mcu.results import McuResults, Measured, read_mcu_results, write_mcu_results

NETWORK = Path(__file__).parents[1] / "benchmarks" / "mcu" / "network"
PATIENCE_S = 60
WASTE = "for (volatile int i = 0; i < 1000; i++);"
M4 = ("--device", "mcu://cortex-m4")


@pytest.fixture(autouse=True)
def files(folder):
    """Two networks in the folder: tiny.c, and slow.c, which also wastes time."""
    shutil.copytree(NETWORK, folder, dirs_exist_ok=True)
    for suffix in (".c", ".h"):
        text = (folder / f"tiny{suffix}").read_text().replace("tiny", "slow").replace("TINY", "SLOW")
        (folder / f"slow{suffix}").write_text(text.replace("MICRONET_STEP(1)", "MICRONET_STEP(1)" + WASTE))


@pytest.fixture
def emulated():
    if missing := [tool for tool in ("arm-none-eabi-gcc", "qemu-system-arm") if shutil.which(tool) is None]:
        pytest.skip(f"needs {' and '.join(missing)}")


@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize("columns", [80, 120])
def test_a_table_for_each_board(tool_here, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    ran = tool_here("bench", "slow.c", "tiny.c", *M4, "--device", "mcu://cortex-m55")
    assert ran.code == 0, ran.errors
    lines = [line.strip() for line in ran.output.splitlines()]
    assert max(map(len, ran.output.splitlines())) <= columns
    assert [line for line in lines if line.startswith("mcu://")] == [
        f"mcu://cortex-m4: {NOT_CYCLES}",
        f"mcu://cortex-m55: {NOT_CYCLES}",
    ]
    assert lines[3].split() == ["file", "M", "kB", "kB", "kB", "kB", "kB", "ratio"]
    slow, tiny = (line.split() for line in lines[5:7])
    assert (slow[0], slow[-1], tiny[0]) == ("slow.c", "baseline", "tiny.c")
    assert 1.2 < float(tiny[-1]) < 3
    assert float(tiny[-1]) == pytest.approx(float(slow[1]) / float(tiny[1]), rel=0.1)
    assert "ratio: instructions of slow.c divided by the file's" in lines
    assert any("arm-none-eabi-gcc" in line and "qemu-system-arm" in line for line in lines)


@pytest.mark.usefixtures("emulated")
def test_a_profile_names_kinds_and_steps(tool_here):
    ran = tool_here("bench", "tiny.c", *M4, "--profile")
    assert ran.code == 0, ran.errors
    assert max(map(len, ran.output.splitlines())) <= 80
    assert f"3 steps, {NOT_CYCLES}" in ran.output
    kinds, _, steps = ran.output.partition("kind of layer")[2].partition("most expensive steps")
    assert "pointwise" in kinds
    assert "classifier/linear" in steps
    assert "ratio" not in ran.output


@pytest.mark.usefixtures("emulated")
def test_json_is_all_there_is_on_stdout(tool_here):
    ran = tool_here("bench", "tiny.c", "--against", "slow.c", *M4, "--json")
    assert (ran.code, ran.errors) == (0, "")
    found = json.loads(ran.output)
    slow, tiny = found["measured"]
    assert (found["baseline"], slow["file"], tiny["file"]) == ("slow.c", "slow.c", "tiny.c")
    assert {slow["kind"], tiny["kind"]} == {NOT_CYCLES}
    assert slow["ratio"] is None
    assert tiny["ratio"] == slow["count"] / tiny["count"]
    assert tiny["flash"]["weights_bytes"] == 184


@pytest.mark.usefixtures("emulated")
def test_results_are_kept_and_shown_again(tool_here, folder):
    ran = tool_here("bench", "slow.c", "tiny.c", *M4, "--output", "r.json")
    assert ran.code == 0, ran.errors
    assert ran.output.splitlines()[-1] == "results: r.json"
    assert [each.file for each in read_mcu_results(folder / "r.json").measured] == ["slow.c", "tiny.c"]
    shown = tool_here("bench", "r.json")
    assert shown.output == ran.output.removesuffix("results: r.json\n")


def test_a_copy_of_results_is_no_measurement(tool_here):
    ran = tool_here("bench", "old.json", "--output", "new.json")
    assert ran.code == 2
    assert "nothing to measure" in ran.errors


def test_a_real_board_is_shown_in_cycles_and_milliseconds(tool_here, folder):
    measured = Measured(
        file="m1.c",
        sha256="",
        device="serial:/dev/ttyACM0",
        unit="cycles",
        counts=(8_400_000, 8_400_200, 8_400_100),
        clock_hz=168_000_000,
        arena_bytes=61_440,
        stack_bytes=None,
        scores=1,
        flash=None,
        tools=(),
    )
    write_mcu_results(McuResults("", "", "m1.c", (measured,)), folder / "board.json")
    ran = tool_here("bench", "board.json")
    assert ran.code == 0, ran.errors
    lines = [line.strip() for line in ran.output.splitlines()]
    assert lines[0] == "mcu://serial:/dev/ttyACM0: cycles of a real board"
    assert lines[5].split() == ["m1.c", "8.40", "61.4", "-", "-", "-", "-"]
    assert "m1.c: median of 3 runs, 8,400,000 to 8,400,200 cycles; 50.00 ms at 168 MHz" in lines
    assert NOT_CYCLES not in ran.output


@pytest.mark.usefixtures("emulated")
def test_an_interruption_ends_the_emulator(folder, temporary):
    endless = (folder / "tiny.c").read_text().replace("MICRONET_STEP(0)", "for (volatile int i = 0;; i++);")
    (folder / "tiny.c").write_text(endless)
    with start("bench", "tiny.c", *M4, "--output", "r.json", cwd=folder, TMPDIR=str(temporary)) as process:
        end = time.monotonic() + PATIENCE_S
        while not any("qemu-system-arm" in line for line in children_of(process.pid)):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors.splitlines()[-1]) == (130, "error: interrupted; nothing was written")
    assert list(children_of(process.pid)) == []
    assert not (folder / "r.json").exists()


@pytest.mark.usefixtures("emulated")
def test_a_compilers_errors_are_one_line_or_all_of_it(tool_here, folder):
    (folder / "tiny.c").write_text((folder / "tiny.c").read_text() + "int broken(void) { return lost; }\n")
    ran = tool_here("bench", "tiny.c", *M4)
    assert ran.code == 1
    assert "tiny.c cannot be built for cortex-m4: tiny.c:" in ran.refusal()
    assert "'lost' undeclared" in ran.errors
    whole = tool_here("bench", "tiny.c", *M4, "--debug")
    assert whole.code == 1
    assert "note: each undeclared identifier" in whole.errors


@pytest.mark.parametrize(
    ("arguments", "error_line"),
    [
        (("tiny.c",), "tiny.c runs on microcontrollers: give --device mcu://cortex-m4, mcu://cortex-m7"),
        (("m0.onnx", "tiny.c"), "tiny.c runs on microcontrollers: give --device"),
        (("m0.onnx", "--against", "tiny.c"), "tiny.c runs on microcontrollers: give --device"),
        (("m0.onnx", *M4), "m0.onnx cannot run on mcu://cortex-m4, which takes C files only"),
        (("tiny.c", "m0.onnx", *M4), "m0.onnx cannot run on mcu://cortex-m4, which takes C files only"),
        (
            ("tiny.c", *M4, "--device", "local"),
            "local is no microcontroller: measure on it in a run of its own",
        ),
        (("tiny.c", *M4, *M4), "device mcu://cortex-m4 is given twice"),
        (("tiny.c", "./tiny.c", *M4), "tiny.c is given twice"),
        (("tiny.c", "--device", "mcu://cortex-m0"), "mcu://cortex-m0 is unknown: give mcu://cortex-m4"),
        (("tiny.c", "--device", "mcu://serial:"), "is no line to a board"),
        (("tiny.c", "none.c", *M4), "none.c does not exist: check the path"),
        (("tiny.c", *M4, "--output", "tiny.c"), "--output tiny.c would replace the input tiny.c"),
        (("tiny.c", *M4, "--against", "old.json"), "old.json cannot run on mcu://cortex-m4"),
        (("tiny.c", "old.json", *M4), "results of microcontrollers are shown one file at a time"),
        (("old.json",), "old.json is of version 0, not 1: measure again"),
        (("bad.json",), "bad.json: Expected"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_refusal(tool_here, folder, arguments, error_line):
    old = {"mcu_version": 0, "created": "", "tool": "", "baseline": "", "measured": []}
    (folder / "old.json").write_text(json.dumps(old))
    (folder / "bad.json").write_text(json.dumps({**old, "measured": 3}))
    before = names(folder)
    ran = tool_here("bench", *arguments)
    assert ran.code == 1
    assert error_line in ran.refusal()
    assert names(folder) == before


@pytest.mark.parametrize(
    "option",
    [
        *(("--threads", "2"), ("--warmup", "3"), ("--runs", "5"), ("--seconds", "1"), ("--processes", "2")),
        *(("--input", "random"), ("--kernels", "off"), ("--bootstrap",), ("--html", "x.html")),
        ("--benchmark-model", "x"),
    ],
    ids=" ".join,
)
def test_options_of_timing_do_not_apply(tool_here, option):
    ran = tool_here("bench", "tiny.c", *M4, *option)
    assert ran.code == 2
    assert option[0] in ran.errors
    assert "timed" in ran.errors
