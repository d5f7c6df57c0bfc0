"""What `train` prints while it runs and at its end, from events made by hand."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from training.fitted_samples import epochs, fitted, with_dataset

from micronet_edge.cli import train_progress
from micronet_edge.cli.train_progress import watching
from micronet_edge.cli.train_results import print_results
from micronet_edge.training.events import Step, Trained, TrainedFile
from micronet_edge.util.safe_console import SafeConsole

CHECKPOINT = "m0-photos/m0-photos.safetensors"
EVIL = "\x1b[31mRED\x07\u202e"


def console(*, terminal):
    made = SafeConsole(width=80)
    made.file = io.StringIO()
    made._force_terminal = terminal
    return made


@pytest.fixture
def shown(monkeypatch):
    """Shows a run; gives what it printed."""

    def call(run, *, terminal=False, rank="0"):
        made = console(terminal=terminal)
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setattr(train_progress, "open_console", lambda **_: made)
        with watching() as progress:
            progress.planned(run.plan)
            for epoch in run.history:
                progress.stepped(Step(epoch.epoch, 7, epoch.loss, epoch.images_per_second))
                progress.validated(epoch)
            progress.note("writing the report")
        return made.file.getvalue()

    return call


def run_of(count=2, **changes):
    run = replace(fitted(), history=epochs(count))
    recipe = replace(run.plan.recipe, schedule=replace(run.plan.recipe.schedule, epochs=count))
    return replace(run, plan=replace(run.plan, recipe=recipe, **changes))


def test_without_a_terminal_there_is_a_line_for_each_epoch(shown):
    assert shown(with_dataset(run_of(), warnings=("class owl has 3 images",))).splitlines() == [
        "· MicroNet m0, from random weights",
        "note: class owl has 3 images",
        "· epoch 1 of 2: loss 0.6132, top-1 82.14% (raw 79.88%), 112 images/s, best",
        "· epoch 2 of 2: loss 0.2145, top-1 93.26% (raw 92.85%), 112 images/s, best",
        "· writing the report",
    ]


def test_lines_fit_80_columns(shown):
    run = run_of(600)
    assert max(map(len, shown(run).splitlines())) <= 80


def test_an_epoch_without_an_average_and_no_better_says_less(shown):
    run = run_of(1)
    (first,) = run.history
    run = replace(run, history=(replace(first, raw_top1=first.top1, best=False),))
    assert "top-1 93.26%, 112 images/s\n" in shown(run)


@pytest.mark.parametrize(("count", "steps"), [(12, 10), (600, 2502)])
def test_on_a_terminal_there_is_a_bar_of_80_columns(monkeypatch, count, steps):
    monkeypatch.setattr(train_progress, "open_console", lambda **_: console(terminal=True))
    drawn = console(terminal=False)
    run = run_of(count, steps_per_epoch=steps)
    with watching() as progress:
        progress.planned(run.plan)
        progress.stepped(Step(count - 1, steps, 0.30, 1112.0))
        progress.validated(run.history[-2])
        progress.stepped(Step(count, steps // 2, 0.25, 1112.0))
        drawn.print(progress._bar.get_renderable())
    (line,) = drawn.file.getvalue().splitlines()
    shown = rf"step {steps // 2}/{steps} loss 0\.250 top-1 9\d\.\d% 1,112/s (--|\d\d):(--|\d\d)"
    assert re.fullmatch(rf"epoch {count}/{count} ━+╸? *{shown} *", line), line
    assert len(line) <= 80


def test_another_process_shows_nothing(shown):
    assert shown(run_of(), rank="1", terminal=True) == ""


def test_nothing_of_the_user_is_obeyed(shown):
    run = with_dataset(run_of(lines=(EVIL,)), warnings=(EVIL,))
    for terminal in (False, True):
        text = re.sub(r"\x1b\[[0-9;?]*[mKAhl]|\r", "", shown(run, terminal=terminal))
        assert "\\x1b[31mRED\\x07\\u202e" in text
        assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)


def interrupt(progress, *said, began=True):
    if began:
        progress.planned(run_of().plan)
    raise KeyboardInterrupt(*said)


@pytest.mark.parametrize("began", [False, True])
def test_ctrl_c_says_how_to_go_on_once_there_is_something(began):
    with pytest.raises(KeyboardInterrupt) as ended, watching() as progress:
        interrupt(progress, began=began)
    said = "interrupted; what was trained is saved: give the same command with --resume to go on"
    assert str(ended.value) == (said if began else "")


def test_ctrl_c_that_says_how_to_go_on_is_left_alone():
    with pytest.raises(KeyboardInterrupt, match=r"^saved after step 3$"), watching() as progress:
        interrupt(progress, "saved after step 3")


# --- The end


def files(folder="m0-photos"):
    rows = [
        ("m0-photos.safetensors", "pytorch", "float32", 4_100_000),
        ("m0-photos-float32.onnx", "onnx", "float32", 4_000_000),
        ("m0-photos-int8.onnx", "onnx", "int8", 700_000),
        ("m0-photos-int8.tflite", "tflite", "int8", 690_000),
    ]
    return tuple(
        TrainedFile(Path(folder, name), kind, precision, size, 0.9876, 0.9654, 0.9987, 1.234)
        for name, kind, precision, size in rows
    )


def results(capsys, data, trained):
    print_results(trained, data)
    return capsys.readouterr().out


def trained(exported=(), folder=Path("m0-photos")):
    return Trained(fitted(folder=folder), folder, folder / "report.html", exported)


def test_the_end_says_how_good_it_is_and_what_to_do_next(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    assert results(capsys, "photos", trained()).splitlines() == [
        "m0-photos: epoch 28 is the best of 30; 6.2 minutes of training",
        "top-1  87.50% (21 of 24 validation images right), 95 % interval 69.00% to 95.66%",
        f"checkpoint: {CHECKPOINT}",
        "report: m0-photos/report.html",
        f"next: micronet-edge quantize {CHECKPOINT} --calibration photos --output m0-photos",
    ]


def test_the_next_command_calibrates_on_the_training_part(capsys, tmp_path):
    (tmp_path / "train").mkdir()
    assert f"--calibration {tmp_path}/train " in results(capsys, str(tmp_path), trained())


def test_the_next_command_is_quoted_for_a_shell(capsys, tmp_path):
    (tmp_path / "my photos").mkdir()
    assert f"--calibration '{tmp_path}/my photos' " in results(capsys, str(tmp_path / "my photos"), trained())


def test_after_shards_comes_an_export(capsys):
    last = results(capsys, "photos-{000..099}.tar", trained()).splitlines()[-1]
    assert last == "next: micronet-edge export m0-photos/m0-photos.safetensors --output m0-photos"


def test_exported_files_stand_in_a_table_of_80_columns(capsys):
    lines = results(capsys, "photos", trained(files())).splitlines()
    table = "\n".join(lines[:8])
    assert "pytorch  float32    4.10  98.76%  96.54% to 99.87%  1.23" in table
    assert "tflite   int8       0.69  98.76%  96.54% to 99.87%  1.23" in table
    assert max(map(len, lines[:8])) <= 80
    assert lines[-1] == (
        "next: micronet-edge bench m0-photos/m0-photos-int8.onnx m0-photos/m0-photos-int8.tflite"
    )
