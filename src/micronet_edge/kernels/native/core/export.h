// The exported symbols of the library; all others are hidden.
#pragma once

#define EXPORTED extern "C" __attribute__((visibility("default")))
