package org.example.classifier

import android.app.Activity
import android.content.ContentValues
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.os.SystemClock
import android.provider.MediaStore
import android.view.View
import android.widget.Button
import android.widget.ImageView
import android.widget.LinearLayout
import android.widget.ScrollView
import android.widget.TextView
import java.util.Locale
import java.util.concurrent.Executors

/** Shows a picture, its five likeliest classes and how long they took. */
class MainActivity : Activity() {
    private val worker = Executors.newSingleThreadExecutor()
    private val classifier = lazy { Classifier(this) } // the worker opens it, runs it and closes it
    private lateinit var image: ImageView
    private lateinit var text: TextView
    private var taken: Uri? = null

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        taken = state?.getString(TAKEN)?.let(Uri::parse)
        title = Model.NAME
        image = ImageView(this).apply { adjustViewBounds = true }
        text = TextView(this).apply {
            textSize = 18f
            setPadding(PADDING, PADDING, PADDING, PADDING)
        }
        val column = LinearLayout(this).apply { orientation = LinearLayout.VERTICAL }
        column.addView(button(R.string.choose) { choose() })
        // Older systems let no other app write a picture for this one without more ado.
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) column.addView(button(R.string.take) { take() })
        column.addView(text)
        column.addView(image)
        val page = ScrollView(this).apply {
            fitsSystemWindows = true // below the bar with the time
            addView(column)
        }
        setContentView(page)
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putString(TAKEN, taken?.toString())
    }

    override fun onDestroy() {
        worker.execute { if (classifier.isInitialized()) classifier.value.close() }
        worker.shutdown()
        super.onDestroy()
    }

    @Deprecated("The newer way needs a library more")
    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        super.onActivityResult(request, result, data)
        val uri = if (request == TAKE) taken else data?.data
        if (result == RESULT_OK && uri != null) {
            worker.execute { show(uri) }
        } else if (request == TAKE && uri != null) {
            contentResolver.delete(uri, null, null) // the entry for a picture that was not taken
        }
    }

    private fun button(name: Int, action: () -> Unit) = Button(this).apply {
        setText(name)
        setOnClickListener { _: View -> action() }
    }

    private fun choose() {
        val intent = Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("image/*")
        start(intent, CHOOSE)
    }

    private fun take() {
        taken = contentResolver.insert(MediaStore.Images.Media.EXTERNAL_CONTENT_URI, ContentValues())
        start(Intent(MediaStore.ACTION_IMAGE_CAPTURE).putExtra(MediaStore.EXTRA_OUTPUT, taken), TAKE)
    }

    private fun start(intent: Intent, request: Int) {
        try {
            @Suppress("DEPRECATION")
            startActivityForResult(intent, request)
        } catch (error: RuntimeException) { // no app for it is installed
            text.text = error.message
        }
    }

    private fun show(uri: Uri) {
        try {
            val bitmap = decoded(uri)
            val start = SystemClock.elapsedRealtimeNanos()
            val found = classifier.value.classify(
                Picture(bitmap.width, bitmap.height) { y, line ->
                    bitmap.getPixels(line, 0, bitmap.width, 0, y, bitmap.width, 1)
                },
            )
            val milliseconds = (SystemClock.elapsedRealtimeNanos() - start) / 1e6
            val lines = found.map { String.format(Locale.ROOT, "%5.1f %%  ", 100 * it.probability) + it.label }
            val time = String.format(Locale.ROOT, "%.1f ms with resizing", milliseconds)
            bitmap.setHasAlpha(false) // shown as the network sees it
            runOnUiThread {
                image.setImageBitmap(bitmap)
                text.text = (lines + time).joinToString("\n")
            }
        } catch (error: Exception) {
            runOnUiThread { text.text = error.toString() }
        }
    }

    /** The picture's pixels as they are stored: not turned, and not multiplied by their opacity. */
    private fun decoded(uri: Uri): Bitmap {
        val options = BitmapFactory.Options().apply {
            inPreferredConfig = Bitmap.Config.ARGB_8888
            inPremultiplied = false
        }
        val bitmap = contentResolver.openInputStream(uri).use { BitmapFactory.decodeStream(it, null, options) }
        return requireNotNull(bitmap) { "this is no picture" }
    }

    private companion object {
        const val CHOOSE = 1
        const val TAKE = 2
        const val TAKEN = "taken"
        const val PADDING = 32
    }
}
