// What the model is and takes: the only source that differs between models.
//
// An image is resized until it covers a rectangle of the height kResize and the proportions of what the model takes,
// which is cut out of its centre. kMean and kStd are for pixels of 0 to 1.
#pragma once

#include <cstdint>
#include <string_view>

enum class Pixels { kNormalized, kUnit, kRaw };  // by mean and deviation; 0 to 1; 0 to 255 (as int8 less 128)

using namespace std::string_view_literals;  // of labels, which may hold any byte

// <model>
constexpr const char* kModel = "model.onnx";
constexpr int kHeight = 224, kWidth = 224;  // of the image that the model takes
constexpr int kResize = 256;                // height of what it is cut out of, or short side
constexpr int kChannels = 3;                // 1: grey
constexpr bool kBgr = false;
constexpr bool kBicubic = false;  // else bilinear
constexpr double kMean[] = {0.485, 0.456, 0.406}, kStd[] = {0.229, 0.224, 0.225};
using Number = float;  // the type of the input
constexpr Pixels kPixels = Pixels::kNormalized;
constexpr bool kChannelsFirst = true;
constexpr bool kSoftmax = false;  // or: gives logits
constexpr std::string_view kLabels[] = {
    "cat"sv,
    "dog"sv,
};
// </model>

constexpr int kClasses = sizeof(kLabels) / sizeof(kLabels[0]);
