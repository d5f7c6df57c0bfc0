// The model, in its runtime.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "facts.h"

class Model {
 public:
  // Throws std::runtime_error if the runtime cannot open the file, or it is another model than facts.h says.
  explicit Model(const std::string& path);
  ~Model();

  // The scores of the classes. Throws std::runtime_error if the runtime fails.
  std::vector<float> run(const std::vector<Number>& input);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};
