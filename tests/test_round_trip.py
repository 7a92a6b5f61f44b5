"""A clip in and the same clip out: with no step, only the files are at work."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from typer.testing import CliRunner

from vidstyle.cli import app
from vidstyle.errors import VideoOpenError
from vidstyle.images import resize_frame, write_picture
from vidstyle.video.ffmpeg import describe, run_ffmpeg
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames

pytestmark = pytest.mark.slow

MakeClip = Callable[..., Path]
See = Callable[[Path], npt.NDArray[np.int64]]

IDENTITY = (
    *("--steps", "0", "--next-steps", "0", "--next-init", "content", "--no-recolor"),
    *("--long-side", "source", "--network", "slim", "--device", "cpu", "--quiet"),
)
TAGGED = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=160x96:rate=24")
SOUND = ("-f", "lavfi", "-i", "sine=duration=0.5:sample_rate=44100")
LOSSLESS = ("-c:v", "libx264", "-qp", "0", "-an")
LENGTH = ("-t", "0.5", "-c:a", "aac")


@dataclass(frozen=True)
class Trip:
    """A kind of clip, and how it comes out."""

    name: str
    arguments: tuple[str, ...]
    options: tuple[str, ...] = ("--crf", "10")
    ending: str = ".mp4"
    output: str = ""
    """Its name, where it is given."""
    error: float = 2.0
    """Mean difference in 8-bit levels."""
    time_error_s: float = 1e-4
    frames: int = 12
    by_ffmpeg: bool = True
    """Whether ffmpeg decodes what is compared, or OpenCV."""

    def __str__(self) -> str:
        return self.name


def h264(filters: str, *others: str, pixels: str = "yuv420p") -> tuple[str, ...]:
    chain = f"{filters},scale=out_color_matrix=bt709,format={pixels},{TAGGED}"
    return (*PICTURE, *SOUND, "-vf", chain, *LENGTH, "-c:v", "libx264", *others)


ODD = h264("crop=159:95", "-c:v", "libvpx-vp9", "-b:v", "0")
VARIED = ("-fps_mode", "passthrough", "-enc_time_base", "1:1000")
TRIPS = [
    Trip("constant rate", h264("null")),
    Trip("NTSC rate", h264("fps=30000/1001"), frames=15),
    Trip(
        "variable rate",
        h264(r"select='not(eq(mod(n\,3)\,1))',setpts='PTS+0.01*mod(N,2)/TB'", *VARIED),
        frames=8,
    ),
    Trip("odd sides", ODD),
    Trip("odd sides in Matroska", ODD, ending=".mkv", output="out.mkv"),
    Trip("odd sides, H.265", ODD, ("--codec", "h265", "--crf", "10")),
    Trip("H.265", h264("null"), ("--codec", "h265", "--crf", "10")),
    Trip("AV1", h264("null"), ("--codec", "av1", "--crf", "10")),
    Trip("VP9 beside AAC", h264("null"), ("--codec", "vp9", "--crf", "10"), ".mkv"),
    Trip("ProRes", h264("null"), ("--codec", "prores"), ".mov", by_ffmpeg=False),
    Trip("FFV1", h264("null"), ("--codec", "ffv1"), ".mkv", 0, by_ffmpeg=False),
]
ROUNDED_S = 0.00051
"""Matroska counts in milliseconds."""


def times_of(path: Path) -> list[float]:
    return [t.time_s for t in read_frames(probe(path), on_warning=pytest.fail)]


def seen_in(path: Path) -> npt.NDArray[np.int64]:
    """Decode a clip by ffmpeg alone: (N, H, W, 3).

    OpenCV and ffmpeg spread colors that stand for several pixels otherwise, so
    two clips of different formats may be compared in one of them only.
    """
    info = probe(path)
    height, width = info.height, info.width
    flags = "accurate_rnd+full_chroma_int+full_chroma_inp"
    pixels = run_ffmpeg(
        [
            *("-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough"),
            *("-vf", f"scale=flags={flags}", "-pix_fmt", "rgb24"),
            *("-f", "rawvideo", "-"),
        ],
        error=VideoOpenError,
        failed="test",
    )
    frames = np.frombuffer(pixels, np.uint8).reshape(-1, height, width, 3)
    return frames.astype(int)


def sound_digest(path: Path) -> bytes:
    return run_ffmpeg(
        ["-i", str(path), "-map", "0:a", "-c", "copy", "-f", "md5", "-"],
        error=VideoOpenError,
        failed="test",
    )


def sound_packets(path: Path) -> list[bytes]:
    """Digest each packet of the first sound."""
    said = run_ffmpeg(
        ["-i", str(path), "-map", "0:a:0", "-c", "copy", "-f", "framemd5", "-"],
        error=VideoOpenError,
        failed="test",
    )
    rows = said.splitlines()
    return [row.split(b",")[-1] for row in rows if not row.startswith(b"#")]


def round_trip(clip: Path, *options: str) -> Path:
    """Paint a clip without a step, as a user would; return what came out."""
    painting = clip.with_name("painting.png")
    coarse = np.random.default_rng(3).integers(0, 256, (4, 4, 3), np.uint8)
    write_picture(painting, resize_frame(coarse, height=64, width=64))
    arguments = ["video", str(clip), "-s", str(painting), *IDENTITY, *options]
    said = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert said.exit_code == 0, said.stderr
    assert said.stderr == ""
    return Path(said.stdout.strip())


def read_from(path: Path) -> npt.NDArray[np.int64]:
    """Decode a clip by OpenCV alone, as our own reader does with most: (N, H, W, 3)."""
    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(read[1][..., ::-1])
    capture.release()
    return np.stack(frames).astype(int)


def assert_same(
    clip: Path, result: Path, *, see: See, error: float, time_error_s: float
) -> int:
    """Check frames and times, and return how many there are."""
    assert times_of(result) == pytest.approx(times_of(clip), abs=time_error_s)
    before, after = see(clip), see(result)
    height, width = before.shape[1:3]
    if probe(result).codec in {"h264", "hevc"}:  # of an odd side, the last is left out
        before = before[:, : height - height % 2, : width - width % 2]
    assert np.abs(after - before).mean((1, 2, 3)).max() <= error
    return len(after)


@pytest.mark.parametrize("trip", TRIPS, ids=str)
def test_no_step_changes_nothing(trip: Trip, make_clip: MakeClip) -> None:
    clip = make_clip("clip.mp4", *trip.arguments)
    named = ("-o", str(clip.with_name(trip.output))) if trip.output else ()
    result = round_trip(clip, *trip.options, *named)
    assert result.suffix == trip.ending
    see = seen_in if trip.by_ffmpeg else read_from
    tolerance = ROUNDED_S if trip.ending == ".mkv" else trip.time_error_s
    frames = assert_same(
        clip, result, see=see, error=trip.error, time_error_s=tolerance
    )
    assert frames == trip.frames
    assert sound_digest(result) == sound_digest(clip)


@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_last_frame_is_held_as_long(ending: str, make_clip: MakeClip) -> None:
    clip = make_clip("clip.gif", *PICTURE, "-t", "0.25", "-final_delay", "300")
    result = round_trip(clip, "-o", str(clip.with_name(f"result{ending}")))
    assert probe(result).duration_s == pytest.approx(probe(clip).duration_s, abs=0.05)


def test_frames_in_a_folder_are_the_frames(make_clip: MakeClip) -> None:
    clip = make_clip("clip.mp4", *h264("null"))
    folder = round_trip(clip, "-o", str(clip.with_name("frames")))
    assert [path.name for path in sorted(folder.iterdir())][-1] == "000012.png"
    pairs = zip(
        read_frames(probe(folder), on_warning=pytest.fail),
        read_frames(probe(clip), on_warning=pytest.fail),
        strict=True,
    )
    assert all(np.array_equal(a.frame, b.frame) for a, b in pairs)


@pytest.mark.parametrize(
    ("name", "error"), [("mei_with-gps.mov", 2.0), ("mdn_friday.mp4", 2.0)]
)
def test_real_clip_comes_out_as_it_went_in(
    name: str,
    error: float,
    real_clip: Callable[[str], Path],
    make_clip: MakeClip,
    tmp_path: Path,
) -> None:
    clip = tmp_path / name
    clip.symlink_to(real_clip(name))
    result = round_trip(clip, "--crf", "10", "--frames", "0:3")  # to be quick
    # Its rate is constant but for the camera's own rounding.
    begin_s, *_ = times = times_of(clip)[:3]
    expected = pytest.approx([time - begin_s for time in times], abs=3e-4)
    assert times_of(result) == expected
    head = make_clip("head.mp4", "-i", str(clip), "-frames:v", "3", *LOSSLESS)
    assert np.abs(seen_in(result) - seen_in(head)).mean((1, 2, 3)).max() <= error
    assert "rotation" not in describe(result)
    # Of the range, to the packet.
    cut, whole = sound_packets(result), sound_packets(clip)
    start = whole.index(cut[0])
    assert whole[start : start + len(cut)] == cut
    assert abs(len(cut) * 1024 / 44100 - 3 / float(probe(clip).fps)) < 3 * 1024 / 44100
