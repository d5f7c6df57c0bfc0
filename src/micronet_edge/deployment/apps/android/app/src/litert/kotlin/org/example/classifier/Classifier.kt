package org.example.classifier

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel

/** The file in LiteRT's compiled model, on the CPU. */
class Classifier(context: Context) : AutoCloseable {
    private val labels = readLabels(context)
    private val model = CompiledModel.create(
        context.assets,
        MODEL_FILE,
        CompiledModel.Options(Accelerator.CPU).apply { cpuOptions = CompiledModel.CpuOptions(THREADS) },
    )
    private val inputs = model.createInputBuffers()
    private val outputs = model.createOutputBuffers()

    /** The likeliest classes of a picture. */
    fun classify(picture: Picture): List<Classification> {
        val pixels = crop(picture)
        if (Model.INPUT == "float32") {
            inputs[0].writeFloat(floats(pixels))
        } else {
            inputs[0].writeInt8(integers(pixels)) // the bytes as they are, of uint8 as well
        }
        model.run(inputs, outputs)
        val scores = if (Model.OUTPUT == "float32") outputs[0].readFloat() else dequantized(outputs[0].readInt8())
        return likeliest(scores, labels)
    }

    override fun close() {
        inputs.forEach { it.close() }
        outputs.forEach { it.close() }
        model.close()
    }

    private companion object {
        const val THREADS = 1 // so small a network seldom gains by more
    }
}
