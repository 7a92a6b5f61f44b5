"""The experiments of the literature: many pictures, laid out and compared."""
