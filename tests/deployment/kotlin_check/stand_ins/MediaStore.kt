package android.provider

import android.net.Uri

object MediaStore {
    const val ACTION_IMAGE_CAPTURE = ""
    const val EXTRA_OUTPUT = ""

    object Images {
        object Media {
            val EXTERNAL_CONTENT_URI = Uri()
        }
    }
}
