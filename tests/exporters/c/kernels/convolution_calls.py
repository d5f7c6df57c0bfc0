"""Calls of the kernels of convolutions, and what they are to give."""

from dataclasses import astuple

import numpy as np
from exporters.c.kernels import expected_values
from exporters.c.kernels.call_data import (
    PAD,
    Data,
    filled,
    widened,
    with_output,
    with_places,
    with_struct,
    with_sums,
)
from exporters.c.kernels.program import Call

from micronet_edge_c.writer import packing


def pointwise(shape, rows, columns, pads, output, seed):
    """`shape` is (groups, inputs of a group, outputs of a group)."""
    groups, depth, width = shape
    data, ci, co = Data(seed), groups * depth, groups * width
    weight, bias = data.pixels(co, depth), data.biases(co)
    multipliers = data.multipliers(co, 74 * 74 * depth**0.5, output.shift)
    x_pitch, y_pitch = columns * ci + pads[0], columns * co + pads[1]
    x = data.pixels(rows * x_pitch)
    at = expected_values.pixels(rows, columns, ci, x_pitch)
    sums = expected_values.grouped(x[at].reshape(-1, ci), weight, bias, groups)
    values = expected_values.requantized(sums, multipliers, astuple(output)).reshape(rows, columns, co)
    before, after = filled(rows * y_pitch, expected_values.pixels(rows, columns, co, y_pitch), values)
    arguments = f"x, w, y, {rows}, {columns}, {x_pitch}, {y_pitch}, {ci}, {co}, {groups}, q"
    call = Call("pointwise", arguments, f"{shape} {rows}x{columns} {pads} {output} {seed}")
    call.constant("x", x)
    call.constant("w", weight, packing.pointwise_stream(weight, bias, multipliers, groups))
    call.result("y", before, after)
    with_output(call, output)
    return call


def lines(filter_, length, count, options, output, seed):
    """`filter_` is (channels, multiplier, taps, stride); `options` (by rows, permuted, summed, pad, wide).

    Which tensors are wide: "x", "y", "xy" or "".
    """
    channels, multiplier, taps, stride = filter_
    along_row, permuted, summed, pad, wide = options
    wide_x, wide_y = int("x" in wide), int("y" in wide)
    data, co, output = Data(seed), channels * multiplier, widened(output, wide_y)
    weight, bias = data.pixels(co, taps), data.biases(co, 100_000 if wide_y else 2000)
    multipliers = data.multipliers(co, 74 * 74 * taps**0.5 * 256.0 ** (wide_x - wide_y), output.shift)
    inside = (length - 1) * stride + taps
    if along_row:
        x_step, x_line, y_step, y_line = channels, inside * channels + pad, co, length * co + pad
    else:
        x_step, x_line, y_step, y_line = count * channels + pad, channels, count * co + pad, co
    pixels = data.wide_pixels if wide_x else data.pixels
    x = pixels((inside - 1) * x_step + (count - 1) * x_line + channels)
    line, i, c = np.ogrid[:count, :length, :co]
    sums = np.zeros((count, length, co), np.int64) + bias
    for k in range(taps):
        sums += weight[:, k].astype(np.int64) * x[line * x_line + (i * stride + k) * x_step + c // multiplier]
    values = expected_values.requantized(sums, multipliers, astuple(output))
    places = data.places(co) if permuted else None
    where = line * y_line + i * y_step + (c if places is None else places[c].astype(np.int64))
    size = (count - 1) * y_line + (length - 1) * y_step + co
    before, after = filled(size, where, values, np.int16 if wide_y else np.int8)
    call = Call("depthwise_lines", "", f"{filter_} {length}x{count} {options} {output} {seed}")
    call.constant("x", x)
    call.constant("w", weight, packing.lines_stream(weight, bias, multipliers))
    call.result("y", before, after)
    ordered = values if places is None else values[..., np.argsort(places)]
    call.arguments = f"x, w, y, {with_sums(call, summed, ordered)}, {with_places(call, places)}, f, q"
    steps = (x_step << wide_x, x_line << wide_x, y_step << wide_y, y_line << wide_y)
    with_struct(call, "lines", channels, multiplier, taps, stride, length, count, *steps, wide_x, wide_y)
    with_output(call, output)
    return call


def square(filter_, rows, columns, options, output, seed):
    """`filter_` is (channels, size, stride); `options` (summed, padding)."""
    channels, size, stride = filter_
    summed, pad = options
    data = Data(seed)
    weight, bias = data.pixels(channels, size, size), data.biases(channels)
    multipliers = data.multipliers(channels, 74 * 74 * size, output.shift)
    high, wide = (rows - 1) * stride + size, (columns - 1) * stride + size
    x_pitch, y_pitch = wide * channels + pad, columns * channels + pad
    x = data.pixels((high - 1) * x_pitch + wide * channels)
    seen = expected_values.windows(
        x[expected_values.pixels(high, wide, channels, x_pitch)],
        (size, size),
        (stride, stride),
        rows,
        columns,
    )
    sums = np.einsum("rcijk,kij->rck", seen, weight.astype(np.int64)) + bias
    values = expected_values.requantized(sums, multipliers, astuple(output))
    before, after = filled(rows * y_pitch, expected_values.pixels(rows, columns, channels, y_pitch), values)
    call = Call("depthwise_square", "", f"{filter_} {rows}x{columns} {options} {output} {seed}")
    call.constant("x", x)
    call.constant("w", weight, packing.square_stream(weight, bias, multipliers))
    call.result("y", before, after)
    call.arguments = f"x, w, y, {with_sums(call, summed, values)}, f, q"
    with_struct(call, "square", channels, size, stride, rows, columns, x_pitch, y_pitch)
    with_output(call, output)
    return call


def convolution(shape, kernel, image, options, output, seed):
    """`shape` is (groups, inputs, outputs of a group), `kernel` (height, width, strides, top, left).

    `options` is (the input is uint8, padding, zero point, the result is int16).
    """
    groups, depth, width = shape
    kernel_h, kernel_w, stride_h, stride_w, top, left = kernel
    (rows_in, columns_in), (is_unsigned, pad, x_zero, wide) = image, options
    data, ci, co, output = Data(seed), groups * depth, groups * width, widened(output, wide)
    # As many outputs as fit with a border of the same width on the other side.
    rows = (rows_in + 2 * top - kernel_h) // stride_h + 1
    columns = (columns_in + 2 * left - kernel_w) // stride_w + 1
    weight = data.pixels(co, depth, kernel_h, kernel_w)
    bias = data.biases(co, 100_000 if wide else 2000)
    typical = 74 * 74 * (depth * kernel_h * kernel_w) ** 0.5
    multipliers = data.multipliers(co, typical / 256 if wide else typical, output.shift)
    x_pitch, y_pitch = columns_in * ci + pad, columns * co + pad
    x = data.pixels(rows_in * x_pitch)
    image = x[expected_values.pixels(rows_in, columns_in, ci, x_pitch)]
    geometry = ((stride_h, stride_w), (top, left), (rows, columns), groups)
    around = ((x_zero + 128 + 37 * np.arange(ci)) % 256 - 128).astype(np.int8)  # each channel its own
    sums = expected_values.convolution(image, weight, bias, geometry, around)
    values = expected_values.requantized(sums, multipliers, astuple(output))
    where = expected_values.pixels(rows, columns, co, y_pitch)
    before, after = filled(rows * y_pitch, where, values, np.int16 if wide else np.int8)
    call = Call(
        "convolution",
        "x, w, y, scratch, border, f, q",
        f"{shape} {kernel} {image.shape} {options} {output} {seed}",
    )
    call.constant("x", (x.astype(np.int16) + 128).astype(np.uint8) if is_unsigned else x)
    call.constant("w", weight, packing.convolution_stream(weight, bias, multipliers, groups))
    call.result("y", before, after)
    scratch = np.full(kernel_h * ((columns - 1) * stride_w + kernel_w) * ci + 16, PAD, np.int8)
    call.result("scratch", scratch, scratch, shown=False)
    call.constant("border", around)
    counts = (ci, co, groups, *kernel, rows_in, columns_in, rows, columns)
    with_struct(call, "window", *counts, x_pitch, y_pitch << int(wide), 0, int(is_unsigned), int(wide))
    with_output(call, output)
    return call
