// The loops of training, compiled once per instruction set. The compiler vectorizes them.
//
// Several pixels make one row, so that rows of few channels fill vectors too.
#pragma once

#include <cstddef>
#include <vector>

#include "training.h"

namespace micronet_edge {
namespace {

// The turns of the loop that follows do not depend on each other: its rows do not overlap.
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

constexpr int64_t kRowNumbers = 128;  // per row, at most, if a pixel has fewer
constexpr int64_t kRowsPerSum = 32;   // summed in the type of the numbers before the sums go to float64

inline int64_t pixels_per_row(int64_t channels, int64_t pixels) {
  const int64_t wanted = channels < kRowNumbers ? kRowNumbers / channels : 1;
  return wanted < pixels ? wanted : pixels < 1 ? 1 : pixels;
}

// A permutation of channels, for every pixel of a row.
class Selection {
 public:
  Selection(const int32_t* order, int64_t channels, int64_t pixels, bool inverse = false)
      : index_(channels * pixels) {
    for (int64_t p = 0; p < pixels; ++p) {
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t to = inverse ? order[c] : c, from = inverse ? c : order[c];
        index_[p * channels + to] = static_cast<int32_t>(p * channels + from);
        is_identity_ = is_identity_ && to == from;
      }
    }
  }

  // The numbers of a row in this order: the row itself, or a copy in `scratch`.
  template <class Number>
  const Number* of(const Number* row, int64_t width, Number* __restrict scratch) const {
    if (is_identity_) return row;
    const int32_t* __restrict index = index_.data();
    for (int64_t i = 0; i < width; ++i) scratch[i] = row[index[i]];
    return scratch;
  }
  const int32_t* index() const { return index_.data(); }

 private:
  std::vector<int32_t> index_;
  bool is_identity_ = true;
};

// What all images share, and the coefficients of one, repeated for every pixel of a row.
template <class Number, int J, int K>
class Activating {
 public:
  explicit Activating(const TrainingShape& shape)
      : shape_(shape), pixels_(pixels_per_row(shape.channels, shape.pixels)), width_(pixels_ * shape.channels),
        a_(K * J * width_), copies_(J * width_) {
    for (int j = 0; j < J; ++j) sources_.emplace_back(shape.sources + j * shape.channels, shape.channels, pixels_);
  }

  void take(const Number* a) {
    for (int kj = 0; kj < K * J; ++kj, a += shape_.channels) {
      Number* to = a_.data() + kj * width_;
      for (int64_t c = 0; c < shape_.channels; ++c) to[c] = a[shape_.order[c]];
      for (int64_t i = shape_.channels; i < width_; ++i) to[i] = to[i - shape_.channels];
    }
  }

  // Calls work(place, width, shifted rows) for every row of an image.
  template <class Work>
  void for_each_row(const Number* x, const Work& work) {
    const int64_t count = shape_.pixels * shape_.channels;
    for (int64_t place = 0; place < count; place += width_) {
      const int64_t width = count - place < width_ ? count - place : width_;
      const Number* shifted[J];
      for (int j = 0; j < J; ++j) shifted[j] = sources_[j].of(x + place, width, copies_.data() + j * width_);
      work(place, width, shifted);
    }
  }

  const Number* a(int k, int j) const { return a_.data() + (k * J + j) * width_; }
  int64_t width() const { return width_; }
  int64_t pixels() const { return pixels_; }

 private:
  const TrainingShape& shape_;
  int64_t pixels_, width_;
  std::vector<Number> a_, copies_;
  std::vector<Selection> sources_;
};

// Sum k of one channel, rounded after every step as the plain layers do.
template <int J, class Number>
inline Number summed_shifts(const Number* const (&a)[J], const Number* const (&x)[J], int64_t i) {
  Number sum = a[0][i] * x[0][i];
  if constexpr (J == 2) sum += a[1][i] * x[1][i];
  return sum;
}

template <class Number, int J, int K>
void fuse_of(const TrainingShape& shape, const Number* a, const Number* x, Number* y) {
  Activating<Number, J, K> activating(shape);
  const int64_t image = shape.pixels * shape.channels;
  for (int64_t n = 0; n < shape.images; ++n, a += K * J * shape.channels, x += image, y += image) {
    activating.take(a);
    activating.for_each_row(x, [&](int64_t place, int64_t width, const Number* const (&shifted)[J]) {
      Number* __restrict to = y + place;
      const Number* rows[K][J];
      for (int k = 0; k < K; ++k) {
        for (int j = 0; j < J; ++j) rows[k][j] = activating.a(k, j);
      }
      INDEPENDENT
      for (int64_t i = 0; i < width; ++i) {
        Number largest = summed_shifts<J>(rows[0], shifted, i);
        if constexpr (K == 2) {
          const Number other = summed_shifts<J>(rows[1], shifted, i);
          largest = largest > other || largest != largest ? largest : other;  // NaN stays
        }
        to[i] = largest;
      }
    });
  }
}

// The sums over an image's pixels of the gradient of every coefficient.
template <class Number, int J, int K>
class CoefficientSums {
 public:
  CoefficientSums(int64_t width, int64_t pixels) : width_(width), pixels_(pixels), sums_(K * J * width), totals_(K * J * width) {}

  Number* of(int k, int j) { return sums_.data() + (k * J + j) * width_; }

  void row_done() {
    if (++rows_ == kRowsPerSum) flush();
  }

  // Writes the gradients of an image, and starts anew.
  void write(const TrainingShape& shape, Number* da) {
    flush();
    for (int kj = 0; kj < K * J; ++kj, da += shape.channels) {
      const double* totals = totals_.data() + kj * width_;
      for (int64_t c = 0; c < shape.channels; ++c) {
        double total = 0;
        for (int64_t p = 0; p < pixels_; ++p) total += totals[p * shape.channels + c];
        da[shape.order[c]] = static_cast<Number>(total);
      }
    }
    totals_.assign(totals_.size(), 0);
  }

 private:
  void flush() {
    for (std::size_t i = 0; i < sums_.size(); ++i) totals_[i] += sums_[i];
    sums_.assign(sums_.size(), 0);
    rows_ = 0;
  }

  int64_t width_, pixels_, rows_ = 0;
  std::vector<Number> sums_;
  std::vector<double> totals_;
};

// One row: adds to the gradients of the coefficients, and writes those of the shifted rows.
template <class Number, int J, int K>
inline void differentiate_row(int64_t width, const Number* const (&a)[K][J], const Number* const (&x)[J],
                              const Number* __restrict dy, Number* const (&sums)[K][J], Number* const (&du)[J]) {
  INDEPENDENT
  for (int64_t i = 0; i < width; ++i) {
    Number share[K];
    if constexpr (K == 2) {
      const Number first = summed_shifts<J>(a[0], x, i), second = summed_shifts<J>(a[1], x, i);
      const Number given = first == second ? dy[i] * Number{0.5} : dy[i];
      share[0] = first < second ? Number{0} : given;
      share[1] = second < first ? Number{0} : given;
    } else {
      share[0] = dy[i];
    }
    for (int j = 0; j < J; ++j) {
      Number total = 0;
      for (int k = 0; k < K; ++k) {
        sums[k][j][i] += share[k] * x[j][i];
        total = k == 0 ? share[k] * a[k][j][i] : total + share[k] * a[k][j][i];
      }
      du[j][i] = total;
    }
  }
}

template <class Number, int J, int K>
void differentiate_of(const TrainingShape& shape, const Number* a, const Number* x, const Number* dy, Number* dx,
                      Number* da) {
  Activating<Number, J, K> activating(shape);
  const int64_t image = shape.pixels * shape.channels, width_of_all = activating.width();
  CoefficientSums<Number, J, K> sums(width_of_all, activating.pixels());
  std::vector<Number> shares(J * width_of_all);
  std::vector<Selection> back;
  Number *du[J], *sums_of[K][J];
  const Number* a_of[K][J];
  for (int j = 0; j < J; ++j) {
    back.emplace_back(shape.sources + j * shape.channels, shape.channels, activating.pixels(), true);
    du[j] = shares.data() + j * width_of_all;
    for (int k = 0; k < K; ++k) sums_of[k][j] = sums.of(k, j), a_of[k][j] = activating.a(k, j);
  }
  for (int64_t n = 0; n < shape.images; ++n, a += K * J * shape.channels, x += image, dy += image) {
    activating.take(a);
    activating.for_each_row(x, [&](int64_t place, int64_t width, const Number* const (&shifted)[J]) {
      differentiate_row<Number, J, K>(width, a_of, shifted, dy + place, sums_of, du);
      sums.row_done();
      if (dx == nullptr) return;
      Number* __restrict to = dx + n * image + place;
      const int32_t* first = back[0].index();
      const int32_t* second = back[J - 1].index();
      for (int64_t i = 0; i < width; ++i) to[i] = J == 1 ? du[0][first[i]] : du[0][first[i]] + du[J - 1][second[i]];
    });
    if (da != nullptr) sums.write(shape, da + n * K * J * shape.channels);
  }
}

template <class Number>
void fuse(const TrainingShape& shape, const Number* a, const Number* x, Number* y) {
  constexpr decltype(&fuse_of<Number, 1, 1>) kRuns[2][2] = {{fuse_of<Number, 1, 1>, fuse_of<Number, 1, 2>},
                                                            {fuse_of<Number, 2, 1>, fuse_of<Number, 2, 2>}};
  kRuns[shape.shifts - 1][shape.fusions - 1](shape, a, x, y);
}

template <class Number>
void differentiate(const TrainingShape& shape, const Number* a, const Number* x, const Number* dy, Number* dx,
                   Number* da) {
  constexpr decltype(&differentiate_of<Number, 1, 1>) kRuns[2][2] = {
      {differentiate_of<Number, 1, 1>, differentiate_of<Number, 1, 2>},
      {differentiate_of<Number, 2, 1>, differentiate_of<Number, 2, 2>}};
  kRuns[shape.shifts - 1][shape.fusions - 1](shape, a, x, dy, dx, da);
}

template <class Number>
void reorder(const ReorderingShape& shape, Number low, Number high, const Number* x, Number* y) {
  const int64_t pixels = pixels_per_row(shape.channels, shape.rows), width = pixels * shape.channels;
  const Selection selection(shape.order, shape.channels, pixels);
  const int32_t* __restrict index = selection.index();
  const int64_t count = shape.rows * shape.channels;
  for (int64_t place = 0; place < count; place += width) {
    const Number* from = x + place;
    Number* __restrict to = y + place;
    const int64_t here = count - place < width ? count - place : width;
    for (int64_t i = 0; i < here; ++i) to[i] = from[index[i]];
    for (int64_t i = 0; i < here; ++i) {
      const Number raised = to[i] < low ? low : to[i];  // NaN stays
      to[i] = raised > high ? high : raised;
    }
  }
}

template <class Number>
void differentiate_reordered(const ReorderingShape& shape, Number low, Number high, const Number* y,
                             const Number* dy, Number* dx) {
  const int64_t pixels = pixels_per_row(shape.channels, shape.rows), width = pixels * shape.channels;
  const Selection selection(shape.order, shape.channels, pixels, true);
  const int32_t* __restrict index = selection.index();
  const int64_t count = shape.rows * shape.channels;
  std::vector<Number> masked(y == nullptr ? 0 : width);
  for (int64_t place = 0; place < count; place += width) {
    const Number* given = dy + place;
    const int64_t here = count - place < width ? count - place : width;
    if (y != nullptr) {
      const Number* result = y + place;
      Number* __restrict to = masked.data();
      for (int64_t i = 0; i < here; ++i) to[i] = result[i] <= low || result[i] >= high ? Number{0} : given[i];
      given = to;
    }
    Number* __restrict to = dx + place;
    for (int64_t i = 0; i < here; ++i) to[i] = given[index[i]];
  }
}

template <class Number>
constexpr TrainingLoops<Number> kLoops = {fuse<Number>, differentiate<Number>, reorder<Number>,
                                          differentiate_reordered<Number>};

constexpr Training training_named(const char* name) { return {name, kLoops<float>, kLoops<double>}; }

}  // namespace
}  // namespace micronet_edge
