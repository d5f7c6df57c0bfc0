// As MediaPipe's sources declare it, with the containers of its results.
package com.google.mediapipe.tasks.vision.imageclassifier

import android.content.Context
import com.google.mediapipe.framework.image.MPImage
import com.google.mediapipe.tasks.core.BaseOptions
import com.google.mediapipe.tasks.vision.core.RunningMode

class Category {
    fun score() = 0f

    fun index() = 0
}

class Classifications {
    fun categories() = listOf<Category>()
}

class ClassificationResult {
    fun classifications() = listOf<Classifications>()
}

class ImageClassifierResult {
    fun classificationResult() = ClassificationResult()
}

class ImageClassifier : AutoCloseable {
    fun classify(image: MPImage) = ImageClassifierResult()

    override fun close() = Unit

    class ImageClassifierOptions {
        class Builder {
            fun setBaseOptions(value: BaseOptions) = this

            fun setRunningMode(value: RunningMode) = this

            fun build() = ImageClassifierOptions()
        }

        companion object {
            fun builder() = Builder()
        }
    }

    companion object {
        fun createFromOptions(context: Context, options: ImageClassifierOptions) = ImageClassifier()
    }
}
