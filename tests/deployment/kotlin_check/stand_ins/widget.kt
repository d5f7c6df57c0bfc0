package android.widget

import android.content.Context
import android.graphics.Bitmap
import android.view.View

open class TextView(context: Context) : View(context) {
    var textSize = 0f
    var text: CharSequence? = null

    fun setText(id: Int) = Unit
}

class Button(context: Context) : TextView(context)

class ImageView(context: Context) : View(context) {
    var adjustViewBounds = false

    fun setImageBitmap(bitmap: Bitmap?) = Unit
}

open class ViewGroup(context: Context) : View(context) {
    fun addView(child: View) = Unit
}

class LinearLayout(context: Context) : ViewGroup(context) {
    var orientation = 0

    companion object {
        const val VERTICAL = 1
    }
}

class ScrollView(context: Context) : ViewGroup(context)
