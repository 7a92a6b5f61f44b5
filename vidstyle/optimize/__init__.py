"""The optimization of pixels: tensors only, no files."""
