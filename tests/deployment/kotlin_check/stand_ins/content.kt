// The parts of Android that the app calls, as its documentation declares them.
package android.content

import android.content.res.AssetManager
import android.net.Uri
import java.io.InputStream

open class Context {
    val assets = AssetManager()
    val contentResolver = ContentResolver()
}

class ContentValues

class ContentResolver {
    fun openInputStream(uri: Uri): InputStream? = null

    fun insert(url: Uri, values: ContentValues?): Uri? = null

    fun delete(url: Uri, where: String?, selection: Array<String>?) = 0
}

class Intent(action: String) {
    val data: Uri? = null

    fun addCategory(category: String) = this

    fun setType(type: String?) = this

    fun putExtra(name: String, value: Uri?) = this

    companion object {
        const val ACTION_OPEN_DOCUMENT = ""
        const val CATEGORY_OPENABLE = ""
    }
}
