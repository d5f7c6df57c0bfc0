// Runs calls of the library that a file describes, one behind the other, and writes what they give:
//
//   run_cases LIBRARY INSTRUCTIONS <cases >answers
//
// A case is sides (rows, shifts, fusions, inputs, outputs, pixels) as int32, sources int32, then for float (kind 0)
// low, high, a and x as float32, or for int8 (kind 1) x_zero, y_zero, lowest, highest as int32, the multiplier as
// float32, a as int16 and x as int8. An answer is the status as int32 and y.
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

using FloatCall = int32_t (*)(const char*, int32_t, int32_t, int32_t, int64_t, int64_t, const int32_t*, const float*,
                              const float*, float*, int64_t, float, float);
using Int8Call = int32_t (*)(const char*, int32_t, int32_t, int32_t, int64_t, int64_t, const int32_t*, const int16_t*,
                             const int8_t*, int8_t*, int64_t, int32_t, int32_t, float, int32_t, int32_t);

template <class Number>
std::vector<Number> read(size_t count) {
  std::vector<Number> numbers(count);
  if (std::fread(numbers.data(), sizeof(Number), count, stdin) != count) std::exit(3);
  return numbers;
}

template <class Number>
void write(const std::vector<Number>& numbers) {
  std::fwrite(numbers.data(), sizeof(Number), numbers.size(), stdout);
}

int main(int, char** arguments) {
  void* library = dlopen(arguments[1], RTLD_NOW);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  const auto float_call = reinterpret_cast<FloatCall>(dlsym(library, "micronet_edge_shift_max_float"));
  const auto int8_call = reinterpret_cast<Int8Call>(dlsym(library, "micronet_edge_shift_max_int8"));
  int32_t kind;
  while (std::fread(&kind, sizeof kind, 1, stdin) == 1) {
    const auto side = read<int32_t>(6);
    const auto sources = read<int32_t>(size_t(side[1]) * side[4]);
    const size_t coefficients = size_t(side[1]) * side[2] * side[4], numbers = size_t(side[3]) * side[5];
    int32_t status;
    if (kind == 0) {
      const auto ends = read<float>(2);
      const auto a = read<float>(coefficients), x = read<float>(numbers);
      std::vector<float> y(size_t(side[4]) * side[5]);
      status = float_call(arguments[2], side[0], side[1], side[2], side[3], side[4], sources.data(), a.data(), x.data(),
                          y.data(), side[5], ends[0], ends[1]);
      write(std::vector<int32_t>{status});
      write(y);
    } else {
      const auto grids = read<int32_t>(4);
      const auto multiplier = read<float>(1);
      const auto a = read<int16_t>(coefficients);
      const auto x = read<int8_t>(numbers);
      std::vector<int8_t> y(size_t(side[4]) * side[5]);
      status = int8_call(arguments[2], side[0], side[1], side[2], side[3], side[4], sources.data(), a.data(), x.data(),
                         y.data(), side[5], grids[0], grids[1], multiplier[0], grids[2], grids[3]);
      write(std::vector<int32_t>{status});
      write(y);
    }
  }
  return 0;
}
