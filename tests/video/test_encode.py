from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vidstyle.errors import VideoOpenError
from vidstyle.records import Frame
from vidstyle.video.ffmpeg import run_ffmpeg, timed_stream
from vidstyle.video.streams import list_packets


def noise(count: int, height: int = 6, width: int = 10) -> list[Frame]:
    generator = np.random.default_rng(0)
    return list(generator.integers(0, 256, (count, height, width, 3), dtype=np.uint8))


def test_ffmpeg_reads_the_same_pixels_and_times(tmp_path: Path) -> None:
    frames, times_s = noise(4), [7.0, 7.040001, 7.5, 9.75]
    path = tmp_path / "frames.mkv"
    path.write_bytes(b"".join(timed_stream(frames, times_s, fps=Fraction(25))))

    packets = list_packets(path, "0:v:0", error=VideoOpenError)
    raw = run_ffmpeg(
        ["-i", str(path), "-fps_mode", "passthrough", "-f", "rawvideo", "-"],
        error=VideoOpenError,
        failed="test",
    )

    times = [packet.time_s for packet in packets]
    assert times == pytest.approx([0.0, 0.040001, 0.5, 2.75], abs=1e-9)
    durations = [packet.duration_s for packet in packets]
    assert durations == pytest.approx([0.040001, 0.459999, 2.25, 0.04], abs=1e-9)
    assert np.array_equal(np.frombuffer(raw, np.uint8), np.stack(frames).ravel())


def test_frames_are_taken_one_at_a_time() -> None:
    taken = 0

    def counting() -> object:
        nonlocal taken
        for frame in noise(3):
            taken += 1
            yield frame

    stream = timed_stream(counting(), [0.0, 0.1, 0.2], fps=Fraction(10))
    next(stream), next(stream)  # the header, and the first frame
    assert taken == 1


@pytest.mark.parametrize("count", [2, 4])
def test_frames_and_times_must_agree_in_number(count: int) -> None:
    with pytest.raises(ValueError, match="argument"):
        list(timed_stream(noise(count), [0.0, 0.1, 0.2], fps=Fraction(10)))


def test_frames_must_have_one_shape() -> None:
    frames = [*noise(1), *noise(1, height=8)]
    with pytest.raises(ValueError, match="frame 1"):
        list(timed_stream(frames, [0.0, 0.1], fps=Fraction(10)))
