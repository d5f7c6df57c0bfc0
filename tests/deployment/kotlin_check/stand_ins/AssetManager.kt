package android.content.res

import java.io.InputStream

class AssetManager {
    fun open(name: String): InputStream = InputStream.nullInputStream()
}
