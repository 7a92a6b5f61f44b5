"""What is known of a small clip, where there is no file to ask."""

from fractions import Fraction
from pathlib import Path

from vidstyle.records import VideoInfo

SMALL_CLIP = VideoInfo(
    path=Path("clip.mp4"),
    kind="video",
    height=32,
    width=48,
    fps=Fraction(10),
    frame_count=None,
    duration_s=None,
    rotation=0,
    codec="h264",
    pixel_format="yuv420p",
)
