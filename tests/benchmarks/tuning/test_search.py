"""The search for a table of costs: what it tries, what it takes, and what it leaves alone."""

from dataclasses import asdict, replace

import pytest
from costs import ONNXRUNTIME_COSTS, XNNPACK_COSTS

from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS, SHIPPED
from micronet_edge_bench.tuning.candidates import Networks, candidates
from micronet_edge_bench.tuning.search import FACTORS, neighbours, tune, with_figure

CANDIDATES = candidates()
(ONNX,) = candidates(["onnxruntime"])
BETTER = 4 * ONNXRUNTIME_COSTS.segment_ns


class Made:
    """Networks whose file hangs on one figure alone; a file is the figure's value."""

    names = ("one", "two")

    def __init__(self, figure="segment_ns"):
        self.figure, self.written = figure, []

    def fingerprint(self, name, candidate, tuning):
        return str(getattr(candidate.costs(tuning), self.figure)) if name == "one" else "always the same"

    def file(self, *parts):
        self.written.append(parts[-1])
        return parts[-1]


def head_to_head(files):
    """The closer to BETTER, the faster."""
    times = [1 + abs(float(each) / BETTER - 1) for each in files]
    return [each / times[0] for each in times]


def test_it_goes_where_files_are_faster_and_stops():
    found, trials = tune(SHIPPED, [ONNX], Made(), head_to_head)
    assert found == SHIPPED.with_costs("onnxruntime", replace(ONNXRUNTIME_COSTS, segment_ns=BETTER))
    taken = [trial.value for trial in trials if trial.taken]
    assert taken == [BETTER / 2, BETTER]
    assert all(trial.times["two"] == 1.0 for trial in trials)


def test_figures_that_make_no_other_file_are_not_measured():
    made = Made()
    tune(SHIPPED, [ONNX], made, head_to_head)
    assert len(set(made.written)) == 4 + 1 + 1  # half to eightfold, and what does not change

    def never(files):
        raise AssertionError(files)

    found, trials = tune(SHIPPED, [ONNX], Made("most_pieces"), never)
    assert (found, trials) == (SHIPPED, ())


def test_what_is_faster_by_chance_is_measured_again():
    calls = []

    def lucky(files):
        calls.append(files)
        return [1.0] + [0.9] * (len(files) - 1) if len(calls) == 1 else [1.0] * len(files)

    found, trials = tune(SHIPPED, [ONNX], Made(), lucky)
    assert found == SHIPPED
    assert len(calls) == 2
    assert not any(trial.taken for trial in trials)


def test_less_than_a_hundredth_is_not_worth_it():
    found, trials = tune(SHIPPED, [ONNX], Made(), lambda files: [1.0] + [0.985] * (len(files) - 1))
    assert found == SHIPPED  # 0.985 of one network of two
    assert trials
    assert all(trial.time == pytest.approx(0.985**0.5) for trial in trials)


def test_neighbours_keep_what_is_never_done():
    figures = {figure for figure, _ in neighbours(ONNXRUNTIME_COSTS)}
    assert figures == {
        name for name, value in asdict(ONNXRUNTIME_COSTS).items() if isinstance(value, float) and value
    }
    assert "fusion_ns" not in figures
    values = [value for figure, value in neighbours(INTEGER_COSTS) if figure == "fusion_ns"]
    assert values == [INTEGER_COSTS.fusion_ns * factor for factor in FACTORS]
    assert with_figure(XNNPACK_COSTS, "element_ns", 3.0) == replace(XNNPACK_COSTS, element_ns=3.0)


@pytest.mark.parametrize(
    "candidate",
    [CANDIDATES[0], *(pytest.param(each, marks=pytest.mark.slow) for each in CANDIDATES[1:])],
    ids=lambda candidate: candidate.table,
)
def test_every_form_reads_its_own_table(candidate, tmp_path):
    """Where copies and shifts cost nothing, every form of m0 is another one, and no other form changes."""
    networks = Networks(["m0"], tmp_path, tmp_path)
    free = with_figure(with_figure(candidate.costs(SHIPPED), "dense_madd_ns", 1e3), "segment_ns", 1e-3)
    tuning = SHIPPED.with_costs(candidate.table, free)
    before, after = (
        {each: networks.fingerprint("m0", each, t) for each in CANDIDATES} for t in (SHIPPED, tuning)
    )
    assert {each for each in CANDIDATES if before[each] != after[each]} == {candidate}
    assert networks.fingerprint("m0", candidate, tuning) == after[candidate]
