"""The names in a TFLite file's signature."""

SIGNATURE, IMAGE, LOGITS = "serving_default", "image", "logits"
"""The signature's name, as TensorFlow's converter gives it, and the names of its input and output."""
