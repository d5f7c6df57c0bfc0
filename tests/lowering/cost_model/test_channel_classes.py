"""Which tensors must share an order of channels, and which order each class is given."""

from dataclasses import replace

import numpy as np
import pytest
from costs import ONNXRUNTIME_COSTS, PORTABLE_COSTS, XNNPACK, XNNPACK_COSTS
from hypothesis import given, settings
from hypothesis import strategies as st
from lowering.networks import KEEP_GROUPS, NO_COPIES, Residual, divisors, micronet, shift_max, stem, traced
from torch import nn

from micronet_edge.lowering import apply, lower
from micronet_edge.lowering.cost_model.channel_classes import Boundary, find_channel_classes
from micronet_edge.lowering.cost_model.choose_layout import choose_channel_orders
from micronet_edge.lowering.cost_model.layout_cost import Prices, moved, stays_grouped
from micronet_edge.lowering.ir.channel_order import segments
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.ir.graph import calls, module_of
from micronet_edge.lowering.ir.pass_base import probe_image
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.models import ChannelShuffle


def frozen(*layers, size=8):
    return apply(FreezeShiftMax(), traced(*layers, size=size), probe_image(size))[0]


def classes_and_nodes(*layers):
    network = frozen(*layers)
    return find_channel_classes(network), [node for node in network.graph.nodes if node.op != "output"]


def test_elementwise_layers_and_depthwise_convolutions_join_their_input():
    depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6)
    layers = stem(6), nn.ReLU6(), depthwise, shift_max(6, 2), nn.MaxPool2d(2), nn.Hardswish()
    classes, (image, *inner) = classes_and_nodes(*layers)
    assert len({id(classes.of[node]) for node in inner}) == 1
    assert classes.of[image] is not classes.of[inner[0]]
    assert classes.boundaries == [Boundary(image, None), Boundary(inner[-1], inner[-1].next)]


def test_convolutions_and_linear_layers_end_a_class():
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    classes, nodes = classes_and_nodes(stem(6), nn.Conv2d(6, 4, 1, groups=2), *head)
    image, first, second, pool, flat, logits = nodes
    assert classes.weighted == [first, second, logits]
    assert classes.of[second] is classes.of[pool] is classes.of[flat]
    assert len(classes.ordered) == len({image, first, second, logits})


def test_a_depthwise_convolution_with_a_multiplier_ends_a_class():
    classes, (_, first, second) = classes_and_nodes(stem(4), nn.Conv2d(4, 8, 1, groups=4))
    assert classes.of[first] is not classes.of[second]


@given(groups=st.integers(1, 5), width=st.integers(1, 5), data=st.data())
def test_a_shuffle_begins_a_class_and_moves_what_the_orders_leave_it(groups, width, data):
    channels = groups * width
    shuffle = ChannelShuffle(groups)
    classes, (_, conv, shuffled) = classes_and_nodes(stem(channels), shuffle)
    assert classes.shuffles == [shuffled]
    before, behind = classes.of[conv], classes.of[shuffled]
    assert before is not behind
    order = np.array(data.draw(st.permutations(range(channels))))
    source = np.array(shuffle.source(channels))
    as_it_comes = np.argsort(source)[order]
    orders = {before: order, behind: as_it_comes}
    assert moved(shuffled, classes, orders).tolist() == list(range(channels))
    drawn = np.array(data.draw(st.permutations(range(channels))))
    index = moved(shuffled, classes, {before: order, behind: drawn})
    assert order[index].tolist() == source[drawn].tolist()


def test_a_sum_joins_both_sides():
    classes, nodes = classes_and_nodes(stem(4), Residual(nn.Conv2d(4, 4, 1), ChannelShuffle(2)))
    _, conv, inner, shuffle, add = nodes
    group = classes.of[conv]
    assert classes.of[shuffle] is classes.of[add] is group
    assert classes.of[inner] is not group
    assert set(group.nodes) == {conv, shuffle, add}


def test_a_sum_of_a_tensor_with_its_own_shuffle_is_one_class_and_moves_data():
    classes, nodes = classes_and_nodes(stem(4), Residual(ChannelShuffle(2)))
    _, conv, shuffle, add = nodes
    group = classes.of[conv]
    assert set(group.nodes) == {conv, shuffle, add}
    assert moves(classes, {group: np.arange(4)})


def test_unknown_layers_are_boundaries_on_both_sides():
    classes, nodes = classes_and_nodes(stem(4), nn.PReLU(4), nn.ReLU())
    image, conv, unknown, relu = nodes
    assert classes.boundaries == [
        Boundary(image, None),
        Boundary(conv, unknown),
        Boundary(unknown, None),
        Boundary(relu, relu.next),
    ]


def test_flatten_ends_the_class_where_it_mixes_channels_with_pixels():
    classes, (_, conv, flat) = classes_and_nodes(stem(4), nn.Flatten())
    assert {Boundary(conv, flat), Boundary(flat, None)} <= set(classes.boundaries)


def test_a_linear_layer_over_the_last_of_four_axes_is_unknown():
    class ChannelsLast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.linear = stem(4), nn.Linear(4, 5)

        def forward(self, x):
            return self.linear(self.conv(x).permute(0, 2, 3, 1))

    classes, (_, _, permuted, linear) = classes_and_nodes(ChannelsLast())
    assert linear not in classes.weighted
    assert Boundary(permuted, linear) in classes.boundaries


@given(groups=st.sampled_from([2, 3, 4]), inputs=st.integers(1, 3), outputs=st.integers(1, 3), data=st.data())
def test_groups_stay_together_as_blocks_in_the_same_sequence(groups, inputs, outputs, data):
    conv = nn.Conv2d(groups * inputs, groups * outputs, 1, groups=groups)
    sequence = data.draw(st.permutations(range(groups)))

    def blocks(width):
        inside = [data.draw(st.permutations(range(width))) for _ in sequence]
        return np.array(
            [group * width + i for group, inner in zip(sequence, inside, strict=True) for i in inner]
        )

    before, behind = blocks(inputs), blocks(outputs)
    assert stays_grouped(conv, before, behind)
    assert not stays_grouped(conv, before, np.roll(behind, outputs))
    if inputs > 1:
        assert not stays_grouped(conv, np.roll(before, 1), behind)


def chosen(network, costs):
    classes = find_channel_classes(network)
    return classes, choose_channel_orders(classes, costs)


@pytest.mark.parametrize("costs", [ONNXRUNTIME_COSTS, PORTABLE_COSTS, XNNPACK_COSTS, KEEP_GROUPS, NO_COPIES])
@given(channels=st.sampled_from([6, 8, 12]), data=st.data())
@settings(max_examples=20)
def test_every_class_is_given_a_permutation(costs, channels, data):
    groups = st.sampled_from(divisors(channels))
    layers = [
        shift_max(channels, data.draw(groups)),
        ChannelShuffle(data.draw(groups)),
        nn.Conv2d(channels, 2 * channels, 1, groups=data.draw(groups)),
        shift_max(2 * channels, data.draw(groups)),
    ]
    classes, orders = chosen(frozen(stem(channels), *layers), costs)
    assert set(orders) == set(classes.of.values())
    for group, order in orders.items():
        assert sorted(order) == list(range(group.channels))


def all_stay_grouped(classes, orders):
    for node in classes.weighted:
        conv = module_of(node)
        before, behind = classes.of[node.args[0]], classes.of[node]
        inputs, outputs = (
            orders[before],
            orders[behind],
        )
        yield stays_grouped(conv, inputs, outputs)


def grouped_pair(groups, width, *between):
    channels = groups * groups * width
    convolutions = [nn.Conv2d(channels, channels, 1, groups=groups) for _ in range(2)]
    return frozen(stem(channels), convolutions[0], shift_max(channels, groups), *between, convolutions[1])


@given(groups=st.sampled_from([2, 3, 4]), width=st.integers(1, 2))
def test_grouped_convolutions_keep_their_groups_where_they_can(groups, width):
    network = grouped_pair(groups, width)
    assert all(all_stay_grouped(*chosen(network, KEEP_GROUPS)))


@given(groups=st.sampled_from([2, 3, 4]), width=st.integers(1, 2))
def test_of_two_groupings_across_a_shuffle_one_is_kept_where_moving_costs_more(groups, width):
    network = grouped_pair(groups, width, ChannelShuffle(groups))
    classes, orders = chosen(network, KEEP_GROUPS)
    assert list(all_stay_grouped(classes, orders)).count(False) == 1
    assert not moves(classes, orders)


@given(groups=st.sampled_from([2, 3, 4]), width=st.integers(1, 2))
def test_both_are_kept_where_moving_costs_less(groups, width):
    network = grouped_pair(groups, width, ChannelShuffle(groups))
    classes, orders = chosen(network, replace(KEEP_GROUPS, gathers=True))
    assert all(all_stay_grouped(classes, orders))
    assert moves(classes, orders)


def moves(classes, orders):
    """Whether a shuffle moves data."""
    return any((np.diff(moved(shuffle, classes, orders)) != 1).any() for shuffle in classes.shuffles)


def scattered(classes, orders):
    """The most segments that any shift needs."""
    pieces = [1]
    for node, group in classes.of.items():
        activation = module_of(node)
        if isinstance(activation, FrozenShiftMax):
            labels = orders[group]
            position = np.argsort(labels)
            pieces += [len(segments(position[np.array(source)[labels]])) for source in activation.sources]
    return max(pieces)


@given(groups=st.integers(1, 6), width=st.integers(1, 6), shifts=st.integers(2, 4))
def test_a_shift_between_dense_convolutions_becomes_a_roll(groups, width, shifts):
    channels = groups * width
    layers = stem(channels), shift_max(channels, groups, shifts), nn.Conv2d(channels, 2, 1)
    assert scattered(*chosen(frozen(*layers), NO_COPIES)) <= 2


def test_two_shifts_joined_by_a_shuffle_become_rolls_in_one_order():
    # As in the released blocks: the shuffle exchanges the axes, hence the other axis as groups.
    layers = shift_max(24, 4), ChannelShuffle(4), nn.Conv2d(24, 24, 3, groups=24), shift_max(24, 6)
    assert scattered(*chosen(frozen(stem(24), *layers, nn.Conv2d(24, 2, 1)), NO_COPIES)) <= 2


def test_the_effort_of_choosing_grows_with_the_depth_and_not_exponentially(monkeypatch):
    cost, efforts = Prices.added_ns, []

    def counted(prices, *arguments):
        efforts[-1] += 1
        return cost(prices, *arguments)

    monkeypatch.setattr(Prices, "added_ns", counted)
    for depth in (2, 4):
        layers = [one for _ in range(depth) for one in (nn.Conv2d(24, 24, 1, groups=4), ChannelShuffle(4))]
        efforts.append(0)
        chosen(frozen(stem(24), *layers), ONNXRUNTIME_COSTS)
    assert efforts[1] < 4 * efforts[0]


def test_no_shift_of_m0_needs_more_segments_than_the_costs_allow():
    whole = tuple(pass_ for pass_ in XNNPACK if not isinstance(pass_, Decompose))
    lowered = lower(micronet("m0"), whole, 224).network
    pieces = {
        node.name: max(len(segments(np.array(source))) for source in activation.sources)
        for node, activation in calls(lowered, FrozenShiftMax)
    }
    assert len(pieces) == 15
    assert max(pieces.values()) <= XNNPACK_COSTS.most_pieces, pieces
