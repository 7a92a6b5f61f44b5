from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidstyle.config import EncodingConfig
from vidstyle.errors import ConfigError, VideoOpenError, VideoWriteError
from vidstyle.images import Resized
from vidstyle.records import Frame
from vidstyle.video.ffmpeg import describe, run_ffmpeg
from vidstyle.video.probe import held_s, probe
from vidstyle.video.read import read_frames
from vidstyle.video.streams import list_packets
from vidstyle.video.write import check_writable, write_video

pytestmark = pytest.mark.slow

MakeClip = Callable[..., Path]

NTSC = Fraction(30000, 1001)
SOUND = ("-f", "lavfi", "-i", "sine=duration=2")
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")


def pattern(filters: str = "null") -> list[str]:
    source = f"testsrc=size=64x48:rate=30000/1001:duration=2,{filters}"
    return ["-f", "lavfi", "-i", source]


def ramps(count: int, *, height: int = 48, width: int = 64) -> Iterator[Frame]:
    """Make smooth frames, each of another level."""
    across = np.linspace(40, 200, width)[None, :, None]
    for index in range(count):
        level = np.broadcast_to(across + index, (height, width, 3))
        yield level.round().astype(np.uint8)


def even_times(count: int, fps: Fraction = NTSC) -> list[float]:
    return [float(index / fps) for index in range(count)]


def shown_times(path: Path) -> list[float]:
    packets = list_packets(path, "0:v:0", error=VideoOpenError)
    return sorted(packet.time_s for packet in packets)


def sound_digest(path: Path) -> bytes:
    return run_ffmpeg(
        ["-i", str(path), "-map", "0:a", "-c", "copy", "-f", "md5", "-"],
        error=VideoOpenError,
        failed="test",
    )


def pass_through(
    clip: Path, result: Path, *, side: int = 0, **options: Any
) -> list[float]:
    """Write a clip's own frames again, and return its times."""
    info = probe(clip)
    times_s = [t.time_s for t in read_frames(info, on_warning=pytest.fail)]
    frames = (t.frame for t in read_frames(info, on_warning=pytest.fail))
    write_video(
        Resized(frames, side, side) if side else frames,
        result,
        times_s=times_s,
        fps=info.fps,
        source=info,
        **options,
    )
    return times_s


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".MP4"])
def test_frames_come_back(ending: str, tmp_path: Path) -> None:
    result = tmp_path / f"result{ending}"
    write_video(ramps(20), result, times_s=even_times(20), fps=NTSC)
    info = probe(result)
    assert (info.codec, info.pixel_format, info.fps) == ("h264", "yuv420p", NTSC)
    assert "(tv, bt709, progressive)" in describe(result)
    back = [t.frame.astype(float) for t in read_frames(info, on_warning=pytest.fail)]
    errors = np.abs(np.stack(back) - np.stack(list(ramps(20)))).mean((1, 2, 3))
    assert errors.max() < 1.5  # crf 18, and 8-bit YUV, on a smooth picture
    assert [path.name for path in tmp_path.iterdir()] == [result.name]


def test_constant_rate_stays_exact_over_time(tmp_path: Path) -> None:
    result = tmp_path / "result.mp4"
    rounded = [round(time, 3) for time in even_times(300)]  # as Matroska has them
    write_video(ramps(300, height=16, width=16), result, times_s=rounded, fps=NTSC)
    assert shown_times(result) == pytest.approx(even_times(300), abs=1e-9)


@pytest.mark.parametrize(("ending", "tolerance"), [(".mp4", 1e-5), (".mkv", 0.00051)])
def test_variable_rate_is_kept(ending: str, tolerance: float, tmp_path: Path) -> None:
    times_s = [0.0, 1.9966667, 2.035, 2.0966667, 4.1, 4.138, 4.2, 9.0]
    result = tmp_path / f"result{ending}"
    write_video(ramps(8), result, times_s=times_s, fps=Fraction(37, 5))
    assert shown_times(result) == pytest.approx(times_s, abs=tolerance)


def test_last_frame_is_shown_as_long_as_any(tmp_path: Path) -> None:
    result = tmp_path / "result.mp4"
    write_video(ramps(5), result, times_s=[0, 0.1, 0.25, 0.3, 0.5], fps=Fraction(10))
    assert probe(result).duration_s == pytest.approx(0.6, abs=0.01)


def test_picture_that_begins_late_does_so_again(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    late = make_clip("late.mp4", "-itsoffset", "0.5", *pattern(), *SOUND, *H264)
    result = tmp_path / "result.mp4"
    times_s = pass_through(late, result)
    assert times_s[0] == pytest.approx(0.5, abs=0.001)
    assert shown_times(result) == pytest.approx(times_s, abs=1e-4)
    before, after = (
        list_packets(path, "0:a", error=VideoOpenError)[0].time_s
        for path in (late, result)
    )
    assert before == after


def test_edit_list_is_obeyed(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip("clip.mp4", *pattern(), *SOUND, *H264, "-g", "10")
    cut = make_clip("cut.mp4", "-ss", "0.5", "-i", str(clip), "-c", "copy")
    result = tmp_path / "result.mp4"
    times_s = pass_through(cut, result)
    stored = list_packets(cut, "0:v:0", error=VideoOpenError)
    assert len(times_s) < len(stored)  # some lie before the edit's beginning
    assert shown_times(result) == pytest.approx(times_s, abs=1e-4)
    assert sound_digest(result) == sound_digest(cut)


@pytest.mark.parametrize(("codec", "shape"), [("h264", (46, 62)), ("av1", (47, 63))])
def test_odd_sides_lose_their_last_row_or_column_where_they_must(
    codec: Any, shape: tuple[int, int], tmp_path: Path
) -> None:
    result = tmp_path / "result.mp4"
    frames = list(ramps(3, height=47, width=63))
    config = EncodingConfig(codec=codec)
    write_video(frames, result, times_s=even_times(3), fps=NTSC, config=config)
    shown = next(read_frames(probe(result), on_warning=pytest.fail)).frame
    assert shown.shape == (*shape, 3)
    expected = frames[0][: shape[0], : shape[1]]
    assert np.abs(shown.astype(int) - expected).mean() < 2


def test_frames_are_resampled_to_another_size(tmp_path: Path) -> None:
    result = tmp_path / "result.mp4"
    frames = Resized(ramps(3), 96, 128)
    write_video(frames, result, times_s=even_times(3), fps=NTSC)
    first = next(read_frames(probe(result), on_warning=pytest.fail)).frame
    assert first.shape == (96, 128, 3)
    across = np.interp(
        np.arange(128), np.arange(64) * 2 + 0.5, np.linspace(40, 200, 64)
    )
    assert np.abs(first[48].mean(-1) - across).mean() < 2


def test_quality_is_heard(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    noise = list(generator.integers(0, 256, (5, 48, 64, 3), dtype=np.uint8))
    lengths = []
    for crf in (10, 40):
        config = EncodingConfig(crf=crf)
        result = tmp_path / f"{crf}.mp4"
        write_video(noise, result, times_s=even_times(5), fps=NTSC, config=config)
        lengths.append(result.stat().st_size)
    assert lengths[0] > 2 * lengths[1]


def test_old_result_is_replaced(tmp_path: Path) -> None:
    result = tmp_path / "result.mp4"
    result.write_text("old")
    write_video(ramps(3), result, times_s=even_times(3), fps=NTSC)
    assert len(shown_times(result)) == 3


def broken(error: type[BaseException]) -> Iterator[Frame]:
    yield from ramps(20)
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, VideoOpenError])
def test_interrupted_run_leaves_only_the_old_result(
    error: type[BaseException], tmp_path: Path
) -> None:
    result = tmp_path / "result.mp4"
    result.write_text("old")
    with pytest.raises(error):
        write_video(broken(error), result, times_s=even_times(30), fps=NTSC)
    assert [path.name for path in tmp_path.iterdir()] == ["result.mp4"]
    assert result.read_text() == "old"


@pytest.mark.parametrize("count", [4, 6])
def test_wrong_number_of_frames_leaves_nothing(count: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="argument"):
        write_video(
            ramps(count), tmp_path / "result.mp4", times_s=even_times(5), fps=NTSC
        )
    assert not list(tmp_path.iterdir())


def test_frames_lost_by_ffmpeg_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "vidstyle.video.codecs.encoder_arguments",
        lambda *_, **__: ["-c:v", "libx264", "-frames:v", "3"],
    )
    with pytest.raises(VideoWriteError, match=r"holds only 3 of 5 frames\.$"):
        write_video(ramps(5), tmp_path / "result.mp4", times_s=even_times(5), fps=NTSC)
    assert not list(tmp_path.iterdir())


def test_no_frame_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(VideoWriteError, match="there are no frames"):
        write_video([], tmp_path / "result.mp4", times_s=[], fps=NTSC)


def assert_unwritable(result: Path, sentence: str) -> None:
    for attempt in (
        lambda: write_video(ramps(3), result, times_s=even_times(3), fps=NTSC),
        lambda: check_writable(result),
    ):
        with pytest.raises(VideoWriteError, match=sentence) as caught:
            attempt()
        assert str(caught.value).startswith(f"cannot write {result}: ")


def test_missing_folder_is_told(tmp_path: Path) -> None:
    assert_unwritable(tmp_path / "none" / "result.mp4", "No such file or directory")


def test_forbidden_folder_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)  # root may write anywhere
    assert_unwritable(tmp_path / "result.mp4", "Permission denied")


def test_result_that_cannot_be_moved_into_place_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(VideoWriteError, match="Permission denied"):
        write_video(ramps(3), tmp_path / "result.mp4", times_s=even_times(3), fps=NTSC)
    assert not list(tmp_path.iterdir())


def test_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "result.mp4").mkdir()
    assert_unwritable(tmp_path / "result.mp4", "not a file")


@pytest.mark.parametrize("name", ["result.avi", "result.png", "result"])
def test_unknown_ending_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"use one of \.mp4"):
        write_video(ramps(3), tmp_path / name, times_s=even_times(3), fps=NTSC)
    with pytest.raises(ConfigError, match=r"use one of \.mp4"):
        check_writable(tmp_path / name)


def test_check_of_the_output_leaves_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "result.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name",
    [
        "mdn_flower.mp4",
        "mdn_friday.mp4",
        "mdn_stream-of-water.mp4",
        "mei_FLIR_Thermal.mp4",
        "mei_with-gps.mov",
    ],
)
def test_real_clip_keeps_frames_times_and_sound(
    name: str, real_clip: Callable[[str], Path], tmp_path: Path
) -> None:
    clip = real_clip(name)
    result = tmp_path / "result.mp4"
    # Small, to be quick: neither times nor sound depend on the size.
    times_s = pass_through(clip, result, side=32)
    assert shown_times(result) == pytest.approx(times_s, abs=1e-4)
    back = [t.time_s for t in read_frames(probe(result), on_warning=pytest.fail)]
    assert back == pytest.approx(times_s, abs=1e-4)
    assert sound_digest(result) == sound_digest(clip)
    said = describe(result)
    assert "location" not in said
    assert "rotation" not in said


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.mov", "a.gif"])
def test_last_frame_is_held(name: str, tmp_path: Path) -> None:
    result = tmp_path / name
    write_video(
        list(ramps(3)), result, times_s=[0, 0.1, 0.2], fps=Fraction(10), hold_s=2.0
    )
    assert probe(result).duration_s == pytest.approx(2.2, abs=0.02)
    assert held_s(probe(result)) == pytest.approx(2.0, abs=0.01)
