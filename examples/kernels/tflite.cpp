// Runs a TFLite file of ours in TFLite's C interface with the fused kernels:
//
//   g++ tflite.cpp -ltensorflowlite_c -lmicronet_edge_kernels && ./a.out m0.tflite
#include <tensorflow/lite/c/c_api.h>

#include <cstdio>
#include <vector>

extern "C" {
TfLiteDelegate* tflite_plugin_create_delegate(const char* const* keys, const char* const* values, size_t count,
                                              void (*report_error)(const char*));
void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate);
}

int main(int, char** arguments) {
  TfLiteModel* model = TfLiteModelCreateFromFile(arguments[1]);
  TfLiteInterpreterOptions* options = TfLiteInterpreterOptionsCreate();
  TfLiteDelegate* kernels = tflite_plugin_create_delegate(nullptr, nullptr, 0, nullptr);
  TfLiteInterpreterOptionsAddDelegate(options, kernels);  // leave this out, and the same file runs plainly
  TfLiteInterpreter* interpreter = TfLiteInterpreterCreate(model, options);
  TfLiteInterpreterAllocateTensors(interpreter);

  const std::vector<float> image(224 * 224 * 3);
  TfLiteTensorCopyFromBuffer(TfLiteInterpreterGetInputTensor(interpreter, 0), image.data(), image.size() * sizeof(float));
  TfLiteInterpreterInvoke(interpreter);
  std::vector<float> logits(1000);
  TfLiteTensorCopyToBuffer(TfLiteInterpreterGetOutputTensor(interpreter, 0), logits.data(), logits.size() * sizeof(float));
  std::printf("%f\n", logits[0]);

  TfLiteInterpreterDelete(interpreter);
  tflite_plugin_destroy_delegate(kernels);
  TfLiteInterpreterOptionsDelete(options);
  TfLiteModelDelete(model);
}
