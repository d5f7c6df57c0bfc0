"""Target `tflite`: TFLite files, run by LiteRT with XNNPACK."""
