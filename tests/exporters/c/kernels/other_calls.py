"""Calls of all other kernels, and what they are to give."""

from dataclasses import astuple

import numpy as np
from exporters.c.kernels import expected_values
from exporters.c.kernels.call_data import (
    PAD,
    Data,
    filled,
    with_output,
    with_places,
    with_result,
    with_struct,
    with_sums,
)
from exporters.c.kernels.program import Call

from micronet_edge_c.writer import packing


def channel_sum(rows, columns, channels, pad, seed):
    data, pitch = Data(seed), columns * channels + pad
    x = data.pixels(rows * pitch)
    totals = x[expected_values.pixels(rows, columns, channels, pitch)].astype(np.int64).sum(axis=(0, 1))
    call = Call(
        "sum", f"x, sums, {rows}, {columns}, {pitch}, {channels}", f"{rows}x{columns}x{channels} {pad} {seed}"
    )
    call.constant("x", x)
    call.result("sums", np.full(channels, 77, np.int32), totals)
    return call


def mean(channels, count, output, seed):
    data = Data(seed)
    sums = data.random.integers(-128 * count, 128 * count, channels).astype(np.int32)
    bias = -count * int(data.random.integers(-128, 128))
    multiplier = int(data.multipliers(1, 74 * count, output.shift)[0])
    values = expected_values.requantized(sums.astype(np.int64) + bias, multiplier, astuple(output))
    call = Call(
        "mean", f"sums, y, {channels}, {bias}, {multiplier}, q", f"{channels} {count} {output} {seed}"
    )
    call.constant("sums", sums)
    call.result("y", *filled(channels, np.arange(channels), values))
    with_output(call, output)
    return call


def linear(ci, co, output, seed, ends=None):
    """`ends` is (every weight, every input) of sums as large as they become."""
    data = Data(seed)
    weight, bias, x = data.pixels(co, ci), data.biases(co), data.pixels(ci)
    typical = 74 * 74 * ci**0.5
    if ends is not None:
        weight[:], x[:] = ends
        typical = 128 * 128 * ci
    multipliers = data.multipliers(co, typical, output.shift)
    values = expected_values.requantized(
        expected_values.grouped(x[None], weight, bias, 1)[0], multipliers, astuple(output)
    )
    call = Call("linear", f"x, w, bm, y, scratch, {ci}, {co}, q", f"{ci} to {co} {output} {seed}")
    with_linear(call, x, weight, bias, multipliers)
    call.result("y", *filled(co, np.arange(co), values))
    with_output(call, output)
    return call


def with_linear(call, x, weight, bias, multipliers):
    call.constant("x", x)
    call.constant("w", weight, packing.linear_weights(weight), "int8")
    call.constant("bm", bias, packing.bias_stream(bias, multipliers))
    scratch = np.zeros(-(-len(x) // 16) * 16, np.int16)
    call.result("scratch", scratch, scratch, shown=False)


def coefficients(ci, co, top, period, shift, seed):
    data = Data(seed)
    weight, bias, x = data.pixels(co, ci), data.biases(co), data.pixels(ci)
    multipliers = data.multipliers(co, 74 * 74 * ci**0.5 * 60 / top, shift)
    offsets = data.random.integers(-4096, 4097, period).astype(np.int16)
    sums = expected_values.grouped(x[None], weight, bias, 1)[0]
    values = (
        expected_values.requantized(sums, multipliers, (shift, 0, 0, top)) + offsets[np.arange(co) % period]
    )
    arguments = f"x, w, bm, a, scratch, {ci}, {co}, {shift}, {top}, offsets, {period}"
    call = Call("coefficients", arguments, f"{ci} to {co} top {top} period {period} shift {shift} {seed}")
    with_linear(call, x, weight, bias, multipliers)
    call.constant("offsets", offsets)
    call.result("a", np.full(co, 77, np.int16), values)
    return call


def shift_max(shape, rows, columns, options, output, seed):
    """`shape` is (channels, width, J, K); `options` (permuted, summed, padding, x's zero)."""
    channels, width, shifts, fusions = shape
    permuted, summed, pad, x_zero = options
    data = Data(seed)
    x_pitch, y_pitch = columns * width + pad, columns * channels + pad
    x = data.pixels(rows * x_pitch)
    a = data.random.integers(-4096, 8191, (channels, fusions, shifts)).astype(np.int16)
    source = data.random.integers(0, width, (shifts, channels)).astype(np.uint16)
    if data.random.random() < 0.5:  # what networks have: the channel itself, then one of another group
        source[0] = np.arange(channels) % width
        source[-1] = (np.arange(channels) + 3) % width
    at = expected_values.pixels(rows, columns, width, x_pitch)
    sums = expected_values.shift_max(x[at].reshape(-1, width), a, source, x_zero)
    multiplier = int(data.multipliers(1, 74 * 3000 * shifts**0.5, output.shift)[0])
    values = expected_values.requantized(sums, multiplier, astuple(output)).reshape(rows, columns, channels)
    places = data.places(channels) if permuted else None
    ordered = values if places is None else values[..., np.argsort(places)]
    call = Call("shift_max", "", f"{shape} {rows}x{columns} {options} {output} {seed}")
    call.constant("x", x)
    call.constant("a", a.reshape(-1))
    call.constant("from", source.reshape(-1))
    call.result(
        "y", *filled(rows * y_pitch, expected_values.pixels(rows, columns, channels, y_pitch), ordered)
    )
    to = with_places(call, places)
    call.arguments = f"x, a, from, {to}, y, {with_sums(call, summed, ordered)}, f, {multiplier}, q"
    with_struct(call, "fusion", channels, width, shifts, fusions, rows, columns, x_pitch, y_pitch, x_zero)
    with_output(call, output)
    return call


def table(rows, row_bytes, pads, in_place, seed):
    data = Data(seed)
    x_pitch, y_pitch = row_bytes + pads[0], row_bytes + (pads[0] if in_place else pads[1])
    x, values = data.pixels(rows * x_pitch), data.pixels(256)
    found = values[x[expected_values.pixels(rows, 1, row_bytes, x_pitch)].astype(np.int64) + 128]
    source = "y" if in_place else "x"
    arguments = f"{source}, y, {rows}, {row_bytes}, {x_pitch}, {y_pitch}, table"
    call = Call("table", arguments, f"{rows}x{row_bytes} {pads} {in_place} {seed}")
    call.constant("table", values)
    if not in_place:
        call.constant("x", x)
    where = expected_values.pixels(rows, 1, row_bytes, y_pitch)
    with_result(call, rows * y_pitch, where, found, x if in_place else None)
    return call


def add(rows, row_bytes, pads, in_place, output, seed):
    """`in_place` is "a", "b" or None."""
    data = Data(seed)
    a_pitch, b_pitch, y_pitch = (row_bytes + pad for pad in pads)
    y_pitch = {"a": a_pitch, "b": b_pitch, None: y_pitch}[in_place]
    a, b = data.pixels(rows * a_pitch), data.pixels(rows * b_pitch)
    zeros, factors = data.random.integers(-128, 128, 2), data.random.integers(0, 2**14 + 1, 2)
    where = [expected_values.pixels(rows, 1, row_bytes, pitch) for pitch in (a_pitch, b_pitch, y_pitch)]
    sums = factors[0] * (a[where[0]] - zeros[0]) + factors[1] * (b[where[1]] - zeros[1])
    multiplier = int(data.multipliers(1, 74 * 10000, output.shift)[0])
    values = expected_values.requantized(sums, multiplier, astuple(output))
    names = {"a": ("y", "b"), "b": ("a", "y"), None: ("a", "b")}[in_place]
    arguments = (
        f"{names[0]}, {names[1]}, y, {rows}, {row_bytes}, {a_pitch}, {b_pitch}, {y_pitch}, f, {multiplier}, q"
    )
    call = Call("add", arguments, f"{rows}x{row_bytes} {pads} {in_place} {factors} {output} {seed}")
    if in_place != "a":
        call.constant("a", a)
    if in_place != "b":
        call.constant("b", b)
    with_result(call, rows * y_pitch, where[2], values, {"a": a, "b": b, None: None}[in_place])
    with_struct(call, "sum_of", *zeros, *factors)
    with_output(call, output)
    return call


def scale(rows, columns, channels, pads, output, seed):
    data = Data(seed)
    x_pitch, y_pitch = columns * channels + pads[0], columns * channels + pads[1]
    x, s = data.pixels(rows * x_pitch), data.pixels(channels)
    x_zero, s_zero = (int(value) for value in data.random.integers(-128, 128, 2))
    product = (x[expected_values.pixels(rows, columns, channels, x_pitch)].astype(np.int64) - x_zero) * (
        s.astype(np.int64) - s_zero
    )
    multiplier = int(data.multipliers(1, 74 * 74, output.shift)[0])
    values = expected_values.requantized(product, multiplier, astuple(output))
    arguments = (
        f"x, s, y, {rows}, {columns}, {channels}, {x_pitch}, {y_pitch}, {x_zero}, {s_zero}, {multiplier}, q"
    )
    call = Call("scale", arguments, f"{rows}x{columns}x{channels} {pads} {output} {seed}")
    call.constant("x", x)
    call.constant("s", s)
    call.result(
        "y", *filled(rows * y_pitch, expected_values.pixels(rows, columns, channels, y_pitch), values)
    )
    with_output(call, output)
    return call


def border(rows, row_bytes, sides, extra, zero):
    """`sides` are (top, bottom, left, right)."""
    top, bottom, left, right = sides
    pitch = left + row_bytes + right + extra
    before = np.full((top + rows + bottom, pitch), PAD, np.int8)
    after = before.copy()
    after[:, : left + row_bytes + right] = zero
    after[top : top + rows, left : left + row_bytes] = PAD
    first = top * pitch + left
    arguments = f"y + {first}, {rows}, {row_bytes}, {pitch}, {top}, {bottom}, {left}, {right}, {zero}"
    call = Call("border", arguments, f"{rows}x{row_bytes} {sides} {extra} {zero}")
    call.result("y", before.reshape(-1), after.reshape(-1))
    return call


def permute(rows, columns, channels, pads, seed):
    data = Data(seed)
    x_pitch, y_pitch = columns * channels + pads[0], columns * channels + pads[1]
    x, source = data.pixels(rows * x_pitch), data.random.integers(0, channels, channels).astype(np.uint16)
    values = x[expected_values.pixels(rows, columns, channels, x_pitch)][..., source]
    arguments = f"x, y, {rows}, {columns}, {channels}, {x_pitch}, {y_pitch}, from"
    call = Call("permute", arguments, f"{rows}x{columns}x{channels} {pads} {seed}")
    call.constant("x", x)
    call.constant("from", source)
    call.result(
        "y", *filled(rows * y_pitch, expected_values.pixels(rows, columns, channels, y_pitch), values)
    )
    return call
