"""The table of the way out: every codec in every file that can hold it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidstyle.config import CRF, MIN_SIDE, EncodingConfig
from vidstyle.errors import ConfigError, DependencyError, VideoOpenError
from vidstyle.records import Frame
from vidstyle.video import codecs
from vidstyle.video.codecs import (
    CANDIDATES,
    CODECS,
    CONTAINERS,
    HardwareEncoder,
    codec_for,
    encoded_shape,
    find_hardware,
)
from vidstyle.video.ffmpeg import describe, run_ffmpeg
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.streams import list_packets
from vidstyle.video.write import check_writable, write_video

pytestmark = pytest.mark.slow

MakeClip = Callable[..., Path]

COUNT = 8
NTSC = Fraction(30000, 1001)
CONSTANT = [float(index / NTSC) for index in range(COUNT)]
VARIABLE = [0.0, 0.05, 0.3, 0.3333, 0.5, 0.75, 0.8, 1.2]


@dataclass(frozen=True)
class Way:
    """One way out: what is asked for, and what has to be in the file."""

    codec: str
    ending: str
    found: str
    """ffmpeg's words for codec, tag, pixels and colors."""
    error: float = 1.5
    """Mean difference in 8-bit levels that encoding may make of a smooth picture."""

    def __str__(self) -> str:
        return f"{self.codec} in {self.ending}"


H264 = r"h264 \(High\)( \(avc1 .*?\))?, yuv420p\(tv, bt709, progressive\)"
HVC1 = r"hevc \(Main\) \(hvc1 .*?\), yuv420p\(tv, bt709, progressive\)"
HEVC = r"hevc \(Main\), yuv420p\(tv, bt709, progressive\)"
AV1 = r"av1 .*?\(Main\)( \(av01 .*?\))?, yuv420p\(tv, bt709, progressive\)"
VP9 = r"vp9 \(Profile 0\)( \(vp09 .*?\))?, yuv420p\(tv, bt709, progressive\)"
PRORES = r"prores \(HQ\) \(apch .*?\), yuv422p10le\(tv, bt709, progressive\)"
FFV1 = r"ffv1, bgr0\((pc, )?gbr/bt709/bt709, progressive\)"

WAYS = [
    *(Way("h264", ending, H264) for ending in (".mp4", ".m4v", ".mov", ".mkv")),
    *(Way("h265", ending, HVC1) for ending in (".mp4", ".m4v", ".mov")),
    Way("h265", ".mkv", HEVC),
    *(Way("av1", ending, AV1) for ending in (".mp4", ".m4v", ".webm", ".mkv")),
    *(Way("vp9", ending, VP9) for ending in (".webm", ".mp4", ".m4v", ".mkv")),
    *(Way("prores", ending, PRORES) for ending in (".mov", ".mkv")),
    Way("ffv1", ".mkv", FFV1, error=0),
]


@dataclass(frozen=True)
class Kind:
    """One kind of clip."""

    name: str
    height: int = 48
    width: int = 64
    times_s: tuple[float, ...] = tuple(CONSTANT)
    fps: Fraction = NTSC

    def __str__(self) -> str:
        return self.name


KINDS = [
    Kind("constant rate"),
    Kind(
        "odd sides, variable rate",
        height=49,
        width=67,
        times_s=tuple(VARIABLE),
        fps=Fraction(20, 3),
    ),
]


def test_table_names_every_way() -> None:
    ways = {(way.codec, way.ending) for way in WAYS}
    assert ways == {
        (name, ending)
        for name, codec in CODECS.items()
        for ending in codec.endings
        if name != "gif"  # which has a page of its own
    }
    assert len(ways) == len(WAYS)


def ramps(kind: Kind) -> list[Frame]:
    """Make smooth frames, each of another level."""
    across = np.linspace(40, 200, kind.width)[None, :, None]
    shape = (kind.height, kind.width, 3)
    levels = (np.broadcast_to(across + 3 * i, shape) for i in range(COUNT))
    return [level.round().astype(np.uint8) for level in levels]


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make two clips whose sound fits, with title, language and chapters."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "facts.txt").write_text(
        ";FFMETADATA1\ntitle=A walk\nartist=Ann\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=600\ntitle=First\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=600\nEND=1300\ntitle=Second\n"
    )
    made = {}
    for sound, ending in {"aac": ".mp4", "libopus": ".mkv"}.items():
        made[ending] = folder / f"source{ending}"
        run_ffmpeg(
            [
                *("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1.3"),
                *("-f", "lavfi", "-i", "sine=duration=1.3:sample_rate=48000"),
                *("-i", str(folder / "facts.txt"), "-map", "0", "-map", "1"),
                *("-map_metadata", "2", "-metadata:s:a", "language=deu"),
                *("-metadata:s:v", "language=fra", "-c:v", "libx264"),
                *("-c:a", sound, str(made[ending])),
            ],
            error=VideoOpenError,
            failed="test clip",
        )
    return made


def sound_digest(path: Path) -> bytes:
    return run_ffmpeg(
        ["-i", str(path), "-map", "0:a", "-c", "copy", "-f", "md5", "-"],
        error=VideoOpenError,
        failed="test",
    )


@pytest.mark.parametrize(
    ("way", "kind"),
    [pytest.param(w, k, id=f"{w}, {k}") for w, k in product(WAYS, KINDS)],
)
def test_way_out(
    way: Way, kind: Kind, sources: dict[str, Path], tmp_path: Path
) -> None:
    source = sources[".mkv" if way.ending == ".webm" else ".mp4"]
    result = tmp_path / f"result{way.ending}"
    frames = ramps(kind)
    write_video(
        frames,
        result,
        times_s=kind.times_s,
        fps=kind.fps,
        source=probe(source),
        config=EncodingConfig(codec=way.codec),
    )

    said = describe(result)
    assert re.search(f"Video: {way.found}", said), said
    info = probe(result)
    height, width = encoded_shape(way.codec, (kind.height, kind.width))
    assert (info.height, info.width) == (height, width)

    back = list(read_frames(info, on_warning=pytest.fail))
    assert len(back) == COUNT
    seen = np.stack([timed.frame for timed in back])
    written = np.stack(frames)[:, :height, :width]
    assert np.abs(seen.astype(int) - written).mean() <= way.error

    shown = sorted(
        p.time_s for p in list_packets(result, "0:v:0", error=VideoOpenError)
    )
    tick = 0.00051 if way.ending in {".mkv", ".webm"} else 1e-5
    assert shown == pytest.approx(kind.times_s, abs=tick)

    assert sound_digest(result) == sound_digest(source)
    facts = {"A walk", "Ann", "First", "Second", "(deu)", "(fra)"}
    if way.ending == ".mov":  # ffmpeg does not find German among QuickTime's languages
        facts -= {"(deu)"}
    assert all(fact in said for fact in facts)
    assert [path.name for path in tmp_path.iterdir()] == [result.name]


@pytest.mark.parametrize(
    ("name", "codec", "taken"),
    [
        ("a.mp4", "auto", "h264"),
        ("a.MKV", "auto", "h264"),
        ("a.webm", "auto", "vp9"),
        ("a.webm", "av1", "av1"),
        ("a.gif", "auto", "gif"),
    ],
)
def test_name_says_the_codec(name: str, codec: Any, taken: str) -> None:
    assert codec_for(Path(name), EncodingConfig(codec=codec)) == taken


REFUSED = [
    (ending, name)
    for ending, name in product(CONTAINERS, CODECS)
    if ending not in CODECS[name].endings and name != "gif"
]


@pytest.mark.parametrize(("ending", "codec"), REFUSED)
def test_file_that_cannot_hold_the_codec_is_refused(ending: str, codec: Any) -> None:
    name = Path(f"a{ending}")
    with pytest.raises(ConfigError) as refused:
        codec_for(name, EncodingConfig(codec=codec))
    said = str(refused.value)
    assert said.startswith(f"{name}: a {ending} file cannot hold {codec}; use .")
    # Both ways out that it names are ways out.
    codec_for(Path(f"a{CODECS[codec].endings[0]}"), EncodingConfig(codec=codec))
    other: Any = said.removesuffix(".").split(" or ")[-1].split("--codec ")[-1]
    if other == "out":  # leave --codec out
        other = "auto"
    codec_for(name, EncodingConfig(codec=other))


def test_quality_is_checked_against_the_codec_that_the_name_says() -> None:
    with pytest.raises(ConfigError, match=r"crf \(for h264\) is 60; it must be"):
        codec_for(Path("a.mp4"), EncodingConfig(crf=60))
    assert codec_for(Path("a.webm"), EncodingConfig(crf=60)) == "vp9"


@pytest.mark.parametrize("name", CRF)
def test_quality_is_heard(name: Any, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    noise = list(generator.integers(0, 256, (4, 48, 64, 3), dtype=np.uint8))
    lengths = []
    for crf in (CRF[name].least, None, CRF[name].most):
        result = tmp_path / f"{crf}.mkv"
        config = EncodingConfig(codec=name, crf=crf)
        write_video(noise, result, times_s=CONSTANT[:4], fps=NTSC, config=config)
        lengths.append(result.stat().st_size)
    assert lengths[0] > 1.2 * lengths[1] > 1.4 * lengths[2]


def test_av1_has_no_quality_zero() -> None:
    # To its encoder that means: as if nothing had been said, which is 35.
    picture = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=0.3")
    encoder = ("-pix_fmt", "yuv420p", "-c:v", "libsvtav1", "-preset", "8")
    made = [
        run_ffmpeg(
            [*picture, *encoder, *crf, "-f", "framemd5", "-"],
            error=VideoOpenError,
            failed="test",
        )
        for crf in ((), ("-crf", "0"), ("-crf", "35"), ("-crf", "1"))
    ]
    assert made[0] == made[1] == made[2] != made[3]
    with pytest.raises(ConfigError, match=r"crf \(for av1\) is 0; it must be"):
        EncodingConfig(codec="av1", crf=0)


@pytest.mark.parametrize("name", sorted(CODECS.keys() - {"gif"}))
def test_smallest_clip_is_encoded(name: Any, tmp_path: Path) -> None:
    result = tmp_path / "a.mkv"
    frames = ramps(Kind("smallest", height=MIN_SIDE, width=MIN_SIDE + 1))[:2]
    config = EncodingConfig(codec=name)
    write_video(frames, result, times_s=CONSTANT[:2], fps=NTSC, config=config)
    shape = probe(result).height, probe(result).width
    assert shape == encoded_shape(name, (MIN_SIDE, MIN_SIDE + 1))


@pytest.fixture
def old_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pretend that ffmpeg has no encoder of these names."""
    missing: list[str] = []

    def run(arguments: list[str], **options: Any) -> bytes:
        cut = ["-c:v", "gone"] if set(missing) & set(arguments) else []
        return run_ffmpeg([*arguments[:-3], *cut, *arguments[-3:]], **options)

    monkeypatch.setattr(codecs, "run_ffmpeg", run)
    monkeypatch.setattr(codecs, "_encoding_error", codecs._encoding_error.__wrapped__)
    return missing


def test_missing_encoder_is_told_before_the_work(
    old_ffmpeg: list[str], tmp_path: Path
) -> None:
    old_ffmpeg.append("libx265")
    with pytest.raises(DependencyError) as refused:
        check_writable(tmp_path / "a.mp4", EncodingConfig(codec="h265"))
    said = str(refused.value)
    assert "cannot encode h265: Unknown encoder 'gone'; use another --codec" in said
    check_writable(tmp_path / "a.mp4", EncodingConfig(codec="h264"))
    assert not list(tmp_path.iterdir())


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
    height, width = encoded_shape(codec, shape)
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
    assert "works here (tried gone, libx264); encoding in software." in sentence
    assert "no hardware encoder for vp9; encoding" in codecs.why_software("vp9")


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
