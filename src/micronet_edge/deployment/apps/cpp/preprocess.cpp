#include "preprocess.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <type_traits>

namespace {

constexpr int kMostLongPerShort = 1000;
constexpr int kPrecision = 22;  // binary places of a weight: 32 bits, less 8 of a pixel, less 2 for overshooting

double triangle(double x) { return std::max(1.0 - std::abs(x), 0.0); }

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

// Which pixels of a line make one new pixel, and with which weights.
struct Taps {
  int first;
  std::vector<int32_t> weights;
};

// The taps of the pixels `start` to `start + count` of a line that is resized from `size` to `resized` pixels.
std::vector<Taps> taps_of(int size, int resized, int start, int count, bool bicubic) {
  const double scale = double(size) / resized, widened = std::max(scale, 1.0);
  const double support = (bicubic ? 2.0 : 1.0) * widened, per_pixel = 1.0 / widened;
  std::vector<Taps> all;
  for (int x = start; x < start + count; ++x) {
    const double center = (x + 0.5) * scale;
    const int first = std::max(int(center - support + 0.5), 0);
    const int end = std::min(int(center + support + 0.5), size);
    std::vector<double> weights;
    double sum = 0.0;
    for (int i = 0; i < end - first; ++i) {
      const double place = (i + first - center + 0.5) * per_pixel;
      weights.push_back(bicubic ? cubic(place) : triangle(place));
      sum += weights.back();
    }
    Taps taps{first, {}};
    for (double weight : weights) {
      const double fixed = (sum != 0.0 ? weight / sum : weight) * (1 << kPrecision);
      taps.weights.push_back(int32_t(fixed < 0.0 ? fixed - 0.5 : fixed + 0.5));
    }
    all.push_back(taps);
  }
  return all;
}

// The weighted sum of pixels that lie `stride` bytes apart.
uint8_t weighted(const uint8_t* from, size_t stride, const std::vector<int32_t>& weights) {
  int32_t sum = 1 << (kPrecision - 1);
  for (int32_t weight : weights) {
    sum += *from * weight;
    from += stride;
  }
  return uint8_t(std::clamp(sum >> kPrecision, 0, 255));
}

// Some of an image's rows or columns.
struct Span {
  int first, count;
};

// What the taps reach.
Span span_of(const std::vector<Taps>& taps) {
  return {taps.front().first, taps.back().first + int(taps.back().weights.size()) - taps.front().first};
}

// Some rows of an image, resized in width. `offset` is the first column that the image has of what the taps count in.
Image across(const Image& image, Span rows, const std::vector<Taps>& columns, int offset) {
  const size_t channels = size_t(image.channels), line = channels * size_t(image.width);
  Image made(int(columns.size()), rows.count, image.channels);
  uint8_t* to = made.pixels.data();
  for (int y = rows.first; y < rows.first + rows.count; ++y) {
    for (const Taps& taps : columns) {
      const uint8_t* from = image.pixels.data() + size_t(y) * line + size_t(taps.first - offset) * channels;
      for (size_t c = 0; c < channels; ++c) *to++ = weighted(from + c, channels, taps.weights);
    }
  }
  return made;
}

// Some columns of an image, resized in height. `offset` is the first row that the image has, likewise.
Image down(const Image& image, Span columns, const std::vector<Taps>& rows, int offset) {
  const size_t channels = size_t(image.channels), line = channels * size_t(image.width);
  Image made(columns.count, int(rows.size()), image.channels);
  uint8_t* to = made.pixels.data();
  for (const Taps& taps : rows) {
    const uint8_t* from = image.pixels.data() + size_t(taps.first - offset) * line + size_t(columns.first) * channels;
    for (size_t i = 0; i < size_t(columns.count) * channels; ++i) *to++ = weighted(from + i, line, taps.weights);
  }
  return made;
}

// Half of a number of pixels, rounded to the even neighbour as Python does.
int half(int pixels) { return pixels / 2 + (pixels % 2 != 0 && pixels / 2 % 2 != 0 ? 1 : 0); }

// The model's number for each value of a pixel, in a channel.
std::vector<Number> numbers_of(int channel) {
  std::vector<Number> numbers(256);
  for (int pixel = 0; pixel < 256; ++pixel) {
    const float unit = float(pixel) / 255.0f;
    if constexpr (kPixels == Pixels::kRaw) {
      numbers[size_t(pixel)] = Number(std::is_same_v<Number, int8_t> ? pixel - 128 : pixel);
    } else {
      const double normalized = (unit - kMean[channel]) / kStd[channel];
      numbers[size_t(pixel)] = Number(kPixels == Pixels::kUnit ? unit : normalized);
    }
  }
  return numbers;
}

}  // namespace

Image with_channels(const Image& image, int channels) {
  Image made(image.width, image.height, channels);
  const uint8_t* from = image.pixels.data();
  for (size_t i = 0; i < made.pixels.size(); i += size_t(channels), from += image.channels) {
    const bool is_grey = image.channels < 3;
    if (channels == 3) {
      for (size_t c = 0; c < 3; ++c) made.pixels[i + c] = from[is_grey ? 0 : c];
    } else {
      made.pixels[i] = is_grey ? from[0] : uint8_t((from[0] * 19595 + from[1] * 38470 + from[2] * 7471 + 0x8000) >> 16);
    }
  }
  return made;
}

Image resized_and_cut(const Image& image, const Cut& cut) {
  const auto columns = taps_of(image.width, cut.resized_width, cut.left, cut.width, cut.bicubic);
  const auto rows = taps_of(image.height, cut.resized_height, cut.top, cut.height, cut.bicubic);
  // Pillow 13 begins with the height where that shrinks by more than twice the pixels that the width does.
  const int less_high = image.height - cut.resized_height, less_wide = image.width - cut.resized_width;
  if (less_high > 0 && less_high > 2 * less_wide) {
    const Span needed = span_of(columns);
    return across(down(image, needed, rows, 0), {0, cut.height}, columns, needed.first);
  }
  const Span needed = span_of(rows);
  return down(across(image, needed, columns, 0), {0, cut.width}, rows, needed.first);
}

Cut model_cut(int width, int height) {
  if (std::max(width, height) > int64_t(kMostLongPerShort) * std::min(width, height)) {
    throw std::runtime_error("it is too narrow");
  }
  const int64_t wide = int64_t(kResize) * kWidth;  // to kHeight: the proportions of what the cut is taken from
  Cut cut{0, 0, 0, 0, kWidth, kHeight, kBicubic};
  if (height * wide < int64_t(width) * kHeight * kResize) {
    cut.resized_width = int(int64_t(kResize) * width / height);
    cut.resized_height = kResize;
  } else {
    cut.resized_width = int(wide / kHeight);
    cut.resized_height = int(wide * height / (int64_t(kHeight) * width));
  }
  cut.left = half(cut.resized_width - kWidth);
  cut.top = half(cut.resized_height - kHeight);
  return cut;
}

std::vector<Number> model_input(const Image& image) {
  const Image made = resized_and_cut(with_channels(image, kChannels), model_cut(image.width, image.height));
  constexpr size_t kArea = size_t(kWidth) * kHeight;
  std::vector<Number> input(kArea * kChannels);
  for (size_t c = 0; c < kChannels; ++c) {
    const std::vector<Number> numbers = numbers_of(int(c));
    const size_t stored = kBgr ? kChannels - 1 - c : c;
    for (size_t i = 0; i < kArea; ++i) {
      input[kChannelsFirst ? c * kArea + i : i * kChannels + c] = numbers[made.pixels[i * kChannels + stored]];
    }
  }
  return input;
}
