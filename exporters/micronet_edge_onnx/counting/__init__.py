"""Counts finished ONNX files."""
