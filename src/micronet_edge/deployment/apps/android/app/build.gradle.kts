plugins {
    alias(libs.plugins.android.application)
}

android {
    namespace = "org.example.classifier"
    compileSdk = libs.versions.compileSdk.get().toInt()

    defaultConfig {
        applicationId = "org.example.classifier"
        minSdk = libs.versions.minSdk.get().toInt()
        targetSdk = libs.versions.compileSdk.get().toInt()
        versionCode = 1
        versionName = "1.0"
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    // The runtimes map the file into memory, which a compressed asset forbids.
    androidResources {
        noCompress += "tflite"
    }
    flavorDimensions += "runtime"
    productFlavors {
        create("litert") { dimension = "runtime" }
        // <mediapipe flavour>
        create("mediapipe") {
            dimension = "runtime"
            applicationIdSuffix = ".mediapipe"
        }
        // </mediapipe flavour>
    }
}

dependencies {
    "litertImplementation"(libs.litert)
    // <mediapipe library>
    "mediapipeImplementation"(libs.mediapipe.tasks.vision)
    // </mediapipe library>
}
