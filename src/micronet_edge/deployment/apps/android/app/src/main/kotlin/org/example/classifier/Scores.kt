package org.example.classifier

import kotlin.math.exp

/** A class with its probability. */
class Classification(val label: String, val probability: Float)

/** The scores of an integer output. */
fun dequantized(numbers: ByteArray): FloatArray = FloatArray(numbers.size) { place ->
    val number = if (Model.OUTPUT == "uint8") numbers[place].toInt() and 0xff else numbers[place].toInt()
    (number - Model.OUTPUT_ZERO_POINT) * Model.OUTPUT_SCALE
}

/** The likeliest classes, the first one first; of equal ones, in the order of the labels. */
fun likeliest(scores: FloatArray, labels: List<String>, count: Int = 5): List<Classification> {
    require(scores.size == labels.size) { "the file gives ${scores.size} scores for ${labels.size} labels" }
    val probabilities = if (Model.LOGITS) softmax(scores) else scores
    return probabilities.indices.sortedByDescending { probabilities[it] }.take(count)
        .map { Classification(labels[it], probabilities[it]) }
}

private fun softmax(logits: FloatArray): FloatArray {
    var largest = Float.NEGATIVE_INFINITY
    for (each in logits) largest = maxOf(largest, each)
    val powers = DoubleArray(logits.size) { exp((logits[it] - largest).toDouble()) }
    val sum = powers.sum()
    return FloatArray(powers.size) { (powers[it] / sum).toFloat() }
}
