"""Which calls are tested: drawn ones, the same at every run, and those that networks have."""

from exporters.c.kernels import convolution_calls as convolutions
from exporters.c.kernels import other_calls as others
from exporters.c.kernels.call_data import Output, outputs, padding, seeds
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

PLAIN = Output(0, -7, -128, 127)


def few(top):
    return st.integers(1, top)


def one_of(*values):
    """Values named more than once are drawn more often."""
    return st.sampled_from(values)


depths = st.one_of(few(20), one_of(4, 8, 12, 16, 36))
pads = st.tuples(padding(), padding())
flags = st.booleans()
int8 = st.integers(-128, 127)
windows = one_of(
    (3, 1, 2, 1, 1, 0), (3, 3, 2, 2, 1, 1), (1, 3, 1, 2, 0, 1), (2, 5, 1, 1, 0, 0), (1, 1, 1, 1, 0, 0)
)
images = st.tuples(st.integers(3, 8), st.integers(5, 9))
lines = st.tuples(flags, flags, flags, padding(), one_of("", "x", "y", "xy"))
products = st.tuples(few(4), depths, few(13))
filters = st.tuples(few(10), few(3), one_of(1, 2, 3, 3, 4, 5, 5, 7), one_of(1, 1, 2, 2, 3))
squares = st.tuples(few(13), one_of(1, 2, 3, 3, 3, 5, 5, 5, 7), one_of(1, 1, 2, 3))
fusions = st.tuples(few(26), few(26), one_of(1, 2, 2, 2, 3, 4), one_of(1, 2, 2, 3))
sides = st.tuples(*[st.integers(0, 5)] * 4)

DRAWN = (
    (60, st.builds(
        convolutions.pointwise, products, few(3), few(6), pads, outputs(), seeds())),
    (60, st.builds(
        convolutions.lines, filters, few(9), few(4), lines, outputs(), seeds())),
    (50, st.builds(
        convolutions.square, squares, few(4), few(5), st.tuples(flags, padding()), outputs(), seeds())),
    (50, st.builds(
        convolutions.convolution, st.tuples(few(3), few(5), few(9)), windows, images,
        st.tuples(flags, padding(), int8, flags), outputs(), seeds())),
    (25, st.builds(others.channel_sum, few(3), few(9), few(40), padding(), seeds())),
    (15, st.builds(others.mean, few(40), st.one_of(few(4000), few(8_000_000)), outputs(), seeds())),
    (30, st.builds(others.linear, few(70), few(22), outputs(), seeds())),
    (30, st.builds(
        others.coefficients, few(40), few(30), few(4095), few(6), one_of(0, 0, 1, 3),
        seeds())),
    (70, st.builds(
        others.shift_max, fusions, few(3), few(6), st.tuples(flags, flags, padding(), int8), outputs(),
        seeds())),
    (25, st.builds(others.table, few(3), few(40), pads, flags, seeds())),
    (30, st.builds(
        others.add, few(3), few(40), st.tuples(padding(), padding(), padding()), one_of("a", "b", None),
        outputs(), seeds())),
    (25, st.builds(others.scale, few(3), few(4), few(40), pads, outputs(), seeds())),
    (20, st.builds(others.border, few(4), few(20), sides, padding(), int8)),
    (15, st.builds(others.permute, few(3), few(4), few(30), pads, seeds())),
)  # fmt: skip


def drawn(count, strategy):
    """The same examples at every run."""
    found = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(call):
        found.append(call)

    collect()
    return found


def typical():
    """Shapes of networks: fast paths, their rests, and sums over more pixels than 16 bits hold."""
    whole = (False, 0)
    return [
        # The first call has constant arguments: gcc 12 gathered from this scratch before it was filled.
        convolutions.convolution(
            (1, 5, 1), (1, 3, 1, 2, 0, 1), (3, 5), (False, 10, -3, False), Output(3, -3, -128, 33), 10526755
        ),
        *[
            convolutions.pointwise(s, 1, 7, (0, 0), PLAIN, 1)
            for s in ((2, 4, 12), (3, 8, 8), (1, 16, 16), (2, 36, 24))
        ],
        *[
            convolutions.pointwise(s, 2, 3, (5, 0), PLAIN, 2)
            for s in ((1, 72, 6), (2, 6, 10), (4, 1, 8), (1, 100, 12))
        ],
        *[
            convolutions.lines((8, m, taps, stride), 6, 3, (row, row, row, 0, wide), PLAIN, 3)
            for wide in ("", "x", "y")
            for m in (1, 2)
            for taps in (3, 5)
            for stride in (1, 2)
            for row in (False, True)
        ],
        # More outputs than lanes keep distances for, from the middle of a row on, and rows far apart.
        *[
            convolutions.lines((3, 2, 5, 2), 13, 23, (row, True, True, pad, wide), PLAIN, 17)
            for row in (False, True)
            for pad, wide in ((0, ""), (3, "xy"), (9000, "y"))
        ],
        *[convolutions.lines((2, 1, 3, 1), 137, 1, (row, False, True, 0, ""), PLAIN, 18) for row in (0, 1)],
        # Small maps with whole vectors of channels, in places of their own and with sums.
        *[
            convolutions.lines(
                (c, 1, taps, stride), 3, 4, (row, to, to, 2, wide), Output(3, -3, -128, 90), 19
            )
            for c in (8, 24)
            for taps, stride in ((3, 1), (5, 2), (4, 1), (7, 1))
            for row, to in ((False, True), (True, False))
            for wide in ("", "x", "y", "xy")
        ],
        *[
            others.shift_max((c, width, 2, k), 3, 4, (to, not to, 5, -128), Output(0, 4, -100, 100), 20)
            for c, width in ((8, 8), (24, 16), (40, 9))
            for k in (1, 2)
            for to in (False, True)
        ],
        *[convolutions.square((16, size, s), 3, 5, (True, 0), PLAIN, 4) for size in (3, 5) for s in (1, 2)],
        *[
            convolutions.square((20, 3, 1), 4, 4, whole, PLAIN, 5),
            convolutions.square((18, 5, 2), 2, 6, whole, PLAIN, 6),
        ],
        *[
            convolutions.convolution(
                (1, 3, width), (3, 1, 2, 1, 1, 0), (8, 9), (unsigned, 0, 5, wide), PLAIN, 7
            )
            for width in (4, 8)
            for unsigned in (False, True)
            for wide in (False, True)
        ],
        # Windows one pixel wide, of up to 16 taps and of more.
        *[
            convolutions.convolution(
                (1, ci, co), (height, 1, 2, 1, 1, 0), (7, columns), (unsigned, 3, -5, wide), PLAIN, 21
            )
            for ci, co, height in ((1, 4, 3), (3, 6, 5), (4, 8, 4), (5, 5, 3), (16, 4, 1), (6, 4, 3))
            for columns in (5, 16, 23)
            for unsigned, wide in ((False, True), (True, False))
        ],
        convolutions.convolution((1, 3, 8), (3, 3, 2, 2, 1, 1), (9, 12), (True, 0, -128, False), PLAIN, 9),
        convolutions.convolution((1, 3, 16), (3, 3, 2, 2, 1, 1), (8, 8), (False, 0, 5, False), PLAIN, 10),
        others.channel_sum(20, 20, 12, 0, 11),
        others.channel_sum(3, 300, 3, 1, 12),
        others.linear(640, 20, PLAIN, 13),
        *[
            others.linear(ci, 6, PLAIN, 17, (weight, pixel))
            for ci in (496, 509, 1100)
            for weight in (-128, 127)
            for pixel in (-128, 127)
        ],
        others.coefficients(24, 64, 4095, 4, 0, 14),
        *[
            others.shift_max((c, c, 2, k), 2, 5, (to, to, 0, 11), PLAIN, 15)
            for c in (8, 12, 24)
            for k in (1, 2)
            for to in (False, True)
        ],
        others.shift_max((8, 8, 2, 2), 20, 20, (True, True, 0, -128), PLAIN, 16),
    ]


def all_calls():
    return [*typical(), *(call for count, strategy in DRAWN for call in drawn(count, strategy))]
