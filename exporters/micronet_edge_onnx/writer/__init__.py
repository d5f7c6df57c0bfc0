"""Writes a lowered network as an ONNX file, layer by layer."""
