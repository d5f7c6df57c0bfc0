"""What every ONNX file of ours has in common: its opset, its version, the names of its input and output."""

OPSET = 17
"""The newest opset that every ONNX Runtime since 1.12, and the converters to other formats, take."""

FILE_VERSION = 8
"""That of the opset's time, which every ONNX Runtime that takes the opset reads."""

INPUT_NAME = "image"
OUTPUT_NAME = "logits"
