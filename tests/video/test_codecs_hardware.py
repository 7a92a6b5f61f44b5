"""Encoders that work only on some machines: tried, never taken at their word.

What no machine of the tests has is stood in for by another encoder of ffmpeg's.
"""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vidstyle.config import CRF, EncodingConfig
from vidstyle.errors import VideoOpenError
from vidstyle.records import Frame
from vidstyle.video import codecs
from vidstyle.video.codecs import (
    CANDIDATES,
    HardwareEncoder,
    find_hardware,
    held_shape,
)
from vidstyle.video.ffmpeg import describe, run_ffmpeg
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.write import write_video

SHAPE = (88, 160)
# Encoders that need no hardware, each with a scale of its own.
OPENH264 = HardwareEncoder(
    name="libopenh264", quality=lambda crf: ("-b:v", str(4_000_000 // (1 + crf)))
)
KVAZAAR = HardwareEncoder(
    name="libkvazaar", quality=lambda crf: ("-kvazaar-params", f"qp={crf}")
)
ABSENT = HardwareEncoder(name="gone", quality=lambda crf: ("-qp", str(crf)))
BROKEN = replace(OPENH264, name="libx264", quality=lambda crf: ("-crf", f"{crf}!"))


def frames(height: int, width: int) -> list[Frame]:
    across = np.linspace(40, 200, width)[None, :, None]
    levels = (np.broadcast_to(across + i, (height, width, 3)) for i in range(6))
    return [level.round().astype(np.uint8) for level in levels]


def write(path: Path, codec: str, height: int, width: int) -> list[Frame]:
    config = EncodingConfig(codec=codec, hardware_encoder=True)  # type: ignore[arg-type]
    times_s = [index / 10 for index in range(6)]
    made = frames(height, width)
    write_video(made, path, times_s=times_s, fps=Fraction(10), config=config)
    return made


def check(path: Path, made: list[Frame], error: float) -> None:
    back = [t.frame for t in read_frames(probe(path), on_warning=pytest.fail)]
    assert np.stack(back).shape == np.stack(made).shape
    assert np.abs(np.stack(back).astype(int) - np.stack(made)).mean() < error
    assert "(tv, bt709, progressive)" in describe(path)


@pytest.fixture
def candidates(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[object, ...]]:
    """Put other candidates in place of all."""
    table: dict[str, tuple[object, ...]] = {}
    monkeypatch.setattr(codecs, "CANDIDATES", table)
    return table


@pytest.mark.parametrize(
    "way",
    [
        ("h264", OPENH264, "a.mp4"),
        ("h264", OPENH264, "a.mkv"),
        ("h265", KVAZAAR, "a.mp4"),
    ],
)
@pytest.mark.parametrize("shape", [(88, 160), (89, 161)])
def test_first_that_works_encodes(
    way: tuple[str, HardwareEncoder, str],
    shape: tuple[int, int],
    candidates: dict[str, tuple[object, ...]],
    tmp_path: Path,
) -> None:
    codec, encoder, name = way
    candidates[codec] = (ABSENT, BROKEN, encoder)
    assert find_hardware(codec, crf=None, shape=shape) is encoder
    made = write(tmp_path / name, codec, *shape)
    height, width = held_shape(codec, shape)
    check(tmp_path / name, [each[:height, :width] for each in made], 3)
    said = describe(tmp_path / name)
    assert encoder.name in said  # as the muxer notes it
    if codec == "h265":
        assert "(hvc1 " in said


def test_without_one_that_works_software_encodes(
    candidates: dict[str, tuple[object, ...]], tmp_path: Path
) -> None:
    candidates["h264"] = (ABSENT, BROKEN)
    assert find_hardware("h264", crf=None, shape=SHAPE) is None
    check(tmp_path / "a.mp4", write(tmp_path / "a.mp4", "h264", *SHAPE), 1.5)
    assert "libx264" in describe(tmp_path / "a.mp4")
    sentence = codecs.why_software("h264")
    assert "works here (tried gone, libx264); it is encoded in software." in sentence
    assert "no hardware encoder makes vp9 here" in codecs.why_software("vp9")


def test_trial_has_the_size_of_the_result(
    candidates: dict[str, tuple[object, ...]],
) -> None:
    candidates["h265"] = (KVAZAAR,)  # which takes multiples of eight only
    assert find_hardware("h265", crf=None, shape=(88, 160)) is KVAZAAR
    assert find_hardware("h265", crf=None, shape=(90, 160)) is None


def test_old_answer_is_not_another_ffmpeg_s(
    candidates: dict[str, tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates["h264"] = (OPENH264,)
    assert find_hardware("h264", crf=None, shape=SHAPE) is OPENH264
    monkeypatch.setattr(codecs, "ffmpeg_path", lambda: "/another")

    def fail(*_: object, **__: object) -> bytes:
        raise codecs.VideoWriteError("it has no such encoder")

    monkeypatch.setattr(codecs, "run_ffmpeg", fail)
    assert find_hardware("h264", crf=None, shape=SHAPE) is None


@pytest.mark.parametrize("codec", CANDIDATES)
def test_options_that_say_the_quality_are_known(codec: str) -> None:
    known = 0
    for each in CANDIDATES[codec]:
        said = run_ffmpeg(
            ["-h", f"encoder={each.name}"], error=VideoOpenError, failed="test"
        ).decode()
        if "AVOptions" not in said:  # of another system's
            continue
        known += 1
        for crf in (CRF[codec].least, CRF[codec].default, CRF[codec].most):
            options = each.quality(crf)
            own = set(options[::2]) - {"-b:v", "-q:v", "-global_quality"}
            assert all(f"  {option} " in said for option in own)
            values = [value for value in options[1::2] if value.isdecimal()]
            assert all(0 <= int(value) <= 255 for value in values)
    assert known
