"""Passes that serve ONNX Runtime alone."""
