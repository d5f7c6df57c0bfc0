// From an image to the model's input, with the very numbers that the model was tested with.
#pragma once

#include <vector>

#include "facts.h"
#include "image.h"

// The image with `channels` 3 or 1; transparency is dropped, colours are weighed as eyes do (ITU-R 601-2).
Image with_channels(const Image& image, int channels);

// Resizes an image and cuts [width x height] out at (left, top), in one go. The numbers are those of Pillow's resize
// (from 13.0) to the last bit: two passes, the filter widened where the image shrinks, weights rounded to 22 binary
// places.
struct Cut {
  int resized_width, resized_height, left, top, width, height;
  bool bicubic;
};
Image resized_and_cut(const Image& image, const Cut& cut);

// Where to cut the model's image out of one of this size. Throws std::runtime_error if it is too narrow.
Cut model_cut(int width, int height);

// The model's input for an image.
std::vector<Number> model_input(const Image& image);
