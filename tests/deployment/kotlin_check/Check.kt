package org.example.classifier

import java.io.DataInputStream
import java.io.DataOutputStream
import java.io.File

/**
 * Runs the app's own preprocessing on pictures and its own ranking on scores.
 *
 * `crop IN OUT`: IN holds width, height and a colour for each pixel, all big-endian; OUT gets the bytes of the
 * crop, then what a file with a float input takes, or one with an integer input.
 * `resize IN OUT CHANNELS WIDTH HEIGHT BICUBIC`: IN holds width, height and bytes; OUT gets bytes.
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
    val (channels, toWidth, toHeight) = arguments.drop(1).take(3).map { it.toInt() }
    val (width, height) = Pair(input.readInt(), input.readInt())
    val rows = List(height) { ByteArray(width * channels).also(input::readFully) }
    val small = resize(width, height, channels, toWidth, toHeight, arguments[4] == "true") { y, line ->
        rows[y].copyInto(line)
    }
    File(arguments[0]).writeBytes(small.bytes)
}

private fun rank(input: DataInputStream, path: String, labels: String) {
    val scores = FloatArray((File(path).length() / 4).toInt()) { input.readFloat() }
    val lines = File(labels).readText().removeSuffix("\n").split("\n")
    for (each in likeliest(scores, lines)) println("${each.label}\t${each.probability}")
}
