// Classifies images: classify IMAGE... [--top N] [--model PATH]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "facts.h"
#include "image.h"
#include "model.h"
#include "preprocess.h"

namespace {

constexpr const char* kUsage = "usage: classify IMAGE... [--top N] [--model PATH]\n";

struct Arguments {
  std::vector<std::string> images;
  std::string model;
  size_t top = 5;
};

bool parsed(int count, char** given, Arguments& arguments) {
  arguments.model = (std::filesystem::path(given[0]).parent_path() / kModel).string();
  for (int i = 1; i < count; ++i) {
    const bool is_top = std::strcmp(given[i], "--top") == 0;
    if (!is_top && std::strcmp(given[i], "--model") != 0) {
      arguments.images.emplace_back(given[i]);
      continue;
    }
    if (++i == count) return false;
    if (is_top) arguments.top = size_t(std::max(std::atoi(given[i]), 1));
    if (!is_top) arguments.model = given[i];
  }
  return !arguments.images.empty();
}

std::vector<double> probabilities(const std::vector<float>& scores) {
  std::vector<double> made(scores.begin(), scores.end());
  if (kSoftmax) return made;
  const double largest = *std::max_element(made.begin(), made.end());
  for (double& each : made) each = std::exp(each - largest);
  const double sum = std::accumulate(made.begin(), made.end(), 0.0);
  for (double& each : made) each /= sum;
  return made;
}

void print_best(const std::vector<double>& probabilities, size_t top) {
  std::vector<size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t one, size_t other) { return probabilities[one] > probabilities[other]; });
  order.resize(std::min(top, order.size()));
  for (size_t each : order) {
    std::printf("  %.6f  %zu  ", probabilities[each], each);
    std::fwrite(kLabels[each].data(), 1, kLabels[each].size(), stdout);  // as it is, whatever it holds
    std::putchar('\n');
  }
}

}  // namespace

int main(int count, char** given) {
  Arguments arguments;
  if (!parsed(count, given, arguments)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  int failed = 0;
  try {
    Model model(arguments.model);
    for (const std::string& path : arguments.images) {
      std::vector<Number> input;
      try {
        input = model_input(read_image(path));
      } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s cannot be read: %s\n", path.c_str(), error.what());
        failed = 1;
        continue;
      }
      std::printf("%s\n", path.c_str());
      print_best(probabilities(model.run(input)), arguments.top);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s: %s\n", arguments.model.c_str(), error.what());
    return 1;
  }
  return failed;
}
