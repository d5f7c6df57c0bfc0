"""Reads finished ONNX files: finds each Dynamic Shift-Max and makes one node of it for our kernels."""
