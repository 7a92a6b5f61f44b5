"""A clip as an animated GIF: which frames it shows, and when."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vidstyle.config import EncodingConfig
from vidstyle.errors import ConfigError, VideoOpenError, VideoWriteError
from vidstyle.images import Resized
from vidstyle.records import Frame
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.streams import list_packets
from vidstyle.video.write import check_writable, write_gif, write_video


def slides(count: int) -> list[Frame]:
    """Make flat frames, each of another gray."""
    return [np.full((24, 32, 3), 8 * index, np.uint8) for index in range(count)]


def even_times(count: int, fps: int) -> list[float]:
    return [index / fps for index in range(count)]


def shown_at(path: Path) -> list[float]:
    packets = list_packets(path, "0:v:0", error=VideoOpenError)
    return [packet.time_s for packet in packets]


@pytest.mark.parametrize(
    ("fps", "expected_cs"),
    [
        (10, [0, 10, 20, 30, 40, 50, 60, 70]),
        (30, [0, 3, 7, 10, 13, 17, 20, 23]),
        (50, [0, 2, 4, 6, 8, 10, 12, 14]),
        (60, [0, 2, 5, 7, 10, 12]),  # of 0, 1.7, 3.3, 5, ...
        (120, [0, 2, 4, 6]),
    ],
)
def test_frames_are_shown_in_time_as_far_as_a_gif_can(
    fps: int, expected_cs: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "clip.gif"
    write_gif(slides(8), path, times_s=even_times(8, fps), fps=Fraction(fps))
    assert shown_at(path) == pytest.approx([cs / 100 for cs in expected_cs])
    durations = np.diff(expected_cs)
    assert durations.min() >= 2


def test_variable_rate_is_kept(tmp_path: Path) -> None:
    path, times_s = tmp_path / "clip.gif", [0.5, 0.6, 1.1, 1.13, 2.0]
    write_video(slides(5), path, times_s=times_s, fps=Fraction(4))
    assert shown_at(path) == pytest.approx([0, 0.1, 0.6, 0.63, 1.5])
    last = list_packets(path, "0:v:0", error=VideoOpenError)[-1]
    assert last.duration_s == pytest.approx(0.25)


def test_frames_come_back(tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    write_video(
        Resized(slides(6), 18, 24),
        path,
        times_s=even_times(6, 10),
        fps=Fraction(10),
    )
    back = [t.frame for t in read_frames(probe(path), on_warning=pytest.fail)]
    assert [frame.shape for frame in back] == [(18, 24, 3)] * 6
    for frame, source in zip(back, slides(6), strict=True):
        assert np.abs(frame.astype(int) - source[0, 0]).max() <= 2
    assert [path.name for path in tmp_path.iterdir()] == ["clip.gif"]


def test_what_never_moves_has_its_colors(tmp_path: Path) -> None:
    path, frames = tmp_path / "clip.gif", slides(5)
    for frame in frames:
        frame[:, :20] = (200, 40, 90)
    write_video(frames, path, times_s=even_times(5, 10), fps=Fraction(10))
    for timed in read_frames(probe(path), on_warning=pytest.fail):
        assert np.abs(timed.frame[:, :20].astype(int) - (200, 40, 90)).max() <= 2


def test_frames_may_be_read_from_the_beginning_each_time(tmp_path: Path) -> None:
    class Frames:
        passes = 0

        def __iter__(self):  # type: ignore[no-untyped-def]
            self.passes += 1
            return iter(slides(4))

    frames, path = Frames(), tmp_path / "clip.gif"
    write_gif(frames, path, times_s=even_times(4, 10), fps=Fraction(10))
    assert frames.passes == 2
    with pytest.raises(ValueError, match="argument"):
        write_gif(iter(slides(4)), path, times_s=even_times(4, 10), fps=Fraction(10))
    assert [path.name for path in tmp_path.iterdir()] == ["clip.gif"]


def test_name_says_all_of_the_format(tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    check_writable(path)
    with pytest.raises(ConfigError, match=r"cannot hold h264; .* leave --codec out"):
        check_writable(path, EncodingConfig(codec="h264"))
    with pytest.raises(ConfigError, match="gif has a fixed quality"):
        check_writable(path, EncodingConfig(crf=20))
    with pytest.raises(VideoWriteError, match="No such file or directory"):
        check_writable(tmp_path / "none" / "clip.gif")
