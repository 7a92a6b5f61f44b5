"""Transparency that is kept: of each frame its own, in what can hold it."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from vidstyle.config import EncodingConfig
from vidstyle.errors import ConfigError, VideoOpenError
from vidstyle.images import read_alpha, write_picture
from vidstyle.records import Frame, VideoInfo
from vidstyle.video.ffmpeg import run_ffmpeg
from vidstyle.video.folder import numbered_pictures, write_pictures
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.write import check_writable, with_alpha, write_video

pytestmark = pytest.mark.slow

MakeClip = Callable[..., Path]

COUNT, HEIGHT, WIDTH = 8, 48, 64
# A band that is opaque moves 8 columns a frame; on its right it is half transparent.
BAND = (
    "color=blue:size=64x48:rate=10:duration=0.8,format=rgba,"
    "geq=r=0:g=0:b=255:a='255*lt(X\\,8*(N+1))*(1-0.5*gt(X\\,8*N))'"
)
SOUND = ("-f", "lavfi", "-i", "sine=duration=0.8")
SOURCES = {
    "clip.mov": ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"),
    "clip.webm": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-crf", "4"),
    "clip.mkv": ("-c:v", "ffv1", "-pix_fmt", "bgra"),
}
WAYS = [
    ("prores", ".mov"),
    ("prores", ".mkv"),
    ("vp9", ".webm"),
    ("vp9", ".mkv"),
    ("ffv1", ".mkv"),
]


def red(count: int, height: int, width: int) -> list[Frame]:
    return [np.full((height, width, 3), (200, 0, 0), np.uint8)] * count


def alpha_of(path: Path, height: int, width: int) -> npt.NDArray[np.int64]:
    """Decode the transparency of each frame."""
    decoder = ["-c:v", "libvpx-vp9"] if probe(path).codec == "vp9" else []
    pixels = run_ffmpeg(
        [
            *(*decoder, "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough"),
            *("-vf", "format=rgba,alphaextract", "-pix_fmt", "gray"),
            *("-f", "rawvideo", "-"),
        ],
        error=VideoOpenError,
        failed="test",
    )
    return np.frombuffer(pixels, np.uint8).reshape(-1, height, width).astype(int)


def expected(first: int = 0, count: int = COUNT) -> npt.NDArray[np.int64]:
    """Return the band's opaqueness, from a frame on."""
    columns = np.arange(WIDTH)
    rows = [
        255 * (columns < 8 * (n + 1)) * (1 - 0.5 * (columns > 8 * n))
        for n in range(first, first + count)
    ]
    return np.stack(rows)[:, None, :].repeat(HEIGHT, 1).astype(int)


@pytest.mark.parametrize(("codec", "ending"), WAYS)
@pytest.mark.parametrize("name", SOURCES)
def test_each_frame_keeps_its_own(
    codec: Any, ending: str, name: str, make_clip: MakeClip, tmp_path: Path
) -> None:
    band = ("-f", "lavfi", "-i", BAND)
    clip = make_clip(name, *band, *SOUND, *SOURCES[name])
    info = probe(clip)
    times_s = [t.time_s for t in read_frames(info, on_warning=pytest.fail)]
    assert len(times_s) == COUNT
    result = tmp_path / f"result{ending}"
    config = EncodingConfig(codec=codec, keep_alpha=True)
    frames = red(COUNT, HEIGHT, WIDTH)
    write_video(
        frames, result, times_s=times_s, fps=Fraction(10), source=info, config=config
    )
    found = alpha_of(result, HEIGHT, WIDTH)
    assert found.shape == (COUNT, HEIGHT, WIDTH)
    assert np.abs(found - expected()).mean() < 3
    assert probe(result).has_alpha
    assert probe(result).has_audio
    *_, last = read_frames(probe(result), on_warning=pytest.fail)
    opaque = last.frame[:, :40]
    assert np.abs(opaque.astype(int) - (200, 0, 0)).mean() < 4


def test_part_of_a_clip_keeps_its_part(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip("clip.mov", "-f", "lavfi", "-i", BAND, *SOURCES["clip.mov"])
    result = tmp_path / "result.mov"
    write_video(
        red(3, 24, 32),
        result,
        times_s=[0.3, 0.4, 0.5],
        fps=Fraction(10),
        source=probe(clip),
        span=(0.3, 0.6),
        config=EncodingConfig(codec="prores", keep_alpha=True),
    )
    found = alpha_of(result, 24, 32)
    wanted = expected(3, 3)[:, ::2].reshape(3, 24, 32, 2).mean(-1)
    assert np.abs(found - wanted).mean() < 4


def band_pictures(folder: Path) -> VideoInfo:
    """Write the band as a folder of pictures; the last one has no transparency."""
    folder.mkdir()
    colors = np.full((HEIGHT, WIDTH, 3), (0, 0, 255), np.uint8)
    for number, alpha in enumerate(expected()[:-1].astype(np.uint8), start=1):
        write_picture(folder / f"{number}.png", np.dstack([colors, alpha]))
    write_picture(folder / f"{COUNT}.png", colors)
    return probe(folder, fps=Fraction(10))


@pytest.mark.parametrize(("codec", "ending"), WAYS)
@pytest.mark.parametrize("first", [0, 3])
def test_each_picture_of_a_folder_keeps_its_own(
    codec: Any, ending: str, first: int, tmp_path: Path
) -> None:
    info = band_pictures(tmp_path / "pictures")
    result = tmp_path / f"result{ending}"
    count = COUNT - first
    write_video(
        red(count, HEIGHT, WIDTH),
        result,
        times_s=[n / 10 for n in range(first, COUNT)],
        fps=Fraction(10),
        source=info,
        span=(first / 10, COUNT / 10) if first else None,
        config=EncodingConfig(codec=codec, keep_alpha=True),
    )
    wanted = expected(first, count)
    wanted[-1] = 255
    found = alpha_of(result, HEIGHT, WIDTH)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).mean() < 3
    assert probe(result).has_alpha


@pytest.mark.parametrize("first", [0, 3])
@pytest.mark.parametrize("name", [*SOURCES, "pictures"])
def test_pictures_get_that_of_their_frames(
    name: str, first: int, make_clip: MakeClip, tmp_path: Path
) -> None:
    if name == "pictures":
        info = band_pictures(tmp_path / name)
    else:
        info = probe(make_clip(name, "-f", "lavfi", "-i", BAND, *SOURCES[name]))
    frames = red(3, HEIGHT, WIDTH)
    painted = with_alpha(frames, info, start_s=first / 10)
    write_pictures(painted, tmp_path / "result")
    found = np.stack(
        [read_alpha(path) for path in numbered_pictures(tmp_path / "result")]
    )
    assert found.shape == (3, HEIGHT, WIDTH)
    assert np.abs(found.astype(int) - expected(first, 3)).mean() < 3
    assert probe(tmp_path / "result").has_alpha


def test_transparency_that_ends_before_the_frames_is_an_error(tmp_path: Path) -> None:
    info = band_pictures(tmp_path / "pictures")
    frames = red(2, HEIGHT, WIDTH)
    with pytest.raises(
        VideoOpenError, match=r"transparency of .*pictures is truncated"
    ):
        list(with_alpha(frames, info, start_s=(COUNT - 1) / 10))


def test_opaque_source_stays_opaque(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip(
        "clip.mp4", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=0.3"
    )
    result = tmp_path / "result.mov"
    config = EncodingConfig(codec="prores", keep_alpha=True)
    write_video(
        red(3, HEIGHT, WIDTH),
        result,
        times_s=[0, 0.1, 0.2],
        fps=Fraction(10),
        source=probe(clip),
        config=config,
    )
    assert not probe(result).has_alpha


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "auto"), ("a.mkv", "h265"), ("a.mp4", "vp9"), ("a.gif", "auto")],
)
def test_what_cannot_be_transparent_is_refused(
    name: str, codec: Any, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"cannot hold transparency; use --codec vp9"):
        check_writable(tmp_path / name, EncodingConfig(codec=codec, keep_alpha=True))
