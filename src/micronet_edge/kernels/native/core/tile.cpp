#include "tile.h"

#include <algorithm>
#include <cstring>

namespace micronet_edge {
namespace {

constexpr int kLargestLoad = 32;
constexpr uint8_t kNoByte = 0x80;
constexpr int32_t kNoFloat = -1;

}  // namespace

Tile::Tile(const Shape& shape, int size, int width, int load)
    : shifts_(shape.shifts), size_(size), width_(width), load_(load) {
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
    for (size_t part = 0; part * load_ < bytes.size(); ++part) {
      add_pieces(&bytes[part * load_], reading, static_cast<int>(part));
    }
  }
  return reading;
}

// Covers the bytes with few loads, greedily: each starts at the first byte not covered yet.
void Tile::add_pieces(const int64_t* bytes, Reading& reading, int part) {
  bool done[kLargestLoad] = {};
  reading.first[part] = static_cast<int32_t>(pieces_.size());
  for (;;) {
    int64_t lowest = INT64_MAX;
    for (int i = 0; i < load_; ++i) {
      if (!done[i]) lowest = std::min(lowest, bytes[i]);
    }
    if (lowest == INT64_MAX) break;
    pieces_.push_back(piece_from(std::min(lowest, bytes_ - load_), bytes, done));
  }
  reading.count[part] = static_cast<int32_t>(pieces_.size()) - reading.first[part];
}

Piece Tile::piece_from(int64_t offset, const int64_t* bytes, bool* done) const {
  Piece piece{};
  piece.offset = static_cast<int32_t>(offset);
  for (int i = 0; i < load_; ++i) {
    const int64_t distance = bytes[i] - offset;
    const bool takes = !done[i] && distance >= 0 && distance < load_;
    done[i] = done[i] || takes;
    if (load_ == kLargestLoad) {
      piece.floats[i / size_] = takes ? static_cast<int32_t>(distance / size_) : kNoFloat;
    } else {
      piece.bytes[i] = takes ? static_cast<uint8_t>(distance) : kNoByte;
    }
  }
  return piece;
}

}  // namespace micronet_edge
