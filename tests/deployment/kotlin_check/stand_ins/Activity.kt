package android.app

import android.content.Context
import android.content.Intent
import android.os.Bundle
import android.view.View

open class Activity : Context() {
    var title: CharSequence = ""

    protected open fun onCreate(state: Bundle?) = Unit

    protected open fun onSaveInstanceState(state: Bundle) = Unit

    protected open fun onDestroy() = Unit

    @Deprecated("as on Android")
    protected open fun onActivityResult(request: Int, result: Int, data: Intent?) = Unit

    @Deprecated("as on Android")
    fun startActivityForResult(intent: Intent, request: Int) = Unit

    fun setContentView(view: View) = Unit

    fun runOnUiThread(action: Runnable) = Unit

    companion object {
        const val RESULT_OK = -1
    }
}
