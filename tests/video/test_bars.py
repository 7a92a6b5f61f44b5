"""Black bars around a picture: found, cut off, put back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vidstyle.records import NO_BARS, Bars
from vidstyle.video.probe import probe
from vidstyle.video.read import (
    find_bars,
    fitted_bars,
    read_frames,
    with_bars,
    without_bars,
)

HEIGHT, WIDTH = 96, 128
NOISE = f"nullsrc=s={WIDTH}x{HEIGHT}:r=6:d=1,geq=60+random(1)*160:128:128,smartblur"


def boxes(sides, when=""):
    """Filters that draw black bars of a width at each side."""
    top, bottom, left, right = (*sides, 0, 0)[:4]
    places = [
        f"0:0:iw:{top}",
        f"0:ih-{bottom}:iw:{bottom}",
        f"0:0:{left}:ih",
        f"iw-{right}:0:{right}:ih",
    ]
    drawn = zip(places, (top, bottom, left, right), strict=True)
    return "".join(f",drawbox={place}:black:fill{when}" for place, on in drawn if on)


@pytest.fixture
def barred(make_clip):
    """Make a clip of noise in which some rows and columns are black."""

    def make(sides, when="") -> Path:
        source = NOISE + boxes(sides, when)
        return make_clip("barred.mp4", "-f", "lavfi", "-i", source)

    return make


@pytest.mark.parametrize(
    ("sides", "bars"),
    [
        ((12, 12), Bars(12, 12)),
        ((0, 0, 30, 31), Bars(left=30, right=31)),
        ((8, 8, 16, 16), Bars(8, 8, 16, 16)),
        ((0, 0), NO_BARS),
        ((20, 0), NO_BARS),  # a dark sky is no bar
        ((40, 40), NO_BARS),  # a clip that is dark but for its middle
        ((1, 1), NO_BARS),
    ],
)
def test_bars_are_found_on_both_sides_or_not_at_all(barred, sides, bars):
    found = find_bars(probe(barred(sides)))
    assert np.abs(np.subtract(found, bars)).max() <= 1


def test_bars_that_come_and_go_are_none(barred):
    assert find_bars(probe(barred((12, 12), ":enable=gte(n\\,1)"))) == NO_BARS


def test_black_clip_has_none(make_clip):
    source = f"color=black:s={WIDTH}x{HEIGHT}:d=1"
    clip = make_clip("black.mp4", "-f", "lavfi", "-i", source)
    assert find_bars(probe(clip)) == NO_BARS


def test_frames_are_read_without_bars(barred):
    info = replace(probe(barred((12, 12))), bars=Bars(12, 12))
    frames = [timed.frame for timed in read_frames(info, on_warning=print)]
    assert {frame.shape for frame in frames} == {(HEIGHT - 24, WIDTH, 3)}
    assert min(frame[0].mean() for frame in frames) > 60


def test_bars_grow_with_the_frame(barred):
    info = replace(probe(barred((12, 12))), bars=Bars(12, 11, 4, 0))
    assert fitted_bars(info, height=48, width=256) == Bars(6, 6, 8, 0)


def test_cut_off_bars_are_put_back():
    frame = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    bars = Bars(3, 4, 5, 6)
    inner = without_bars(frame, bars)
    whole = with_bars(inner, bars)
    assert whole.shape == frame.shape
    assert (without_bars(whole, bars) == inner).all()
    assert whole.sum() == inner.sum()
