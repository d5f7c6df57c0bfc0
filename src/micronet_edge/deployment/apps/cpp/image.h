// An image with 8 bits a channel, and how to read one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct Image {
  int width = 0, height = 0, channels = 0;  // 1: grey, 2: with transparency, 3: red, green and blue, 4: likewise
  std::vector<uint8_t> pixels;              // row by row

  Image(int width, int height, int channels)
      : width(width), height(height), channels(channels), pixels(size_t(width) * height * channels) {}
};

// The content of a file. Throws std::runtime_error if it cannot be read.
std::vector<uint8_t> read_file(const std::string& path);

// Reads PGM and PPM; with stb_image.h, PNG, JPEG and what else it knows. An EXIF orientation is ignored, as it was
// in training. Throws std::runtime_error on what is no such image.
Image read_image(const std::string& path);
