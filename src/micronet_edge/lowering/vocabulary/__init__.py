"""What users write, spelled out in canonical layers: one kind of layer a file.

To add a layer, a function or a method is to add a function here that is registered by `VOCABULARY.spells`.
"""
