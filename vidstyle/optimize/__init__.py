"""The optimisation of pixels; tensors only, no files."""
