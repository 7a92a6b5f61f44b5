"""Pixels in and pixels out: OpenCV splits clips, ffmpeg reassembles them."""
