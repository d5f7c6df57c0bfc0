"""Target `onnx`: ONNX files, run by ONNX Runtime."""
