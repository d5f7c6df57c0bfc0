"""Everything about onnx2tf, which writes the networks that have layers without an operator file here."""
