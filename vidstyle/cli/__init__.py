"""The command line: parse, make a frozen config, one call, report."""

import os

# OpenCV and the ffmpeg in it write to stderr on their own; what they say of a broken
# clip we say ourselves, in one sentence. They read these when they are first imported.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# Threads that wait for work spin for milliseconds by default, and take the cores from
# whatever has some: our own flow, ffmpeg, another run. On two busy cores that makes a
# step forty times as long; spinning for some microseconds costs nothing on quiet ones.
# GNU's OpenMP, which torch brings along on Linux, reads this when it is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

from vidstyle.cli.app import app

__all__ = ["app"]
