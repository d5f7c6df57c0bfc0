"""Random data of calls, and the buffers and settings that many kernels have."""

from dataclasses import astuple, dataclass, replace

import numpy as np
from hypothesis import strategies as st

PAD = 90
"""What lies between the rows of a result; kernels leave it alone."""


@dataclass(frozen=True)
class Output:
    shift: int
    zero_point: int
    low: int
    high: int


class Data:
    """Random data of a call."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def pixels(self, *shape):
        return self.random.integers(-128, 128, shape).astype(np.int8)

    def wide_pixels(self, *shape):
        return self.random.integers(-(2**15), 2**15, shape).astype(np.int16)

    def biases(self, count, spread=2000):
        return self.random.integers(-spread, spread + 1, count).astype(np.int32)

    def multipliers(self, count, sums, shift):
        """So that outputs of sums of this size fill int8; some give exact halves, some are 0."""
        factor = 60 / max(sums * 2**shift, 1)
        values = np.minimum(factor * self.random.uniform(0.4, 1.6, count) * 2**31, 2**30 - 1).astype(np.int64)
        halves = self.random.random(count) < 0.1
        values[halves] = 1 << self.random.integers(20, 30, int(halves.sum()))
        values[self.random.random(count) < 0.03] = 0
        return values.astype(np.int32)

    def places(self, count):
        return self.random.permutation(count).astype(np.uint16)


@st.composite
def outputs(draw):
    shift = draw(st.sampled_from([0, 0, 0, 0, 1, 2, 3]))
    low, high = draw(st.sampled_from([(-128, 127), (-128, 127), (-20, 127), (-128, 33), (-7, 90), (3, 3)]))
    return Output(shift, draw(st.integers(-128, 127)), low, high)


def widened(output, wide):
    """The same with the ends of int16, where it ends at those of int8."""
    if not wide:
        return output
    low = -(2**15) if output.low == -(2**7) else output.low
    high = 2**15 - 1 if output.high == 2**7 - 1 else output.high
    return replace(output, low=low, high=high)


def seeds():
    return st.integers(0, 2**32)


def padding():
    return st.sampled_from([0, 0, 1, 3, 4, 10, 16])


def with_output(call, output):
    numbers = ", ".join(map(str, astuple(output)))
    call.local(f"const micronet_output q = {{{numbers}}};")


def with_struct(call, kind, *fields):
    call.local(f"const micronet_{kind} f = {{{', '.join(map(str, fields))}}};")


def filled(size, where, values, dtype=np.int8):
    """The result buffer before and after."""
    before = np.full(size, PAD, dtype)
    after = before.copy()
    after[where] = values
    return before, after


def with_sums(call, wanted, values):
    """The sums of each channel, or NULL. `values` are [..., channels]."""
    if not wanted:
        return "NULL"
    totals = values.reshape(-1, values.shape[-1]).sum(axis=0)
    call.result("sums", np.full(len(totals), 77, np.int32), totals)
    return "sums"


def with_places(call, places):
    if places is None:
        return "NULL"
    call.constant("to", places)
    return "to"


def with_result(call, size, where, values, held=None):
    """The result y; `held` is what it holds before, where it is an operand as well."""
    if held is None:
        call.result("y", *filled(size, where, values))
    else:
        after = held.copy()
        after[where] = values
        call.result("y", held, after)
