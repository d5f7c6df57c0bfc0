package org.example.classifier

import android.content.Context
import android.graphics.Bitmap
import com.google.mediapipe.framework.image.BitmapImageBuilder
import com.google.mediapipe.tasks.core.BaseOptions
import com.google.mediapipe.tasks.vision.core.RunningMode
import com.google.mediapipe.tasks.vision.imageclassifier.ImageClassifier
import com.google.mediapipe.tasks.vision.imageclassifier.ImageClassifier.ImageClassifierOptions

/** The file in MediaPipe's ImageClassifier, which reads how to normalize pixels from the file itself. */
class Classifier(context: Context) : AutoCloseable {
    private val labels = readLabels(context)
    private val classifier = ImageClassifier.createFromOptions(
        context,
        ImageClassifierOptions.builder()
            .setBaseOptions(BaseOptions.builder().setModelAssetPath(MODEL_FILE).build())
            .setRunningMode(RunningMode.IMAGE)
            .build(),
    )

    /**
     * The likeliest classes of a picture. It is cut to the file's size here, as in training: MediaPipe itself
     * would squeeze the whole picture into a square.
     */
    fun classify(picture: Picture): List<Classification> {
        val result = classifier.classify(BitmapImageBuilder(bitmap(crop(picture))).build())
        val scores = FloatArray(labels.size)
        for (each in result.classificationResult().classifications()[0].categories()) {
            scores[each.index()] = each.score()
        }
        return likeliest(scores, labels)
    }

    override fun close() = classifier.close()

    private fun bitmap(pixels: Pixels): Bitmap {
        val colors = IntArray(pixels.width * pixels.height) { place ->
            val (red, green, blue) = List(3) { pixels.bytes[3 * place + it].toInt() and 0xff }
            (0xff shl 24) or (red shl 16) or (green shl 8) or blue
        }
        return Bitmap.createBitmap(colors, pixels.width, pixels.height, Bitmap.Config.ARGB_8888)
    }
}
