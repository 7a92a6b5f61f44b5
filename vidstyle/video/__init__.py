"""Video input and output: OpenCV decodes frames, ffmpeg encodes the results."""
