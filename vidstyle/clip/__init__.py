"""Stylize a clip from file to file: read, stylize frame by frame, encode."""
