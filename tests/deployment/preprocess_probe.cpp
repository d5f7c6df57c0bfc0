// What an app's preprocess.cpp makes of an image, as bytes on standard output:
//
//   probe input IMAGE
//   probe cut IMAGE CHANNELS RESIZED_WIDTH RESIZED_HEIGHT LEFT TOP WIDTH HEIGHT BICUBIC
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "preprocess.h"

template <class Number_>
void put(const std::vector<Number_>& numbers) {
  std::fwrite(numbers.data(), sizeof(Number_), numbers.size(), stdout);
}

int main(int, char** given) try {
  const Image image = read_image(given[2]);
  if (std::string(given[1]) == "input") {
    put(model_input(image));
    return 0;
  }
  int number[8];
  for (int i = 0; i < 8; ++i) number[i] = std::atoi(given[i + 3]);
  const Cut cut{number[1], number[2], number[3], number[4], number[5], number[6], number[7] != 0};
  put(resized_and_cut(with_channels(image, number[0]), cut).pixels);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
