#include "image.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>

#ifdef HAVE_STB_IMAGE
#define STBI_NO_STDIO
#include <stb_image.h>
#endif

namespace {

constexpr int kMostPixels = 1 << 28;  // of a side as well

// The numbers after P5 and P6: width, height, largest value; # begins a comment.
int header_number(const std::vector<uint8_t>& content, size_t& place) {
  while (place < content.size() && (std::isspace(content[place]) || content[place] == '#')) {
    if (content[place++] != '#') continue;
    while (place < content.size() && content[place] != '\n') ++place;
  }
  int number = 0;
  const size_t start = place;
  for (; place < content.size() && std::isdigit(content[place]); ++place) {
    number = number * 10 + (content[place] - '0');
    if (number > kMostPixels) throw std::runtime_error("its header is damaged");
  }
  if (place == start) throw std::runtime_error("its header is damaged");
  return number;
}

Image from_pnm(const std::vector<uint8_t>& content) {
  size_t place = 2;
  const int width = header_number(content, place), height = header_number(content, place);
  if (header_number(content, place) != 255) throw std::runtime_error("it has other than 8 bits a channel");
  ++place;  // one space
  const int channels = content[1] == '6' ? 3 : 1;
  if (width < 1 || height < 1 || int64_t(width) * height > kMostPixels) throw std::runtime_error("it is too large");
  const size_t size = size_t(width) * height * channels;
  if (content.size() < place || content.size() - place < size) throw std::runtime_error("it is cut off");
  Image image(width, height, channels);
  std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(place), size, image.pixels.begin());
  return image;
}

#ifdef HAVE_STB_IMAGE
Image from_stb(const std::vector<uint8_t>& content) {
  if (content.size() > size_t(INT32_MAX)) throw std::runtime_error("it is too large");
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<uint8_t, void (*)(void*)> decoded(
      stbi_load_from_memory(content.data(), int(content.size()), &width, &height, &channels, 0), stbi_image_free);
  if (decoded == nullptr) throw std::runtime_error(stbi_failure_reason());
  Image image(width, height, channels);
  std::copy_n(decoded.get(), image.pixels.size(), image.pixels.begin());
  return image;
}
#else
Image from_stb(const std::vector<uint8_t>&) {
  throw std::runtime_error("it is no PGM or PPM: convert it, or build this program with stb_image.h");
}
#endif

}  // namespace

std::vector<uint8_t> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<uint8_t> content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file || content.empty()) throw std::runtime_error("there is no such file, or it is empty");
  return content;
}

Image read_image(const std::string& path) {
  const std::vector<uint8_t> content = read_file(path);
  const bool is_pnm = content.size() > 2 && content[0] == 'P' && (content[1] == '5' || content[1] == '6');
  return is_pnm ? from_pnm(content) : from_stb(content);
}
