package org.example.classifier

import java.io.DataInputStream
import java.io.DataOutputStream
import java.io.File

/**
 * Runs the app's own preprocessing on pictures and its own ranking on scores.
 *
 * `crop IN OUT`: IN holds width, height and a colour for each pixel, all big-endian; OUT gets the bytes of the
 * crop, then what a file with a float input takes, or one with an integer input.
 * `resize IN OUT CHANNELS BICUBIC WIDTHxHEIGHT...`: IN holds width, height and bytes; OUT gets the bytes of each size.
 * `rank IN LABELS`: IN holds floats; prints label, tab, probability.
 */
fun main(arguments: Array<String>) {
    val input = DataInputStream(File(arguments[1]).inputStream().buffered())
    when (arguments[0]) {
        "crop" -> checkCrop(input, arguments[2])
        "resize" -> checkResize(input, arguments.drop(2))
        "rank" -> rank(input, arguments[1], arguments[2])
        "name" -> println(Model.NAME.map { it.code }.joinToString(" "))
    }
}

private fun checkCrop(input: DataInputStream, output: String) {
    val (width, height) = Pair(input.readInt(), input.readInt())
    val colors = IntArray(width * height) { input.readInt() }
    val pixels = crop(
        Picture(width, height) { y, line -> colors.copyInto(line, 0, y * width, (y + 1) * width) },
    )
    DataOutputStream(File(output).outputStream().buffered()).use { out ->
        out.write(pixels.bytes)
        if (Model.INPUT == "float32") floats(pixels).forEach(out::writeFloat) else out.write(integers(pixels))
    }
}

private fun checkResize(input: DataInputStream, arguments: List<String>) {
    val (output, channels, bicubic) = arguments
    val (width, height) = Pair(input.readInt(), input.readInt())
    val rows = List(height) { ByteArray(width * channels.toInt()).also(input::readFully) }
    File(output).outputStream().use { out ->
        for (size in arguments.drop(3)) {
            val (toWidth, toHeight) = size.split("x").map { it.toInt() }
            val small = resize(width, height, channels.toInt(), toWidth, toHeight, bicubic == "true") { y, line ->
                rows[y].copyInto(line)
            }
            out.write(small.bytes)
        }
    }
}

private fun rank(input: DataInputStream, path: String, labels: String) {
    val scores = FloatArray((File(path).length() / 4).toInt()) { input.readFloat() }
    val lines = File(labels).readText().removeSuffix("\n").split("\n")
    for (each in likeliest(scores, lines)) println("${each.label}\t${each.probability}")
}
