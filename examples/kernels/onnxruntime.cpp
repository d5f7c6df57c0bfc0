// Runs an ONNX file that `export --fused` wrote in ONNX Runtime with the fused kernels:
//
//   g++ onnxruntime.cpp -lonnxruntime && ./a.out m0.onnx libmicronet_edge_kernels.so
#include <onnxruntime_cxx_api.h>

#include <cstdio>
#include <vector>

int main(int, char** arguments) {
  Ort::Env environment;
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  options.RegisterCustomOpsLibrary(arguments[2]);  // leave this out, and the same file runs in plain operators
  Ort::Session session(environment, arguments[1], options);

  const std::vector<int64_t> shape{1, 3, 224, 224};
  std::vector<float> image(3 * 224 * 224);
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const auto input = Ort::Value::CreateTensor<float>(memory, image.data(), image.size(), shape.data(), shape.size());
  const char *inputs[] = {"image"}, *outputs[] = {"logits"};
  const auto answers = session.Run(Ort::RunOptions{}, inputs, &input, 1, outputs, 1);
  std::printf("%f\n", answers[0].GetTensorData<float>()[0]);
}
