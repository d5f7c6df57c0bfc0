// How vectors read rows of channels: a tile is the number of pixels that fills whole vectors.
#pragma once

#include <cstdint>
#include <vector>

#include "shape.h"

namespace micronet_edge {

// One load at `offset` and its permutation: for every wanted byte the index of one of sixteen bytes, or for every
// float the index of one of eight floats. An index with its top bit set selects none.
struct Piece {
  int32_t offset;
  union {
    uint8_t bytes[16];
    int32_t floats[8];
  };
};

// What one vector of outputs reads for one shift: contiguous bytes from `offset`, or pieces.
struct Reading {
  int32_t offset;                  // if there are no pieces
  int32_t first[2], count[2];      // pieces of the vector's first load and of its second
  bool is_direct() const { return count[0] == 0; }
};

class Tile {
 public:
  // For numbers of `size` bytes, `width` per vector, selected from loads of `load` bytes: 16, or 32 for floats.
  Tile(const Shape& shape, int size, int width, int load);

  // Whether the tile is as long as one load.
  bool is_usable() const { return usable_; }
  int64_t pixels() const { return pixels_; }
  int64_t vectors() const { return vectors_; }
  const Reading& reading(int64_t vector, int shift) const { return readings_[vector * shifts_ + shift]; }
  const Piece* pieces() const { return pieces_.data(); }

 private:
  Reading read(const std::vector<int64_t>& bytes);
  void add_pieces(const int64_t* bytes, Reading& reading, int part);
  Piece piece_from(int64_t offset, const int64_t* bytes, bool* done) const;

  int shifts_, size_, width_, load_;
  int64_t pixels_ = 1, vectors_ = 0, bytes_ = 0;
  bool usable_ = false;
  std::vector<Reading> readings_;
  std::vector<Piece> pieces_;
};

}  // namespace micronet_edge
