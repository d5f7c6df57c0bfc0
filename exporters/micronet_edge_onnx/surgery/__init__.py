"""Exact changes to finished ONNX models."""
