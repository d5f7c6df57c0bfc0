// As MediaPipe's sources declare it.
package com.google.mediapipe.tasks.core

class BaseOptions {
    class Builder {
        fun setModelAssetPath(value: String) = this

        fun build() = BaseOptions()
    }

    companion object {
        fun builder() = Builder()
    }
}
