"""The colors of a picture, and which part of it is which region."""
