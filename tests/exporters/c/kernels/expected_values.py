"""The kernels' numbers in plain Python, written from their definition and not from the C."""

import numpy as np


def requantized(sums, multiplier, output):
    """Round once, half up; `output` is (shift, zero point, low, high)."""
    shift, zero_point, low, high = output
    scaled = np.clip(np.asarray(sums, np.int64) << shift, -(2**31), 2**31 - 1)
    value = ((scaled * np.asarray(multiplier, np.int64) + 2**30) >> 31) + zero_point
    return np.clip(value, low, high)


def pixels(rows, columns, channels, pitch):
    """Where the bytes of a tensor lie: [rows, columns, channels]."""
    row, column, channel = np.ogrid[:rows, :columns, :channels]
    return row * pitch + column * channels + channel


def grouped(x, weight, bias, groups):
    """[pixels, ci] and [co, ci / groups] to sums [pixels, co]."""
    x, weight = x.astype(np.int64), weight.astype(np.int64)
    parts = zip(np.split(x, groups, axis=1), np.split(weight, groups), strict=True)
    return np.concatenate([part @ rows.T for part, rows in parts], axis=1) + bias


def windows(x, size, stride, rows, columns):
    """[height, width, channels] to [rows, columns, kernel height, kernel width, channels]."""
    view = np.lib.stride_tricks.sliding_window_view(x, size, (0, 1)).transpose(0, 1, 3, 4, 2)
    return view[:: stride[0], :: stride[1]][:rows, :columns].astype(np.int64)


def convolution(x, weight, bias, geometry, around):
    """Sums [rows, columns, co] of a window over a tensor without borders, which has `around` [ci] around it.

    `geometry` is (stride, (top, left), (rows, columns), groups); the weight is as PyTorch has it.
    """
    stride, (top, left), (rows, columns), groups = geometry
    size = weight.shape[2:]
    bottom = (rows - 1) * stride[0] + size[0] - top - x.shape[0]
    right = (columns - 1) * stride[1] + size[1] - left - x.shape[1]
    height, width, channels = x.shape
    padded = np.empty((top + height + max(bottom, 0), left + width + max(right, 0), channels), np.int8)
    padded[:] = around
    padded[top : top + height, left : left + width] = x
    seen = windows(padded, size, stride, rows, columns)
    parts = []
    for part, rows_of_group in zip(np.split(seen, groups, axis=4), np.split(weight, groups), strict=True):
        parts.append(np.einsum("rcijk,okij->rco", part, rows_of_group.astype(np.int64)))
    return np.concatenate(parts, axis=2) + bias


def shift_max(x, a, source, x_zero):
    """[pixels, width], a [c, K, J] and source [J, c] to sums [pixels, c]."""
    moved = x.astype(np.int64)[:, source] - x_zero  # [pixels, J, c]
    return np.einsum("pjc,ckj->pck", moved, a.astype(np.int64)).max(axis=2)
