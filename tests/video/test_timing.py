from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vidstyle.images import write_picture
from vidstyle.video.probe import probe
from vidstyle.video.timing import held_s, measure_timing

MakeClip = Callable[..., Path]
TEN = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1")
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")


@pytest.mark.parametrize("name", ["even.mp4", "even.mkv", "even.gif"])
def test_even_times_are_constant(name: str, make_clip: MakeClip) -> None:
    timing = measure_timing(probe(make_clip(name, *TEN)))
    assert (timing.kind, timing.packets) == ("constant", 10)
    assert timing.shortest_s == pytest.approx(0.1, abs=0.001)


def test_rounding_to_milliseconds_is_no_variable_rate(make_clip: MakeClip) -> None:
    source = "testsrc2=size=64x48:rate=30000/1001:duration=1"
    clip = make_clip("ntsc.mkv", "-f", "lavfi", "-i", source, *H264)
    assert measure_timing(probe(clip)).kind == "constant"


def test_uneven_times_are_variable(make_clip: MakeClip) -> None:
    clip = make_clip(
        "uneven.mp4",
        *("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1"),
        *("-vf", "settb=1/1000,setpts='if(lt(N,5),N*50,250+(N-5)*200)'"),
        *("-fps_mode", "passthrough", "-enc_time_base", "1:1000", *H264),
    )
    timing = measure_timing(probe(clip))
    assert timing.kind == "variable"
    assert (timing.shortest_s, timing.longest_s) == pytest.approx((0.05, 0.2))


def test_raw_stream_and_folder_have_assumed_times(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    raw = measure_timing(probe(make_clip("raw.h264", *TEN, *H264)))
    assert (raw.kind, raw.packets) == ("assumed", 10)
    folder = tmp_path / "pictures"
    folder.mkdir()
    write_picture(folder / "1.png", np.zeros((16, 16, 3), np.uint8))
    pictures = measure_timing(probe(folder))
    assert (pictures.kind, pictures.packets) == ("assumed", 1)
    assert pictures.longest_s == 0.04


def test_pictures_that_are_not_shown_do_not_count(
    real_clip: Callable[[str], Path],
) -> None:
    """Five of the 95 that are stored are for others to refer to."""
    timing = measure_timing(probe(real_clip("mdn_stream-of-water.webm")))
    assert (timing.kind, timing.packets) == ("constant", 90)


@pytest.mark.parametrize(
    ("name", "delay", "held"), [("a.gif", "300", 3.0), ("a.gif", "10", None)]
)
def test_last_frame_may_be_held(
    name: str, delay: str, held: float | None, make_clip: MakeClip
) -> None:
    clip = make_clip(name, *TEN, "-final_delay", delay)
    assert held_s(probe(clip)) == (None if held is None else pytest.approx(held))


def test_others_hold_no_frame(make_clip: MakeClip, tmp_path: Path) -> None:
    assert held_s(probe(make_clip("a.mp4", *TEN, *H264))) is None
    assert held_s(probe(make_clip("a.h264", *TEN, *H264))) is None
    folder = tmp_path / "pictures"
    folder.mkdir()
    write_picture(folder / "1.png", np.zeros((16, 16, 3), np.uint8))
    assert held_s(probe(folder)) is None
