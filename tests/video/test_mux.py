import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vidstyle.config import EncodingConfig
from vidstyle.errors import VideoOpenError
from vidstyle.records import Frame, StreamInfo
from vidstyle.video.codecs import container_of
from vidstyle.video.ffmpeg import describe, run_ffmpeg
from vidstyle.video.mux import dropped_data, ending_for, mux_args, unsupported_streams
from vidstyle.video.probe import probe
from vidstyle.video.streams import list_packets
from vidstyle.video.write import write_video

pytestmark = pytest.mark.slow

MakeClip = Callable[..., Path]

FPS = Fraction(10)
PICTURE = ("-f", "lavfi", "-i", "testsrc=size=32x32:rate=10:duration=3")
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:duration=3:sample_rate=44100")
RED = ("-f", "lavfi", "-i", "color=red:size=16x16")
SUBTITLES = (
    "1\n00:00:00,500 --> 00:00:01,000\none\n\n2\n00:00:01,500 --> 00:00:02,500\ntwo\n"
)
FACTS = """;FFMETADATA1
title=A walk
location=+34.0754-118.2543/
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1000
title=First
[CHAPTER]
TIMEBASE=1/1000
START=1000
END=3000
title=Second
"""


@pytest.fixture
def rich(make_clip: MakeClip, tmp_path: Path) -> Callable[..., Path]:
    """Make a clip with two sounds, subtitles, chapters, a title and a place."""

    def make(name: str, *codecs: str) -> Path:
        (tmp_path / "words.srt").write_text(SUBTITLES)
        (tmp_path / "facts.txt").write_text(FACTS)
        others = (tmp_path / "words.srt", tmp_path / "facts.txt")
        inputs = [argument for path in others for argument in ("-i", str(path))]
        return make_clip(
            name,
            *(*PICTURE, *TONE, *TONE, *inputs),
            *("-map", "0", "-map", "1", "-map", "2", "-map", "3"),
            *("-map_metadata", "4", "-map_chapters", "4"),
            *("-metadata:s:a:0", "language=deu", "-metadata:s:a:1", "language=fra"),
            *("-c:v", "libx264", "-c:a", "aac", *codecs),
        )

    return make


def gray(count: int) -> list[Frame]:
    return [np.full((32, 32, 3), 128, np.uint8)] * count


def repaint(
    clip: Path,
    result: Path,
    *,
    begin: int = 0,
    count: int = 30,
    config: EncodingConfig | None = None,
) -> list[str]:
    """Write gray frames over a clip's, and return what does not fit."""
    span = (begin / 10, (begin + count) / 10) if (begin, count) != (0, 30) else None
    write_video(
        gray(count),
        result,
        times_s=[(begin + index) / 10 for index in range(count)],
        fps=FPS,
        source=probe(clip),
        span=span,
        config=config,
    )
    return unsupported_streams(probe(clip), container_of(result))


def packets(path: Path, streams: str) -> list[bytes]:
    """Return a checksum of each packet."""
    said = run_ffmpeg(
        ["-i", str(path), "-map", streams, "-c", "copy", "-f", "framecrc", "-"],
        error=VideoOpenError,
        failed="test",
    )
    lines = [line for line in said.splitlines() if not line.startswith(b"#")]
    return [line.split(b",")[5].strip() for line in lines]


@pytest.mark.parametrize(
    ("name", "codecs", "ending"),
    [
        ("rich.mp4", ("-c:s", "mov_text"), ".mp4"),
        ("rich.mkv", ("-c:a:1", "libvorbis", "-c:s", "subrip"), ".mkv"),
    ],
)
def test_everything_is_copied(
    name: str,
    codecs: tuple[str, ...],
    ending: str,
    rich: Callable[..., Path],
    tmp_path: Path,
) -> None:
    clip = rich(name, *codecs)
    assert ending_for(probe(clip)) == ending
    result = tmp_path / f"result{ending}"
    assert repaint(clip, result) == []
    for stream in ("0:a:0", "0:a:1", "0:s:0"):
        assert packets(result, stream) == packets(clip, stream)
    said = describe(result)
    for fact in ("A walk", "First", "Second", "(deu)", "(fra)"):
        assert fact in said
    assert "34.0754" in describe(clip)
    assert "34.0754" not in said
    assert b"34.0754" not in result.read_bytes()


def test_what_does_not_fit_is_encoded_and_told(
    rich: Callable[..., Path], tmp_path: Path
) -> None:
    clip = rich("rich.mkv", "-c:a:1", "libvorbis", "-c:s", "subrip")
    result = tmp_path / "result.mp4"
    warnings = repaint(clip, result)
    info = probe(result)
    assert [s.codec for s in info.of_kind("audio")] == ["aac", "aac"]
    assert [s.codec for s in info.of_kind("subtitle")] == ["mov_text"]
    assert packets(result, "0:a:0") == packets(clip, "0:a:0")
    assert [warning.split(" is ")[0] for warning in warnings] == [
        "sound track 2 of the source (vorbis)",
        "subtitle track 1 of the source (subrip)",
    ]
    assert all(".mkv" in warning for warning in warnings)


def test_apples_subtitles_fit_matroska_as_text(
    rich: Callable[..., Path], tmp_path: Path
) -> None:
    clip = rich("rich.mp4", "-c:s", "mov_text")
    result = tmp_path / "result.mkv"
    (warning,) = repaint(clip, result)
    assert "(mov_text) is re-encoded as subrip" in warning
    assert [s.codec for s in probe(result).of_kind("subtitle")] == ["subrip"]


@pytest.mark.parametrize("name", ["rich.mp4", "rich.mkv"])
def test_cut_takes_its_part_of_the_sound(
    name: str, rich: Callable[..., Path], tmp_path: Path
) -> None:
    clip = rich(name, "-c:s", "mov_text" if name.endswith("4") else "subrip")
    result = tmp_path / name.replace("rich", "result")
    assert repaint(clip, result, begin=12, count=10) == []

    whole = list_packets(clip, "0:a:0", error=VideoOpenError)
    part = list_packets(result, "0:a:0", error=VideoOpenError)
    a_packet = 1024 / 44100
    assert 0 <= part[0].time_s <= a_packet + 0.001
    assert part[-1].time_s + part[-1].duration_s == pytest.approx(1, abs=a_packet)
    sums, found = packets(clip, "0:a:0"), packets(result, "0:a:0")
    places = [i for i in range(len(sums)) if sums[i : i + len(found)] == found]
    assert len(places) == 1
    assert whole[places[0]].time_s - 1.2 == pytest.approx(part[0].time_s, abs=0.002)
    video = list_packets(result, "0:v:0", error=VideoOpenError)
    assert min(packet.time_s for packet in video) == 0


def test_cut_from_the_beginning_keeps_the_first_packet(
    rich: Callable[..., Path], tmp_path: Path
) -> None:
    clip = rich("rich.mp4", "-c:s", "mov_text")
    result = tmp_path / "result.mp4"
    repaint(clip, result, count=10)
    found = packets(result, "0:a:0")
    assert found == packets(clip, "0:a:0")[: len(found)]
    assert len(found) == pytest.approx(44100 / 1024, abs=2)


def test_cut_ends_with_the_chapter_that_it_ends_in(
    rich: Callable[..., Path], tmp_path: Path
) -> None:
    result = tmp_path / "result.mp4"
    repaint(rich("rich.mp4", "-c:s", "mov_text"), result, count=10)
    said = describe(result)
    assert "First" in said
    assert "Second" not in said
    assert len(list_packets(result, "0:v:0", error=VideoOpenError)) == 10


@pytest.mark.parametrize("begin", [0, 2])
@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
@pytest.mark.parametrize("codec", ["subrip", "mov_text"])
def test_subtitle_ends_with_the_cut(
    codec: str,
    ending: str,
    begin: int,
    rich: Callable[..., Path],
    tmp_path: Path,
) -> None:
    result = tmp_path / f"result{ending}"  # the first is shown from 0.5 to 1 s
    clip = rich("a.mkv" if codec == "subrip" else "a.mp4", "-c:s", codec)
    repaint(clip, result, begin=begin, count=6)
    shown = [p for p in list_packets(result, "0:s:0") if p.size > 2]
    assert [p.time_s for p in shown] == pytest.approx([0.5 - begin / 10], abs=0.002)
    assert shown[0].duration_s == pytest.approx(0.1 + begin / 10, abs=0.002)
    assert probe(result).duration_s == pytest.approx(0.6, abs=0.05)


@pytest.mark.parametrize(
    ("name", "codec", "other"),
    [("rich.mp4", "mov_text", ".mkv"), ("rich.mkv", "subrip", ".mp4")],
)
def test_cut_leaves_encoded_subtitles_in_time(
    name: str, codec: str, other: str, rich: Callable[..., Path], tmp_path: Path
) -> None:
    result = tmp_path / f"result{other}"  # the first subtitle is shown at its start
    repaint(rich(name, "-c:s", codec), result, begin=8, count=10)
    video = list_packets(result, "0:v:0", error=VideoOpenError)
    words = list_packets(result, "0:s:0", error=VideoOpenError)
    assert min(packet.time_s for packet in video) == 0
    assert words[-1].time_s == pytest.approx(0.7, abs=0.002)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_what_fits_nowhere_is_left_out_and_told(
    container: str, make_clip: MakeClip
) -> None:
    clip = probe(make_clip("silent.mp4", *PICTURE, "-c:v", "libx264"))
    tracks = [("audio", "none"), ("audio", "aac"), ("subtitle", "eia_608")]
    others = (
        StreamInfo(index=index, kind=kind, codec=codec)
        for index, (kind, codec) in enumerate(tracks, start=1)
    )
    strange = replace(clip, streams=(*clip.streams, *others))
    warnings = unsupported_streams(strange, container)
    arguments = mux_args(strange, None, container, EncodingConfig())
    assert [arguments[i + 1] for i, a in enumerate(arguments) if a == "-map"] == ["1:2"]
    assert arguments[arguments.index("-c:1") + 1] == "copy"
    assert ["is left out" in warning for warning in warnings] == [True, True]


def test_silent_source_gives_a_silent_result(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    clip = make_clip("silent.mp4", *PICTURE, "-c:v", "libx264")
    result = tmp_path / "result.mp4"
    assert repaint(clip, result) == []
    assert not probe(result).has_audio


@dataclass(frozen=True)
class Fate:
    """What becomes of a clip's sound and subtitles in a file of a kind."""

    ending: str
    sound: str
    subtitles: str
    result_sound: str
    result_subtitles: str
    told: int = 0


FATES = [
    Fate(".mp4", "aac", "mov_text", "aac", "mov_text"),
    Fate(".mp4", "libvorbis", "subrip", "aac", "mov_text", told=2),
    Fate(".mp4", "pcm_s16le", "ass", "aac", "mov_text", told=2),
    Fate(".mov", "pcm_s24le", "mov_text", "pcm_s24le", "mov_text"),
    Fate(".mov", "libopus", "subrip", "aac", "mov_text", told=2),
    Fate(".mkv", "pcm_s16le", "ass", "pcm_s16le", "ass"),
    Fate(".mkv", "libopus", "webvtt", "opus", "webvtt"),
    Fate(".mkv", "adpcm_swf", "subrip", "aac", "subrip", told=1),
    Fate(".webm", "libvorbis", "webvtt", "vorbis", "webvtt"),
    Fate(".webm", "aac", "subrip", "opus", "webvtt", told=2),
]


@pytest.mark.parametrize("fate", FATES, ids=lambda f: f"{f.sound} in {f.ending}")
def test_tracks_are_copied_or_encoded_as_the_file_asks_for(
    fate: Fate, make_clip: MakeClip, tmp_path: Path
) -> None:
    words = tmp_path / "words.srt"
    words.write_text(SUBTITLES)
    is_mov = fate.subtitles == "mov_text"
    clip = make_clip(
        "clip.mov" if is_mov else "clip.mkv",
        *(*PICTURE, *TONE, "-i", str(words), "-map", "0", "-map", "1", "-map", "2"),
        *("-c:v", "libx264", "-c:a", fate.sound, "-c:s", fate.subtitles),
    )
    result = tmp_path / f"result{fate.ending}"
    told = repaint(clip, result)
    assert len(told) == fate.told
    info = probe(result)
    assert [s.codec for s in info.of_kind("audio")] == [fate.result_sound]
    assert [s.codec for s in info.of_kind("subtitle")] == [fate.result_subtitles]
    if not any("sound" in line for line in told):
        assert packets(result, "0:a:0") == packets(clip, "0:a:0")
    if ".mkv" not in fate.ending:
        assert all(line.endswith("; .mkv can hold more.") for line in told)


def test_surround_sound_goes_into_webm(make_clip: MakeClip, tmp_path: Path) -> None:
    around = "aevalsrc=" + "|".join(["sin(t)"] * 6) + ":c=5.1(side):d=1"
    clip = make_clip("clip.mp4", *PICTURE, "-f", "lavfi", "-i", around)
    result = tmp_path / "result.webm"
    repaint(clip, result)
    assert "opus, 48000 Hz, 5.1" in describe(result)


def test_marks_of_tracks_stay(make_clip: MakeClip, tmp_path: Path) -> None:
    words = tmp_path / "words.srt"
    words.write_text(SUBTITLES)
    clip = make_clip(
        "clip.mkv",
        *(*PICTURE, *TONE, *TONE, "-i", str(words)),
        *("-map", "0", "-map", "1", "-map", "2", "-map", "3", "-c:v", "libx264"),
        *("-metadata:s:v", "title=View", "-metadata:s:a:1", "title=Talk"),
        *("-disposition:a:0", "0", "-disposition:a:1", "default+comment"),
        *("-disposition:s:0", "forced", "-metadata:s:v", "BPS=123456789"),
    )
    result = tmp_path / "result.mkv"
    assert repaint(clip, result) == []
    said = describe(result)
    lines = [line for line in said.splitlines() if "Stream #" in line]
    assert "(default)" not in lines[1]
    assert lines[2].endswith("(default) (comment)")
    assert lines[3].endswith("(forced)")
    assert re.search(r"title +: View", said)
    assert re.search(r"title +: Talk", said)
    assert "123456789" in describe(clip)
    assert "123456789" not in said


@pytest.fixture
def adorned(make_clip: MakeClip, tmp_path: Path) -> Callable[[str], Path]:
    """Make a clip with a cover, and as an .mkv with a font too."""

    def make(name: str) -> Path:
        make_clip("cover.png", *RED, "-frames:v", "1")
        (tmp_path / "font.ttf").write_bytes(b"letters")
        cover = str(tmp_path / "cover.png")
        if name.endswith(".mp4"):
            extra = ["-i", cover, "-map", "0", "-map", "1", "-map", "2"]
            extra += ["-c:v:1", "copy"]
            extra += ["-disposition:v:1", "attached_pic"]
        else:
            extra = ["-map", "0", "-map", "1", "-attach", cover]
            extra += ["-metadata:s:t:0", "mimetype=image/png"]
            extra += ["-attach", str(tmp_path / "font.ttf")]
            extra += ["-metadata:s:t:1", "mimetype=application/x-truetype-font"]
        return make_clip(
            name, *PICTURE, *TONE, *extra, "-c:v:0", "libx264", "-c:a", "aac"
        )

    return make


@pytest.mark.parametrize("config", [{}, {"strip_metadata": True}])
def test_cover_and_font_travel_along(
    config: dict[str, bool], adorned: Callable[[str], Path], tmp_path: Path
) -> None:
    settings = EncodingConfig(**config)
    for name in ("clip.mp4", "clip.mkv"):
        result = tmp_path / "result.mp4"
        assert repaint(adorned(name), result, config=settings) == []
        assert "png, rgb24" in describe(result)
        assert probe(result).codec == "h264"
    result = tmp_path / "result.mkv"
    (told,) = repaint(adorned("clip.mkv"), result, config=settings)
    assert "cover is left out" in told
    assert "Attachment: ttf" in describe(result)
    font = tmp_path / "found.ttf"
    run_ffmpeg(
        ["-dump_attachment:t:0", str(font), "-i", str(result), "-f", "null", "-"],
        error=VideoOpenError,
        failed="test",
    )
    assert font.read_bytes() == b"letters"


@dataclass(frozen=True)
class Privacy:
    """Which facts of a clip a result tells."""

    config: EncodingConfig
    is_told: bool
    """All facts but the place."""
    is_placed: bool


@pytest.mark.parametrize(
    "privacy",
    [
        Privacy(EncodingConfig(), is_told=True, is_placed=False),
        Privacy(EncodingConfig(keep_location=True), is_told=True, is_placed=True),
        Privacy(EncodingConfig(strip_metadata=True), is_told=False, is_placed=False),
    ],
)
@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_place_is_told_on_request_only(
    privacy: Privacy, ending: str, rich: Callable[..., Path], tmp_path: Path
) -> None:
    clip = rich("rich.mp4", "-c:s", "mov_text")
    result = tmp_path / f"result{ending}"
    repaint(clip, result, config=privacy.config)
    said = describe(result)
    assert ("A walk" in said) == privacy.is_told
    assert ("(fra)" in said) == privacy.is_told
    assert ("34.0754" in said) == privacy.is_placed
    assert len(probe(result).of_kind("audio")) == 2
    assert said.count("Chapter #") == 2


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_what_a_phone_wrote_stays_but_for_the_place(
    ending: str, keep: bool, real_clip: Callable[[str], Path], tmp_path: Path
) -> None:
    result = tmp_path / f"result{ending}"
    config = EncodingConfig(keep_location=keep)
    repaint(real_clip("mei_with-gps.mov"), result, config=config)
    said = describe(result).lower()
    for fact in (
        "com.apple.quicktime.make: apple",
        "com.apple.quicktime.model: iphone 6",
        "com.apple.quicktime.creationdate: 2019-07-24t11:25:40+0300",
    ):
        assert fact in said
    dates = re.findall(r"creation_time +: (\S+)", said)
    assert {each.split(";")[0] for each in dates} == {"2019-07-24t08:25:57.000000z"}
    again = tmp_path / f"again{ending}"
    repaint(result, again, config=config)
    assert re.findall(r"creation_time +: (\S+)", describe(again).lower()) == dates
    assert ("+32.0929" in said) == keep
    assert (b"+32.0929" in result.read_bytes()) == keep
    assert result.read_bytes().find(b"moov") < 2000  # before the pictures
    assert "rotation" not in said


@pytest.mark.parametrize("name", ["clip.ts", "clip.mpg", "clip.mkv"])
@pytest.mark.parametrize("begin", [0, 4])
def test_sound_that_begins_late_stays_in_time(
    name: str, begin: int, make_clip: MakeClip, tmp_path: Path
) -> None:
    """Also where ffmpeg counts from the first stream that is taken."""
    late = ("-itsoffset", "0.8", *TONE)
    clip = make_clip(
        name, *late, *PICTURE, "-r", "25", "-c:v", "mpeg2video", "-c:a", "mp2"
    )
    result = tmp_path / "result.mkv"
    repaint(clip, result, begin=begin, count=30 - begin)
    (_, sound) = probe(result).streams
    assert sound.kind == "audio"
    assert sound.start_s == pytest.approx(0.8 - begin / 10, abs=0.03)  # a packet's


def test_tracks_of_data_are_told(
    make_clip: MakeClip, real_clip: Callable[[str], Path]
) -> None:
    phone = probe(real_clip("mei_with-gps.mov"))
    assert dropped_data(phone) == "leaving out 2 data tracks (mebx)"
    times = probe(make_clip("times.mov", *PICTURE, "-timecode", "01:02:03:04"))
    assert dropped_data(times) is None


def test_chapters_are_no_track_of_data(rich: Callable[..., Path]) -> None:
    clip = rich("rich.mp4", "-c:s", "mov_text")
    assert "Data: bin_data (text" in describe(clip)
    assert dropped_data(probe(clip)) is None


def test_timecode_is_made_anew(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip("times.mov", *PICTURE, "-timecode", "01:02:03:04")
    repaint(clip, tmp_path / "result.mov")
    assert "timecode        : 01:02:03:4" in describe(tmp_path / "result.mov")
