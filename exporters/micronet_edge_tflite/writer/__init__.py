"""Builds a TFLite file: flatbuffer tables, operators, and the tensors of a network."""
