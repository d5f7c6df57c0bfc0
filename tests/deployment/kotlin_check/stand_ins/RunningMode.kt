// As MediaPipe's sources declare it.
package com.google.mediapipe.tasks.vision.core

enum class RunningMode { IMAGE, VIDEO, LIVE_STREAM }
