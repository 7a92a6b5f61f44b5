"""The command line: parse, make a frozen config, one call, report."""

import os

# OpenCV and the ffmpeg in it write to stderr on their own; what they say of a broken
# clip we say ourselves, in one sentence. They read these when they are first imported.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# Threads that wait for work spin by default, and take the cores away from whatever has
# some: our own flow, ffmpeg, another run. Two runs on two cores take ten times as long.
# torch's OpenMP reads this when it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from vidstyle.cli.app import app

__all__ = ["app"]
