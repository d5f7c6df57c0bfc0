"""What stands in the page, whatever was measured."""

import re
from dataclasses import replace

import pytest
from benchmarks.report.markup import Reader, pictures
from benchmarks.report.report_samples import ENVIRONMENT, family, file, profile, results, run

from micronet_edge.errors import OutputError
from micronet_edge_bench.comparing import compare
from micronet_edge_bench.report import page, write_report
from micronet_edge_bench.results import PEAK, Baseline

TIMES = "\N{MULTIPLICATION SIGN}"
HOSTILE = "<script>alert('1')</script> & \"two\" </style></svg>.tflite"


@pytest.fixture(scope="module")
def measured():
    return results(run(*family()))


@pytest.fixture(scope="module")
def read(measured):
    return Reader(page(measured))


def test_the_page_needs_nothing_beside_it(measured, read):
    assert {tag for tag, _ in read.tags}.isdisjoint({"script", "img", "iframe", "object", "form"})
    assert read.attributes("src") == []
    assert read.attributes("href") == ["data:,"]
    assert not re.search(r"https?:|url\(|@import", page(measured))


def test_every_picture_is_sound(measured):
    assert len(pictures(page(measured))) >= 20 + 8


@pytest.mark.parametrize("field", ["name", "device", "title", "error", "input", "source", "variant", "top1"])
def test_what_people_write_stays_text(field):
    first, second = family(1)[:2]
    facts = {"name": HOSTILE, "input": HOSTILE, "variant": HOSTILE, "precision": HOSTILE, "format": HOSTILE}
    if field in facts:
        second = replace(second, **{field: facts[field]}, profile=profile(1.0))
    if field == "top1":
        second = replace(second, top1=0.5, top1_source=HOSTILE)
    of_run = {field: HOSTILE} if field in {"device", "title", "source"} else {}
    failed = [run(device="b", environment=None, error=HOSTILE)] if field == "error" else []
    read = Reader(page(results(run(first, second, **of_run), run(first, device="c"), *failed)))
    assert "script" not in {tag for tag, _ in read.tags}
    assert not any("alert" in value for value in read.attributes("class"))
    assert (HOSTILE[:20] if field == "variant" else HOSTILE) in read.text


def test_the_summary_tells_each_file_once_with_its_ratio(measured, read):
    text = read.text
    assert "How long does an inference take?" in text
    assert f"20 files on {ENVIRONMENT.cpu} ; 2026-11-24 19:02:11+00:00, by micronet-edge 0.1.0." in text
    assert "46.6 %" in text
    assert text.count("the paper, arXiv 2108.05894, table 7") == 1
    comparisons = compare(measured)
    assert len(comparisons) == 19
    for each in comparisons:
        assert f"{each.ratio.value:.2f}{TIMES} {each.ratio.low:.2f} to {each.ratio.high:.2f}" in text
    assert text.count("baseline") == 1


def test_a_faster_and_a_slower_file_are_told_apart():
    files = (file("a.onnx", 2.0, 1), file("b.onnx", 1.0, 2), file("c.onnx", 4.0, 3), file("d.onnx", 2.0, 1))
    read = Reader(page(results(run(*files))))
    kinds = [each for each in read.attributes("class") if each in {"faster", "slower", "even"}]
    assert kinds == ["faster", "slower", "even"]
    assert "Of 3 files, 1 is faster than a.onnx, 1 is slower and 1 takes about as long." in read.text


def test_what_failed_and_what_is_unknown_is_said():
    plain = file("a.onnx", 2.0)
    failed = run(device="ssh://board", environment=None, error="ssh://board: does not answer")
    text = Reader(page(results(run(plain), failed))).text
    assert "ssh://board : ssh://board: does not answer" in text
    for line in (
        "Multiply-adds could not be counted for the file.",
        "Accuracy is unknown for the file.",
        "Time by operator was not measured for the file.",
        f"The peak speed of {ENVIRONMENT.cpu}, the roof",
    ):
        assert line in text
    assert "Against multiply-adds" not in text
    assert "<h2>Time by operator" not in text


def test_some_unknowns_are_named():
    text = Reader(page(results(run(*family(1)[:2], file("a.onnx", 2.0))))).text
    assert "Multiply-adds could not be counted for a.onnx." in text


def test_nothing_measured_is_a_page_that_says_why():
    failed = run(device="adb://1", environment=None, error="adb://1: is no device")
    text = Reader(page(results(failed))).text
    assert "adb://1: is no device" in text
    assert "Latency" not in text


def test_ratios_that_are_refused_are_left_out_with_the_reason():
    here = run(file("a.onnx", 2.0))
    old = run(file("a.onnx", 1.0), source="old.json", environment=replace(ENVIRONMENT, cpu="another"))
    text = Reader(page(results(here, old, baseline=Baseline(None, "old.json")))).text
    assert "Ratios: a.onnx on local" in text
    assert "different environments" in text
    assert TIMES not in text.replace(TIMES.join(("1", "224", "224", "3")), "")


def test_ratios_of_runs_apart_say_so():
    here, old = run(file("a.onnx", 2.0)), run(file("a.onnx", 4.0, 1), source="old.json")
    text = Reader(page(results(here, old, baseline=Baseline(None, "old.json")))).text
    assert "measured in separate runs, which makes the interval wider" in text


def test_the_peak_of_the_machine_is_no_file_that_won_or_lost():
    first, second = family(1)[:2]
    peak = replace(second, name="peak.onnx", variant=PEAK)
    text = Reader(page(results(run(first, second, peak)))).text
    assert f"{second.name} is " in text
    assert "peak.onnx" not in text


def test_doubts_stand_on_top():
    restless = file("a.onnx", 2.0)
    restless = replace(restless, processes=tuple(replace(each, steady=False) for each in restless.processes))
    text = Reader(page(results(run(restless)))).text
    assert text.index("Warnings times never became steady") < text.index("At a glance")
    assert "No warnings about this measurement" not in text
    assert "No warnings about this measurement" in Reader(page(results(run(file("a.onnx", 2.0))))).text


def test_machines_alike_are_described_once():
    files = family(1)
    alike = [run(files[0], title="one"), run(files[1], title="two")]
    other = run(files[0], device="board", environment=replace(ENVIRONMENT, cpu="Cortex-A76", governor=None))
    text = Reader(page(results(*alike, other))).text
    assert text.count(f"Processor {ENVIRONMENT.cpu}") == 1
    assert f"{ENVIRONMENT.cpu}, one, {ENVIRONMENT.cpu}, two" in text
    assert "Cortex-A76" in text
    assert "Governor cannot be read" in text


def test_it_is_written_whole_or_not_at_all(refusal, tmp_path, measured):
    write_report(measured, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page(measured)
    assert "is a folder" in refusal(OutputError, write_report, measured, tmp_path)
    assert "is not a folder" in refusal(
        OutputError, write_report, measured, tmp_path / "none" / "report.html"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
