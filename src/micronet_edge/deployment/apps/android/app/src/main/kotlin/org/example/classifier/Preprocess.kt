package org.example.classifier

/** A picture of any size: `row` fills an array with the pixels of a row, 0xAARRGGBB each. */
class Picture(val width: Int, val height: Int, val row: (Int, IntArray) -> Unit)

/** The picture resized until it covers the crop's proportions, and cut to Model.WIDTH x Model.HEIGHT. */
fun crop(picture: Picture): Pixels {
    val (width, height) = resized(picture.width, picture.height)
    val colors = IntArray(picture.width)
    val whole = resize(picture.width, picture.height, Model.channels, width, height, Model.BICUBIC) { y, line ->
        picture.row(y, colors)
        spread(colors, line)
    }
    // Halves go to the even neighbour, as in Python.
    val left = Math.rint((width - Model.WIDTH) / 2.0).toInt()
    val top = Math.rint((height - Model.HEIGHT) / 2.0).toInt()
    val cut = Pixels(Model.WIDTH, Model.HEIGHT, Model.channels)
    val length = Model.WIDTH * Model.channels
    for (y in 0 until Model.HEIGHT) {
        val start = ((top + y) * width + left) * Model.channels
        whole.bytes.copyInto(cut.bytes, y * length, start, start + length)
    }
    return cut
}

/** What a file with a float input takes. */
fun floats(pixels: Pixels): FloatArray = FloatArray(pixels.bytes.size) { place ->
    val pixel = pixels.bytes[place].toInt() and 0xff
    val channel = place % pixels.channels
    when (Model.PIXELS) {
        "raw" -> pixel.toFloat()
        "unit" -> pixel / 255f
        else -> (((pixel / 255f).toDouble() - Model.MEAN[channel]) / Model.STD[channel]).toFloat()
    }
}

/** What a file with an integer input takes. */
fun integers(pixels: Pixels): ByteArray {
    val less = if (Model.INPUT == "int8") 128 else 0
    return ByteArray(pixels.bytes.size) { ((pixels.bytes[it].toInt() and 0xff) - less).toByte() }
}

private fun resized(width: Int, height: Int): Pair<Int, Int> {
    val long = Model.RESIZE.toLong() * Model.WIDTH
    val short = Model.HEIGHT.toLong()
    if (height * long < width * short * Model.RESIZE) {
        return Pair((Model.RESIZE.toLong() * width / height).toInt(), Model.RESIZE)
    }
    return Pair((long / short).toInt(), (long * height / (short * width)).toInt())
}

/** The colours of a row in the file's order, one byte each; grey as Pillow weighs it (ITU-R 601-2). */
private fun spread(colors: IntArray, line: ByteArray) {
    for (x in colors.indices) {
        val red = colors[x] shr 16 and 0xff
        val green = colors[x] shr 8 and 0xff
        val blue = colors[x] and 0xff
        if (Model.COLORS == "GRAY") {
            line[x] = ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) shr 16).toByte()
            continue
        }
        line[3 * x] = (if (Model.COLORS == "BGR") blue else red).toByte()
        line[3 * x + 1] = green.toByte()
        line[3 * x + 2] = (if (Model.COLORS == "BGR") red else blue).toByte()
    }
}
