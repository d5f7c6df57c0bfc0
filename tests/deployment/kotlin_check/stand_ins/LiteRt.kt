// The parts of LiteRT's interface that the app calls, as its sources of version 2.3 declare them.
package com.google.ai.edge.litert

import android.content.res.AssetManager

enum class Accelerator { CPU, GPU, NPU }

class Environment private constructor()

class TensorBuffer : AutoCloseable {
    fun writeFloat(data: FloatArray) = Unit

    fun writeInt8(data: ByteArray) = Unit

    fun readFloat() = FloatArray(0)

    fun readInt8() = ByteArray(0)

    override fun close() = Unit
}

class CompiledModel private constructor() : AutoCloseable {
    data class CpuOptions(
        val numThreads: Int? = null,
        val xnnPackFlags: Int? = null,
        val xnnPackWeightCachePath: String? = null,
    )

    class Options(vararg val accelerators: Accelerator) {
        var cpuOptions: CpuOptions? = null
    }

    fun createInputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = listOf()

    fun createOutputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = listOf()

    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>, signatureIndex: Int = 0) = Unit

    override fun close() = Unit

    companion object {
        fun create(
            assetManager: AssetManager,
            assetName: String,
            options: Options = Options(Accelerator.CPU),
            optionalEnv: Environment? = null,
        ): CompiledModel = CompiledModel()
    }
}
