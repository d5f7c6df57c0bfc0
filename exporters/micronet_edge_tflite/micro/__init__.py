"""TFLite files for TensorFlow Lite Micro: a network of their own, of operators that its kernels run fast."""
