"""Target `c`: one C file for microcontrollers, run by the kernels beside it."""
