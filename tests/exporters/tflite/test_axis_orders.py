"""Which tensors a file transposes: none where the order in which they stand will do."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from single_layers import Joined, check_float
from torch import nn

from micronet_edge.lowering.ir import primitives as p
from micronet_edge_tflite.writer.axis_order import after_reshape, settled, stored, usual


@given(st.data())
def test_a_reshape_moves_no_number(data):
    sides = data.draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=2, max_size=4))
    shape = tuple(sides)
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    total = torch.zeros(shape).numel()
    first = data.draw(st.sampled_from([each for each in range(1, total + 1) if total % each == 0]))
    second = data.draw(st.sampled_from([n for n in range(1, total // first + 1) if total // first % n == 0]))
    result = (first, second, total // first // second)
    x = torch.arange(total).reshape(shape)
    before, after = after_reshape(shape, order, result)
    assert sorted(after) == [0, 1, 2]
    in_file = x.permute(before).reshape(stored(result, after))
    assert torch.equal(in_file, x.reshape(result).permute(after))


def test_orders_that_are_the_same_memory_are_the_usual_one():
    assert settled((1, 5, 1, 1), (0, 1, 2, 3)) == usual(4) == (0, 2, 3, 1)
    assert settled((1, 5, 2, 1), (0, 1, 2, 3)) == (0, 1, 2, 3)


def transposes(session):
    return session.operators().get("TRANSPOSE", 0)


def test_convolutions_and_activations(tmp_path):
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.SiLU()
    )
    session = check_float(tmp_path, network, (3, 16, 20))
    assert set(session.operators()) == {"PAD", "CONV_2D", "DEPTHWISE_CONV_2D", "LOGISTIC", "MUL"}
    assert session.partitions() == 1


class ChannelsLastNorm(nn.Module):
    """A ConvNeXt block's norm and its two linear layers, on the channels by permutations."""

    def __init__(self):
        super().__init__()
        self.last, self.mean, self.centred, self.squares = (
            p.Permute((0, 2, 3, 1)),
            p.Mean((3,), keeps_axes=True),
            p.Subtract(),
            p.Multiply(),
        )
        self.variance, self.epsilon, self.root, self.scaled = (
            p.Mean((3,), keeps_axes=True),
            p.AddConstant(torch.tensor(1e-5)),
            p.ReciprocalSquareRoot(),
            p.Multiply(),
        )
        self.weight, self.bias = p.MultiplyConstant(torch.rand(6)), p.AddConstant(torch.rand(6))
        self.wide, self.gelu, self.narrow = nn.Linear(6, 12), nn.GELU(), nn.Linear(12, 6)
        self.first, self.total, self.conv = (
            p.Permute((0, 3, 1, 2)),
            p.Add(),
            nn.Conv2d(6, 6, 7, padding=3, groups=6),
        )

    def forward(self, x):
        y = self.last(self.conv(x))
        centred = self.centred(y, self.mean(y))
        root = self.root(self.epsilon(self.variance(self.squares(centred, centred))))
        y = self.bias(self.weight(self.scaled(centred, root)))
        return self.total(x, self.first(self.narrow(self.gelu(self.wide(y)))))


def test_a_norm_over_channels_by_permutations(tmp_path):
    session = check_float(tmp_path, ChannelsLastNorm(), (6, 8, 8), batch=3)
    assert transposes(session) == 0
    assert session.partitions() == 1


class Attention(nn.Module):
    """Patches, a class token, positions and one attention of two heads, as a vision transformer has them."""

    def __init__(self, tokens=13, width=8):
        super().__init__()
        self.patches, self.rows, self.columns = (
            nn.Conv2d(3, width, 4, 4),
            p.Reshape((-1, width, tokens - 1)),
            p.Permute((0, 2, 1)),
        )
        self.token, self.joined, self.places = (
            p.StoredTensor(torch.randn(1, 1, width)),
            p.Concatenate(1),
            p.AddConstant(torch.randn(1, tokens, width)),
        )
        self.projections, self.heads, self.first = (
            nn.Linear(width, 3 * width),
            p.Reshape((-1, tokens, 3, 2, width // 2)),
            p.Permute((2, 0, 3, 1, 4)),
        )
        self.parts = nn.ModuleList(p.Slice(0, k, k + 1) for k in range(3))
        self.dropped = nn.ModuleList(p.Reshape((-1, 2, tokens, width // 2)) for _ in range(3))
        self.turned, self.scores, self.scale, self.softmax = (
            p.Permute((0, 1, 3, 2)),
            p.MatrixProduct(),
            p.MultiplyConstant(torch.tensor(0.5)),
            nn.Softmax(3),
        )
        self.mixed, self.back, self.together, self.out = (
            p.MatrixProduct(),
            p.Permute((0, 2, 1, 3)),
            p.Reshape((-1, tokens, width)),
            nn.Linear(width, width),
        )

    def embedded(self, x):
        x = self.columns(self.rows(self.patches(x)))
        return self.places(self.joined(self.token(x), x))

    def forward(self, x):
        x = self.embedded(x)
        y = self.first(self.heads(self.projections(x)))
        q, k, v = (drop(part(y)) for drop, part in zip(self.dropped, self.parts, strict=True))
        weights = self.softmax(self.scale(self.scores(q, self.turned(k))))
        return self.out(self.together(self.back(self.mixed(weights, v))))


def test_patches_become_rows_by_a_reshape(tmp_path):
    class Embedding(Attention):
        def forward(self, x):
            return self.embedded(x)

    session = check_float(tmp_path, Embedding(), (3, 12, 16), batch=3)
    assert session.operators() == {"CONV_2D": 1, "RESHAPE": 1, "CONCATENATION": 1, "ADD": 1}


def test_an_attention(tmp_path):
    session = check_float(tmp_path, Attention(), (3, 12, 16), batch=3)
    assert transposes(session) == 4  # query, key and value by heads, and the heads side by side
    assert session.partitions() == 1


class Squeezed(nn.Module):
    """Squeeze and excite, whose gate is a map of one pixel, and a flat classifier."""

    def __init__(self):
        super().__init__()
        self.mean, self.squeeze, self.relu, self.excite = (
            nn.AdaptiveAvgPool2d(1),
            nn.Linear(6, 3),
            nn.ReLU(),
            nn.Linear(3, 6),
        )
        self.flat, self.gate, self.map, self.product = (
            nn.Flatten(1),
            nn.Hardsigmoid(),
            p.Reshape((-1, 6, 1, 1)),
            p.Multiply(),
        )

    def forward(self, x):
        gate = self.gate(self.excite(self.relu(self.squeeze(self.flat(self.mean(x))))))
        return self.product(x, self.map(gate))


def test_squeeze_and_excite(tmp_path):
    session = check_float(tmp_path, Squeezed(), (6, 8, 8), batch=3)
    assert transposes(session) == 0


class TwoReaders(nn.Module):
    """Two layers that want the same tensor with its columns last."""

    def __init__(self):
        super().__init__()
        self.conv, self.one, self.two, self.sum = (
            nn.Conv2d(3, 4, 1),
            nn.Linear(8, 5),
            nn.Linear(8, 5),
            p.Add(),
        )

    def forward(self, x):
        y = self.conv(x)
        return self.sum(self.one(y), self.two(y))


def test_a_tensor_is_transposed_once_for_all_readers(tmp_path):
    session = check_float(tmp_path, TwoReaders(), (3, 6, 8), batch=3)
    assert transposes(session) == 2  # and the result once


def test_group_norm_on_five_axes(tmp_path):
    network = nn.Sequential(
        nn.Conv2d(3, 6, 1),
        p.Reshape((-1, 2, 3, 8, 8)),
        p.Mean((2, 3, 4), keeps_axes=True),
        p.Expand((-1, 2, 3, 8, 8)),
        p.Reshape((-1, 6, 8, 8)),
        nn.Conv2d(6, 2, 1),
    )
    assert transposes(check_float(tmp_path, network, (3, 8, 8), batch=3)) == 0


def test_windows_of_six_axes(tmp_path):
    network = nn.Sequential(
        nn.Conv2d(3, 4, 1),
        p.Permute((0, 2, 3, 1)),
        p.Reshape((-1, 2, 4, 2, 4, 4)),
        p.Permute((0, 1, 3, 2, 4, 5)),
        p.Reshape((-1, 16, 4)),
        nn.Linear(4, 4),
    )
    whole = nn.Sequential(network, p.Reshape((-1, 4, 16, 4)))
    session = check_float(tmp_path, whole, (3, 8, 8), batch=3)
    assert transposes(session) == 2  # the windows, and the result as a map


def test_tensors_of_fewer_axes_broadcast(tmp_path):
    check_float(tmp_path, Joined(p.Add()), (3, 4, 5), (3, 1, 5), batch=3)
    check_float(tmp_path, Joined(p.Multiply()), (3, 4, 5), (3, 4, 5), batch=1)
    check_float(tmp_path, Joined(p.Maximum()), (4, 5), (1, 5), batch=3)
