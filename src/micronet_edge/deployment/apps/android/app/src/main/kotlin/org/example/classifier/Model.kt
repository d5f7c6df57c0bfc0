package org.example.classifier

/** What the file takes and gives. It was written by the file's exporter: a new file has new numbers. */
object Model {
    // <generated>
    const val NAME = "m0"
    const val RESIZE = 256 // height in pixels after resizing
    const val HEIGHT = 224
    const val WIDTH = 224
    const val BICUBIC = false // else bilinear
    const val COLORS = "RGB" // or BGR, or GRAY
    const val INPUT = "float32" // or uint8, or int8
    const val PIXELS = "normalized" // or unit (0 to 1), or raw (0 to 255; as int8 the pixel less 128)
    val MEAN = doubleArrayOf(0.485, 0.456, 0.406)
    val STD = doubleArrayOf(0.229, 0.224, 0.225)
    const val OUTPUT = "float32" // or uint8, or int8: a score is (number - OUTPUT_ZERO_POINT) * OUTPUT_SCALE
    const val OUTPUT_SCALE = 1.0f
    const val OUTPUT_ZERO_POINT = 0
    const val LOGITS = true // else probabilities
    // </generated>

    val channels: Int get() = if (COLORS == "GRAY") 1 else 3
}
