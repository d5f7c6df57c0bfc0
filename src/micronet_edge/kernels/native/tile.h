// How rows of channels are read in a vector's width: a tile is as many pixels as fill whole vectors.
#pragma once

#include <cstdint>
#include <vector>

#include "shape.h"

namespace micronet_edge {

// Sixteen bytes read at `offset`, of which `mask` says where each goes; a byte with its top bit set is no byte.
struct Piece {
  int32_t offset;
  alignas(16) uint8_t mask[16];
};

// What one vector of outputs reads for one shift: so many bytes from `offset` on, as they stand, or pieces.
struct Reading {
  int32_t offset;                  // where `pieces` are none
  int32_t first[2], count[2];      // pieces of the first sixteen bytes and of the next
  bool is_direct() const { return count[0] == 0; }
};

class Tile {
 public:
  // For numbers of `size` bytes, `width` of them in a vector of 16 or 32 bytes.
  Tile(const Shape& shape, int size, int width);

  // Whether the tile can be read in sixteens at all.
  bool is_usable() const { return usable_; }
  int64_t pixels() const { return pixels_; }
  int64_t vectors() const { return vectors_; }
  const Reading& reading(int64_t vector, int shift) const { return readings_[vector * shifts_ + shift]; }
  const Piece* pieces() const { return pieces_.data(); }

 private:
  Reading read(const std::vector<int64_t>& bytes);
  void add_pieces(const int64_t* bytes, Reading& reading, int part);

  int shifts_, size_, width_;
  int64_t pixels_ = 1, vectors_ = 0, bytes_ = 0;
  bool usable_ = false;
  std::vector<Reading> readings_;
  std::vector<Piece> pieces_;
};

}  // namespace micronet_edge
