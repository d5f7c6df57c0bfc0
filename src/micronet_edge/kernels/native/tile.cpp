#include "tile.h"

#include <algorithm>
#include <cstring>

namespace micronet_edge {
namespace {

constexpr int kSixteen = 16;
constexpr uint8_t kNothing = 0x80;

}  // namespace

Tile::Tile(const Shape& shape, int size, int width) : shifts_(shape.shifts), size_(size), width_(width) {
  while (pixels_ * shape.outputs % width != 0) pixels_ *= 2;
  vectors_ = pixels_ * shape.outputs / width;
  bytes_ = pixels_ * shape.inputs * size;
  usable_ = bytes_ >= size * width;
  if (!usable_) return;
  std::vector<int64_t> bytes(size * width);
  for (int64_t v = 0; v < vectors_; ++v) {
    for (int j = 0; j < shifts_; ++j) {
      for (int lane = 0; lane < width; ++lane) {
        const int64_t place = v * width + lane, pixel = place / shape.outputs, o = place % shape.outputs;
        const int64_t number = pixel * shape.inputs + shape.sources[j * shape.outputs + o];
        for (int b = 0; b < size; ++b) bytes[lane * size + b] = number * size + b;
      }
      readings_.push_back(read(bytes));
    }
  }
}

Reading Tile::read(const std::vector<int64_t>& bytes) {
  Reading reading{static_cast<int32_t>(bytes[0]), {0, 0}, {0, 0}};
  bool direct = true;
  for (size_t i = 1; i < bytes.size(); ++i) direct = direct && bytes[i] == bytes[0] + static_cast<int64_t>(i);
  if (!direct) {
    for (size_t part = 0; part * kSixteen < bytes.size(); ++part) {
      add_pieces(&bytes[part * kSixteen], reading, static_cast<int>(part));
    }
  }
  return reading;
}

// The fewest loads, greedily: each starts at the first byte that none before it has.
void Tile::add_pieces(const int64_t* bytes, Reading& reading, int part) {
  bool done[kSixteen] = {};
  reading.first[part] = static_cast<int32_t>(pieces_.size());
  for (;;) {
    int64_t lowest = INT64_MAX;
    for (int i = 0; i < kSixteen; ++i) {
      if (!done[i]) lowest = std::min(lowest, bytes[i]);
    }
    if (lowest == INT64_MAX) break;
    Piece piece{static_cast<int32_t>(std::min(lowest, bytes_ - kSixteen)), {}};
    for (int i = 0; i < kSixteen; ++i) {
      const int64_t distance = bytes[i] - piece.offset;
      const bool takes = !done[i] && distance >= 0 && distance < kSixteen;
      piece.mask[i] = takes ? static_cast<uint8_t>(distance) : kNothing;
      done[i] = done[i] || takes;
    }
    pieces_.push_back(piece);
  }
  reading.count[part] = static_cast<int32_t>(pieces_.size()) - reading.first[part];
}

}  // namespace micronet_edge
