"""A network as the calls of kernels that a C file makes, and where their buffers lie in memory."""
