// What Android's build makes of res/values/strings.xml.
package org.example.classifier

object R {
    object string {
        const val choose = 1
        const val take = 2
    }
}
