"""A clip's path comes in, all that is understood of it goes out; nothing is painted."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidstyle.config import BACKGROUND
from vidstyle.records import VideoInfo
from vidstyle.video.mux import ending_for
from vidstyle.video.probe import Timing, measure_timing, probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What is understood of a clip."""

    info: VideoInfo
    timing: Timing
    ending: str
    """Of a result that nobody names: it can hold all that the clip has."""


def inspect_clip(
    clip: Path, *, fps: Fraction | None = None, background: str = BACKGROUND
) -> Inspection:
    """Find out what a clip is, and how its frames lie in time.

    Args:
        clip: A video, an animated GIF, or a folder of numbered pictures.
        fps: Rate of a folder or a raw stream; other files have their own.
        background: What lies behind transparent pixels, as in ``VideoConfig``.

    Raises:
        InputError: If the clip cannot be read, or a setting not be used.
    """
    info = probe(clip, fps=fps, background=background)
    return Inspection(info=info, timing=measure_timing(info), ending=ending_for(info))
