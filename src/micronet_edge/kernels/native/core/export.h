// What the library lets others see; everything else is hidden.
#pragma once

#define EXPORTED extern "C" __attribute__((visibility("default")))
