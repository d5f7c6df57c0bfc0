package org.example.classifier

import android.content.Context

const val MODEL_FILE = "model.tflite"
private const val LABELS_FILE = "labels.txt"

/** The labels, one on a line; only line feeds end a line. */
fun readLabels(context: Context): List<String> =
    context.assets.open(LABELS_FILE).use { String(it.readBytes(), Charsets.UTF_8) }.removeSuffix("\n").split("\n")
