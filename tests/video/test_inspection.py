from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from vidstyle.errors import ConfigError
from vidstyle.video.describe import inspect_clip

TEN = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1")


def test_clip_is_understood_with_its_timing(make_clip: Callable[..., Path]) -> None:
    seen = inspect_clip(make_clip("clip.gif", *TEN), background="black")
    assert seen.info.background == "#000000"
    assert (seen.timing.kind, seen.timing.packets) == ("constant", 10)
    assert seen.ending == ".mp4"


def test_rate_is_for_what_has_no_times(make_clip: Callable[..., Path]) -> None:
    raw = inspect_clip(make_clip("clip.mjpeg", *TEN), fps=Fraction(12))
    assert raw.info.fps == 12
    with pytest.raises(ConfigError, match="has its own frame times"):
        inspect_clip(make_clip("clip.mp4", *TEN), fps=Fraction(12))
