"""What benchmark_model prints, read in full: three of its versions, and what it says when it fails."""

from pathlib import Path

import pytest

from micronet_edge_bench.devices.benchmark_model import BenchmarkModelError, Delegation, Timings, read_output

OUTPUTS = Path(__file__).parent / "outputs"


def output(name):
    return (OUTPUTS / name).read_text().splitlines()


@pytest.fixture
def recent():
    return read_output(output("with_delegate.txt"))


@pytest.fixture
def older():
    return read_output(output("older.txt"))


@pytest.fixture
def logcat():
    return read_output(output("logcat.txt"))


def test_both_phases_with_all_their_figures(recent):
    assert recent.warmup == Timings(
        331, 2_113_000, 1_497_000, 1_479_000, 2_113_000, 1_508_270, 44_000, 1_484_000, 1_501_000, 1_562_000
    )
    assert recent.inferences == Timings(
        668, 1_503_000, 1_490_000, 1_472_000, 1_811_000, 1_495_630, 27_000, 1_479_000, 1_492_000, 1_531_000
    )


def test_times_memory_and_size(recent):
    assert (recent.init_ns, recent.first_inference_ns) == (8_417_000, 2_113_000)
    assert recent.model_size_bytes == 1_240_830
    assert (recent.memory_init_bytes, recent.memory_overall_bytes) == (7.125 * 2**20, 9.5 * 2**20)
    assert recent.peak_memory_bytes == 11.25 * 2**20


def test_the_settings_it_ran_with(recent):
    assert recent.settings["Num threads"] == "1"
    assert recent.settings["Graph"] == "model.tflite"
    assert recent.settings["Signature to run"] == ""
    assert recent.settings["#threads used for CPU inference"] == "1"


def test_the_delegate_and_what_it_took(recent, older, logcat):
    assert recent.delegation == Delegation("TfLiteXNNPackDelegate", 6, 8, 2)
    assert older.delegation is None
    assert logcat.delegation == Delegation("GPU", None, None, None)


def test_every_operator_in_the_order_it_ran(recent):
    (graph,) = recent.profile
    assert graph.title == ""
    assert graph.nodes_executed == 8
    assert [(operator.kind, operator.index) for operator in graph.operators] == [
        ("QUANTIZE", 0),
        ("Convolution (NHWC, QC8) IGEMM", 0),
        ("Convolution (NHWC, QC8) DWConv", 1),
        ("GATHER", 5),
        ("Multiply (ND, QS8)", 2),
        ("Maximum (ND, S8)", 3),
        ("Fully Connected (NC, QC8) GEMM", 4),
        ("DEQUANTIZE", 7),
    ]
    assert graph.operators[0].name == "tfl.quantize"
    assert graph.operators[3].name == "features/2/shift_max/relabelled 1;features/2/shift_max/gather, second"
    assert graph.operators[1].name == "Delegate/Convolution (NHWC, QC8) IGEMM"


def test_an_operator_s_time_counts_all_its_calls(recent):
    (graph,) = recent.profile
    depthwise = graph.operators[2]
    assert (depthwise.first_ns, depthwise.mean_ns, depthwise.calls) == (211_000, 52_000, 4)
    assert depthwise.inference_ns == 208_000
    assert depthwise.share == pytest.approx(0.14073)
    sums = {kind.kind: kind for kind in graph.kinds}
    assert sums[depthwise.kind].inference_ns == depthwise.inference_ns
    assert (sums[depthwise.kind].nodes, sums[depthwise.kind].calls) == (1, 4)


def test_the_operators_add_up_to_the_sums(recent, older):
    for profile in (recent.profile, recent.init_profile, older.profile):
        (graph,) = profile
        total = sum(kind.inference_ns for kind in graph.kinds)
        assert sum(operator.inference_ns for operator in graph.operators) == pytest.approx(total)
        assert sum(kind.share for kind in graph.kinds) == pytest.approx(1)


def test_initialization_has_a_profile_of_its_own(recent):
    (graph,) = recent.init_profile
    assert [operator.kind for operator in graph.operators] == ["ModifyGraphWithDelegate", "AllocateTensors"]
    assert graph.operators[1].calls == 2
    assert graph.operators[0].memory_kb == 4212


def test_an_older_version_with_other_columns(older):
    assert older.inferences.mean_ns == 1_201_130_000
    assert older.inferences.median_ns is None
    assert older.memory_overall_bytes == 20.75 * 2**20
    (graph,) = older.profile
    assert [operator.name for operator in graph.operators] == [
        "stem/conv/Relu6",
        "features/1/depthwise/Relu6",
        "classifier/logits",
    ]
    assert graph.operators[0].mean_ns == 810_000_000


def test_a_single_warm_up_run_is_all_its_figures(older):
    one = 1_203_355_000
    assert older.warmup == Timings(1, one, one, one, one, one, 0, None, None, None)


def test_a_call_that_is_rounded_down_to_none_still_counts(older):
    (graph,) = older.profile
    assert graph.operators[2].calls == 0
    assert graph.operators[2].inference_ns == 60_050_000


def test_logcat_s_head_is_no_part_of_a_line(logcat, recent):
    assert logcat.inferences == recent.inferences
    assert logcat.settings == recent.settings
    assert logcat.peak_memory_bytes is None


def test_a_delegate_that_tells_of_its_own(logcat):
    main, inner = logcat.profile
    assert (main.title, len(main.operators)) == ("Primary graph (name: main)", 1)
    assert inner.title == "Delegate internal"
    assert [(operator.kind, operator.index) for operator in inner.operators] == [
        ("conv_generic", 0),
        ("shift max 2x2", 1),
    ]


def test_without_profiling_there_is_none():
    lines = [line for line in output("with_delegate.txt") if line.startswith("INFO: ")]
    plain = read_output([line for line in lines if "Profiling Info" not in line])
    assert plain.profile is None
    assert plain.init_profile is None
    assert plain.inferences.count == 668


def test_without_warm_up_there_is_none():
    lines = [line for line in output("older.txt") if not line.startswith("count=1 ")]
    assert read_output(["count=0", *lines]).warmup is None


def test_runs_that_all_took_the_same_time():
    lines = [
        "count=10 curr=30(all same)",
        "count=50 curr=31(all same)",
        "Inference timings in us: Init: 5, First inference: 30, Warmup (avg): 30, Inference (avg): 31",
    ]
    found = read_output(lines)
    assert (found.warmup.count, found.warmup.mean_ns) == (10, 30_000)
    assert (found.inferences.mean_ns, found.inferences.deviation_ns) == (31_000, 0)


def test_figures_that_are_no_numbers():
    lines = [
        "count=50 curr=31(all same)",
        "Inference timings in us: Init: 5, First inference: 31, Warmup (avg): -nan, Inference (avg): 31",
        "Memory footprint delta from the start of the tool (MB): init=nan overall=2",
    ]
    found = read_output(lines)
    assert found.warmup is None
    assert (found.memory_init_bytes, found.memory_overall_bytes) == (None, 2 << 20)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "printed nothing"),
        (["INFO: STARTING!", "ERROR: Could not open 'model.tflite'."], "Could not open 'model.tflite'."),
        (
            [
                "INFO: Graph: [failed.tflite]",
                "INFO: Loaded model",
                "ERROR: Didn't find op for builtin opcode 'X'",
            ],
            "Didn't find op for builtin opcode 'X'",
        ),
        (
            ["Loaded model model.tflite", "Failed to allocate tensors!", "Benchmarking failed."],
            "allocate tensors",
        ),
        (output("with_delegate.txt")[:16], "it ended with 'count=331"),
    ],
)
def test_without_timings_its_own_complaint_is_told(lines, words, refusal):
    assert words in refusal(BenchmarkModelError, read_output, lines)


@pytest.mark.parametrize("name", ["with_delegate.txt", "older.txt", "logcat.txt"])
def test_an_output_cut_anywhere_is_read_or_refused(name):
    lines = output(name)
    read = 0
    for length in range(len(lines)):
        try:
            read_output(lines[:length])
        except BenchmarkModelError:
            continue
        read += 1
    assert read > 10
