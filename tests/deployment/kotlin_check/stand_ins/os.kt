package android.os

class Bundle {
    fun getString(key: String): String? = null

    fun putString(key: String, value: String?) = Unit
}

object SystemClock {
    fun elapsedRealtimeNanos() = 0L
}

object Build {
    object VERSION {
        val SDK_INT = 0
    }

    object VERSION_CODES {
        const val Q = 29
    }
}
