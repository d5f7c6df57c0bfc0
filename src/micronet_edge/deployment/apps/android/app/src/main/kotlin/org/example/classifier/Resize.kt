package org.example.classifier

import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.max
import kotlin.math.min

/** 8-bit pixels, row by row, with the channels of a pixel side by side. */
class Pixels(val width: Int, val height: Int, val channels: Int) {
    val bytes = ByteArray(width * height * channels)
}

/**
 * Resizes as Pillow (from 13.0) does, to the bit: along rows and along columns, with the filter widened where the
 * picture shrinks, weights in fixed point, and each pass rounded to 8 bits.
 *
 * @param row fills an array with the pixels of the row of that number, and is asked for the rows in order.
 */
fun resize(
    width: Int,
    height: Int,
    channels: Int,
    toWidth: Int,
    toHeight: Int,
    bicubic: Boolean,
    row: (Int, ByteArray) -> Unit,
): Pixels {
    // Columns come first where the height shrinks by more than twice the pixels that the width does.
    if (height - toHeight > max(0, 2 * (width - toWidth))) {
        val low = down(across(width, height, channels, width, bicubic, row), toHeight, bicubic)
        return across(width, toHeight, channels, toWidth, bicubic) { y, line ->
            low.bytes.copyInto(line, 0, y * line.size, (y + 1) * line.size)
        }
    }
    return down(across(width, height, channels, toWidth, bicubic, row), toHeight, bicubic)
}

private fun across(
    width: Int,
    height: Int,
    channels: Int,
    toWidth: Int,
    bicubic: Boolean,
    row: (Int, ByteArray) -> Unit,
): Pixels {
    val narrow = Pixels(toWidth, height, channels)
    val weights = Weights(width, toWidth, bicubic)
    val line = ByteArray(width * channels)
    for (y in 0 until height) {
        row(y, line)
        val at = y * toWidth * channels
        if (width == toWidth) {
            line.copyInto(narrow.bytes, at)
        } else {
            weights.apply(line, 0, channels, channels, narrow.bytes, at, channels)
        }
    }
    return narrow
}

private fun down(from: Pixels, toHeight: Int, bicubic: Boolean): Pixels {
    if (from.height == toHeight) return from
    val low = Pixels(from.width, toHeight, from.channels)
    val weights = Weights(from.height, toHeight, bicubic)
    val stride = from.width * from.channels
    for (x in 0 until from.width) {
        val start = x * from.channels
        weights.apply(from.bytes, start, stride, from.channels, low.bytes, start, stride)
    }
    return low
}

/** For each pixel along one side of the result: the first pixel of the source that it sees, and the weights. */
private class Weights(from: Int, private val to: Int, bicubic: Boolean) {
    private val firsts = IntArray(to)
    private val weights: Array<IntArray>

    init {
        val scale = from.toDouble() / to
        val stretch = max(scale, 1.0)
        val support = (if (bicubic) 2.0 else 1.0) * stretch
        weights = Array(to) { place ->
            val center = (place + 0.5) * scale
            val first = max((center - support + 0.5).toInt(), 0)
            val count = min((center + support + 0.5).toInt(), from) - first
            firsts[place] = first
            val found = DoubleArray(count) { filter((it + first - center + 0.5) * (1.0 / stretch), bicubic) }
            var sum = 0.0
            for (each in found) sum += each
            IntArray(count) { fixed(if (sum != 0.0) found[it] / sum else found[it]) }
        }
    }

    /** Sums pixels `step` bytes apart, from `start` on, into pixels `toStep` apart. */
    fun apply(source: ByteArray, start: Int, step: Int, channels: Int, result: ByteArray, at: Int, toStep: Int) {
        for (place in 0 until to) {
            val own = weights[place]
            for (channel in 0 until channels) {
                var sum = HALF
                var index = start + firsts[place] * step + channel
                for (weight in own) {
                    sum += (source[index].toInt() and 0xff) * weight
                    index += step
                }
                result[at + place * toStep + channel] = (sum shr BITS).coerceIn(0, 255).toByte()
            }
        }
    }

    private fun fixed(weight: Double): Int {
        val scaled = weight * (1 shl BITS)
        return (if (weight < 0) scaled - 0.5 else scaled + 0.5).toInt()
    }

    private fun filter(at: Double, bicubic: Boolean): Double {
        val x = abs(at)
        if (!bicubic) return if (x < 1.0) 1.0 - x else 0.0
        if (x < 1.0) return ((A + 2.0) * x - (A + 3.0)) * x * x + 1
        return if (x < 2.0) (((x - 5) * x + 8) * x - 4) * A else 0.0
    }

    private companion object {
        const val BITS = 22
        const val HALF = 1 shl (BITS - 1)
        const val A = -0.5
    }
}
