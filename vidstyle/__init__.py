"""Turn a video into a painting that moves; see README for the two ways in."""
