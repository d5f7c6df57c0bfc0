package android.graphics

import java.io.InputStream

class Rect

class Bitmap {
    val width = 0
    val height = 0

    fun getPixels(pixels: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int) = Unit

    fun setHasAlpha(hasAlpha: Boolean) = Unit

    enum class Config { ARGB_8888 }

    companion object {
        fun createBitmap(colors: IntArray, width: Int, height: Int, config: Config): Bitmap = Bitmap()
    }
}

object BitmapFactory {
    class Options {
        var inPreferredConfig: Bitmap.Config? = null
        var inPremultiplied = true
    }

    fun decodeStream(stream: InputStream?, outPadding: Rect?, options: Options?): Bitmap? = null
}
