"""Every pass is held to its promise, and a breach is an error that names it."""

import pytest
import torch
from costs import XNNPACK
from lowering.networks import assert_same, operators, stem, traced
from torch import nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering import Applied, Pass, apply, lower
from micronet_edge.lowering.ir.graph import calls, replace_module
from micronet_edge.lowering.ir.pass_base import ROUNDING_ALONE, SAME_NUMBERS, probe_image, relative_difference
from micronet_edge.lowering.ir.trace import trace
from micronet_edge.lowering.passes.canonicalize import Canonicalize
from micronet_edge.lowering.passes.fold_batch_norm import FoldBatchNorm

IMAGE = probe_image(8)


class Honest(Pass):
    """Does nothing and says so."""

    def change(self, network):
        del network
        return 0

    def check_after(self, network):
        pass


class ChangesConvolutions(Honest):
    """Passes every convolution through `spoil`."""

    def change(self, network):
        convolutions = list(calls(network, nn.Conv2d))
        with torch.no_grad():
            for node, conv in convolutions:
                replace_module(network, node, self.spoil(conv))
        return len(convolutions)

    def spoil(self, conv):
        raise NotImplementedError


class PermutesOutputs(ChangesConvolutions):
    def spoil(self, conv):
        conv.weight.copy_(conv.weight.roll(1, 0))
        return conv


class MovesTheBorder(ChangesConvolutions):
    def spoil(self, conv):
        conv.padding_mode = "replicate"
        conv._reversed_padding_repeated_twice = [1, 1, 1, 1]
        return conv


class ScalesALittle(ChangesConvolutions):
    def spoil(self, conv):
        conv.weight.mul_(1 + 10 * SAME_NUMBERS)
        return conv


class GivesNaN(ChangesConvolutions):
    def spoil(self, conv):
        conv.weight.fill_(torch.nan)
        return conv


class GivesInfinity(ChangesConvolutions):
    def spoil(self, conv):
        conv.weight.fill_(torch.inf)
        return conv


class Refuses(Honest):
    def check_before(self, network):
        del network
        raise LoweringError("the stem has 7 channels: give it 8")


class BreaksItsPromise(Honest):
    def check_after(self, network):
        del network
        raise LoweringError("a norm is left")


class ChangesBatch(Honest):
    """Gives the same numbers in another shape."""

    def change(self, network):
        *_, output = network.graph.nodes
        with network.graph.inserting_before(output):
            wrapped = network.graph.call_method("unsqueeze", (output.args[0], 0))
        output.args = (wrapped,)
        return 1


class LeavesNothingToRun(ChangesConvolutions):
    def spoil(self, conv):
        conv.weight = nn.Parameter(conv.weight[:, :1])
        return conv


WRONG = [PermutesOutputs(), MovesTheBorder(), ScalesALittle(), GivesNaN(), GivesInfinity()]


@pytest.mark.parametrize("pass_", WRONG, ids=lambda pass_: pass_.name)
def test_a_rewrite_that_changes_the_numbers_is_named(refusal, pass_):
    network = traced(stem(4, 3), nn.Flatten())
    message = refusal(LoweringError, apply, pass_, network, IMAGE)
    assert message.startswith(f"{pass_.name}: the network's output changed by ")


def test_a_rewrite_after_which_nothing_runs_is_named(refusal, capfd):
    message = refusal(LoweringError, apply, LeavesNothingToRun(), traced(stem(4, 3), nn.Flatten()), IMAGE)
    assert message.startswith("LeavesNothingToRun: the network no longer runs (Given groups=1")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("pass_", [PermutesOutputs(), GivesNaN()], ids=lambda pass_: pass_.name)
@pytest.mark.parametrize("pack", [tuple, lambda pair: {"a": pair[0], "b": pair[1]}], ids=["tuple", "dict"])
@pytest.mark.parametrize("wrong", [0, 1])
def test_every_output_is_compared(refusal, pass_, pack, wrong):
    class TwoOutputs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = stem(4, 3)

        def forward(self, x):
            outputs = [x * 2, x * 2]
            outputs[wrong] = self.conv(x)
            return pack(outputs)

    message = refusal(LoweringError, apply, pass_, traced(TwoOutputs()), IMAGE)
    assert message.startswith(f"{pass_.name}: the network's output changed by ")


def test_another_shape_is_another_output(refusal):
    network = traced(stem(4, 3), nn.Flatten())
    assert refusal(LoweringError, apply, ChangesBatch(), network, IMAGE).startswith("ChangesBatch: ")


def test_a_refusal_names_the_rewrite_and_keeps_the_reason(refusal):
    message = refusal(LoweringError, apply, Refuses(), traced(stem(4)), IMAGE)
    assert message == "Refuses: the stem has 7 channels: give it 8"


def test_a_broken_postcondition_is_noticed(refusal):
    message = refusal(LoweringError, apply, BreaksItsPromise(), traced(stem(4)), IMAGE)
    assert message == "BreaksItsPromise: a norm is left"


def test_the_postcondition_looks_at_the_result():
    class Looks(FoldBatchNorm):
        def check_after(self, network):
            assert operators(network) == ["Conv2d"]

    apply(Looks(), traced(stem(4), nn.BatchNorm2d(4)), IMAGE)


@pytest.mark.parametrize("pass_", [*WRONG, FoldBatchNorm(), *XNNPACK], ids=lambda pass_: pass_.name)
def test_the_given_network_stays_as_it_was(pass_):
    given, expected = (traced(stem(4, 3), nn.BatchNorm2d(4), nn.Dropout()) for _ in range(2))
    if pass_ in WRONG:
        with pytest.raises(LoweringError):
            apply(pass_, given, IMAGE)
    else:
        apply(pass_, given, IMAGE)
    assert_same(given, expected)
    assert torch.equal(given(IMAGE), expected(IMAGE))


def test_what_was_done_is_reported():
    lowered = lower(nn.Sequential(stem(4), nn.BatchNorm2d(4), nn.Dropout()), XNNPACK, 8)
    assert [step.name for step in lowered.applied] == [pass_.name for pass_ in XNNPACK]
    assert [step.places for step in lowered.applied] == [1, 0, 1, *[0] * (len(XNNPACK) - 3)]
    assert all(0 <= step.difference <= SAME_NUMBERS for step in lowered.applied)
    assert apply(Honest(), lowered.network, IMAGE)[1] == Applied("Honest", 0, 0.0)


def test_lowering_leaves_the_network_as_it_was():
    network = nn.Sequential(stem(4), nn.BatchNorm2d(4), nn.Dropout()).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    lower(network, XNNPACK, 8)
    assert all(module.training for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_difference_is_relative_to_the_largest_value():
    class Times(nn.Module):
        def __init__(self, factor) -> None:
            super().__init__()
            self.factor = factor

        def forward(self, x):
            return x * self.factor

    assert relative_difference(Times(100.0), Times(101.0), IMAGE) == pytest.approx(0.01, rel=1e-4)
    assert relative_difference(Times(0.0), Times(0.0), IMAGE) == 0


def branches(x):
    return x if x.mean() > 0 else -x


def loops(x):
    return sum(row for row in x)


def counts(x):
    return x * sum(range(x.shape[0]))


def reads_a_number(x):
    return x * float(x.mean())


def asks_for_the_length(x):
    return x * len(x)


class Calls(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize("function", [branches, reads_a_number])
def test_a_network_that_decides_by_numbers_is_refused_in_one_line(refusal, function):
    message = refusal(LoweringError, lower, Calls(function), XNNPACK, 8)
    line = function.__code__.co_firstlineno + 1
    assert message.startswith("Calls cannot be traced: forward decides by the numbers in a tensor at ")
    assert f"test_pass_base.py:{line} (" in message


@pytest.mark.parametrize("function", [loops, counts, asks_for_the_length])
def test_a_network_that_depends_on_the_number_of_images_is_refused_in_one_line(refusal, function):
    message = refusal(LoweringError, lower, Calls(function), XNNPACK, 8)
    line = function.__code__.co_firstlineno + 1
    assert f"(test_pass_base.py:{line}) depends on the number of samples: " in message


@pytest.mark.filterwarnings("ignore")
def test_a_network_that_does_not_take_images_is_refused_in_one_line(refusal):
    refusal(LoweringError, lower, nn.Sequential(nn.Conv2d(1, 4, 1)), XNNPACK, 8)


def test_a_network_that_gives_no_tensors_is_refused_in_one_line(refusal):
    message = refusal(LoweringError, lower, Calls(lambda _: "text"), XNNPACK, 8)
    assert message == "a network must output tensors, not str"


def test_a_traced_call_of_a_shared_layer_has_a_layer_of_its_own():
    conv = nn.Conv2d(3, 3, 1)
    network = trace(nn.Sequential(conv, conv), 8)
    assert len(set(map(id, (layer for _, layer in calls(network, nn.Conv2d))))) == 2
    assert operators(network) == ["Conv2d", "Conv2d"]


class _NormOfEqualNumbers(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(3, eps=1e-12)

    def forward(self, x):
        return self.norm(x.expand(-1, 3, -1, -1).permute(0, 2, 3, 1))


def test_rounding_that_a_network_enlarges_is_told_from_a_fault():
    given = 5 * torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with pytest.raises(LoweringError, match=f"{ROUNDING_ALONE}.*give a larger eps"):
        lower(_NormOfEqualNumbers(), (Canonicalize(),), (given,))
