"""The usual way to an ONNX file: torch.onnx and onnxsim, and ONNX Runtime's own quantization."""
