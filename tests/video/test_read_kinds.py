"""One row for each kind of clip that people have, made by ffmpeg on the spot.

Each is read, and written again as it is: the same frames at the same times, upright,
with the same sound.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reading import EXACT, H264, SQUARE, MakeClip, pattern, read, truth

from vidstyle.config import EncodingConfig
from vidstyle.errors import VideoOpenError
from vidstyle.records import TimedFrame, VideoInfo
from vidstyle.video.ffmpeg import describe, run_ffmpeg
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.streams import Description
from vidstyle.video.write import write_video

pytestmark = pytest.mark.slow

PLAIN = "null"
"""ffmpeg's own conversion, as it is without options; exact where OpenCV reads."""
WEAVE = f"bwdif=mode=send_frame:deint=interlaced,{SQUARE}"
SOFT = "gblur=sigma=6"
GREY = f"{SOFT},hue=s=0"
AV1 = ("-c:v", "libsvtav1", "-svtav1-params", "lp=1")
ILACE = ("-flags", "+ilme+ildct")
SOUND = ("-f", "lavfi", "-i", "sine=duration=1")
# So late that no encoder's run-up makes the file begin before its first picture.
LATER_SOUND = ("-itsoffset", "0.1", *SOUND[:3], "sine=duration=2")
SOUND_CODECS = {
    ".flv": "aac",
    ".mkv": "aac",
    ".mov": "aac",
    ".mp4": "aac",
    ".ogv": "libvorbis",
    ".ts": "mp2",
    ".vob": "ac3",
    ".webm": "libopus",
    ".wmv": "wmav2",
}
UNEVEN = [0.0, 0.05, 0.1, 0.3, 0.35, 0.7, 0.8, 1.1, 1.15, 1.2]
LATE = [0.5 + n / 10 for n in range(10)]
P3 = "zscale=p=bt709:t=bt709:m=gbr:r=pc,format=gbrp"
TONE = (
    "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=mobius:desat=0,"
    "zscale=t=iec61966-2-1:m=gbr:r=pc,format=gbrp"
)


def tagged(
    matrix: str, primaries: str, transfer: str, pixels: str = "yuv444p", levels="tv"
) -> tuple[str, ...]:
    """Make a pattern that says, truly, how its numbers stand for colors."""
    to = {"bt2020nc": "bt2020"}.get(matrix, matrix)
    return (
        *pattern(
            filters=f"scale=out_color_matrix={to}:out_range={levels},format={pixels},"
            f"setparams=range={levels}:colorspace={matrix}"
            f":color_primaries={primaries}:color_trc={transfer}"
        ),
        *("-c:v", "libx264", "-crf", "10"),
    )


YCGCO = (
    *pattern(
        filters="format=gbrp,setparams=range=pc:color_primaries=bt709:color_trc=bt709"
        ":colorspace=gbr,zscale=m=ycgco:r=tv,format=yuv444p"
    ),
    *("-c:v", "libx264", "-crf", "4"),
)


def uneven() -> tuple[str, ...]:
    """Make a pattern whose frames come at the times of ``UNEVEN``."""
    table = "+".join(f"eq(N,{n})*{time:g}" for n, time in enumerate(UNEVEN))
    return (
        *pattern(filters=f"settb=1/1000,setpts='1000*({table})'"),
        *("-fps_mode", "passthrough", "-enc_time_base", "1:1000", *H264),
    )


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of clip, and what reading it must give."""

    file: str
    made: tuple[str, ...] = pattern()
    """By these arguments of ffmpeg."""
    remade: tuple[str, ...] = ()
    """From what was made, by these; {} stands for it."""
    change: Callable[[Path, MakeClip], None] | None = None
    """Of the file, by hand."""
    by: str = "opencv"
    filters: str = PLAIN
    """With which ffmpeg says what is right."""
    decoder: tuple[str, ...] = ()
    stream: str = "0:V:0"
    height: int = 48
    width: int = 64
    rotation: int = 0
    times_s: list[float] = field(default_factory=lambda: [n / 10 for n in range(10)])
    tolerance: float = 0.05
    """Mean error against ffmpeg's conversion, in 8-bit levels; 1.5 is what is asked."""
    warning: str | None = None
    count: int = 20
    """Frames that there would be without the damage."""
    has_own_sound: bool = False
    """Whether sound is in ``made``; others get some where their file can hold it."""

    def make(self, make_clip: MakeClip) -> Path:
        """Make the file."""
        ending = Path(self.file).suffix
        made = self.made if self.has_own_sound else with_sound(ending, *self.made)
        if not self.remade:
            path = make_clip(self.file, *made)
        else:
            first = make_clip(f"first{ending}", *made)
            path = make_clip(
                self.file, *(part.replace("{}", str(first)) for part in self.remade)
            )
        if self.change is not None:
            self.change(path, make_clip)
        return path


def with_sound(ending: str, *made: str) -> tuple[str, ...]:
    """Add sound as the first input, in what the file can hold."""
    if ending not in SOUND_CODECS:
        return made
    return (*LATER_SOUND, *made, "-c:a", SOUND_CODECS[ending])


def ffmpeg(file: str, *made: str, filters: str = SQUARE, **others) -> Kind:
    made = made or pattern()
    return Kind(file=file, made=made, by="ffmpeg", filters=filters, **others)


def append(*made: str) -> Callable[[Path, MakeClip], None]:
    """Let another clip follow, as where cables are changed while a device records."""

    def change(path: Path, make_clip: MakeClip) -> None:
        second = make_clip(f"second{path.suffix}", *with_sound(path.suffix, *made))
        path.write_bytes(path.read_bytes() + second.read_bytes())

    return change


def joined(first: tuple[str, ...], then: tuple[str, ...]) -> dict[str, Any]:
    """Let one part follow another in one stream, as in a recorded broadcast."""

    def change(path: Path, make_clip: MakeClip) -> None:
        both = make_clip("both.ts", *first)
        append(*then)(both, make_clip)
        voice = ("-map", "0:v", "-map", "1:a", "-c", "copy")
        sound = make_clip("sound.mkv", *LATER_SOUND, "-c:a", "aac")
        make_clip(path.name, "-i", str(both), "-i", str(sound), *voice)

    return {"change": change}


def zero(start: float, size: int) -> Callable[[Path, MakeClip], None]:
    """Overwrite some bytes."""

    def change(path: Path, _: MakeClip) -> None:
        data = bytearray(path.read_bytes())
        first = int(len(data) * start)
        data[first : first + size] = bytes(len(data[first : first + size]))
        path.write_bytes(data)

    return change


def cut(share: float) -> Callable[[Path, MakeClip], None]:
    """Keep only the beginning."""

    def change(path: Path, _: MakeClip) -> None:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return change


def pipe(*made: str) -> Callable[[Path, MakeClip], None]:
    """Write the file as a program does that cannot go back to fill in its length."""

    def change(path: Path, _: MakeClip) -> None:
        path.write_bytes(run_ffmpeg([*made, "-"], error=VideoOpenError, failed="test"))

    return change


THIRTY = [n / 30 for n in range(12)]
TWENTY = [n / 10 for n in range(20)]
RAW = pattern(rate="30", seconds="0.4")
HEVC = ("-c:v", "libx265", "-x265-params", "log-level=none:pools=none", *H264[2:])
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2")
TURNS_INTERLACED = joined(
    (*pattern(), *H264), (*pattern(filters="setfield=tff"), *H264, *ILACE)
)
ALL = ("-map", "0", "-map", "1", "-map", "2")
TWO = (
    *(*pattern(), *pattern(source="testsrc", size="80x64"), *ALL),
    *("-disposition:v:0", "0", "-disposition:v:1", "default", *H264),
)
COVERED = (*ALL, *H264, "-c:v:1", "png", "-disposition:v:1", "attached_pic")
VP9 = ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-pix_fmt", "yuv420p")
OTHERS = {
    "H.265": Kind(file="clip.mp4", made=(*pattern(), *HEVC)),
    "VP8": Kind(file="clip.webm", made=(*pattern(), "-c:v", "libvpx")),
    "VP9": Kind(file="clip.webm", made=(*pattern(), *VP9)),
    "Theora": Kind(file="clip.ogv", made=(*pattern(), "-c:v", "libtheora")),
    "Flash": Kind(
        file="clip.flv",
        made=(*pattern(), "-c:v", "flv1"),
    ),
    "Windows Media": Kind(
        file="clip.wmv",
        made=(*pattern(), "-c:v", "wmv2"),
    ),
    "Ut Video": Kind(file="clip.mkv", made=(*pattern(), "-c:v", "utvideo")),
    "FFV1": Kind(file="clip.mkv", made=(*pattern(), "-c:v", "ffv1")),
    "MPEG-4": ffmpeg("clip.mp4", *pattern(), "-c:v", "mpeg4"),
    "Motion JPEG": ffmpeg("clip.mov", *pattern(), "-c:v", "mjpeg"),
    "CineForm": ffmpeg("clip.mov", *pattern(), "-c:v", "cfhd"),
    "H.266": ffmpeg(
        *("clip.mp4", *pattern(), "-c:v", "libvvenc", "-preset", "faster"),
        *("-pix_fmt", "yuv420p10le"),
    ),
}
KINDS = {
    "plain": Kind(file="clip.mp4", made=(*pattern(), *H264)),
    "one frame": Kind(
        file="clip.mp4", made=(*pattern(seconds="0.1"), *H264), times_s=[0.0]
    ),
    "odd sides": Kind(
        file="clip.mkv",
        made=(*pattern(filters="format=gbrp,crop=63:47"), "-c:v", "ffv1"),
        height=47,
        width=63,
    ),
    "odd sides, VP9": Kind(
        file="clip.webm",
        made=(*pattern(filters="format=gbrp,crop=63:47"), *VP9),
        height=47,
        width=63,
    ),
    "odd sides, 4:4:4": Kind(
        file="clip.mp4",
        made=(*pattern(filters="format=gbrp,crop=63:47"), *H264[:3], "yuv444p"),
        height=47,
        width=63,
    ),
    "variable rate": Kind(
        file="clip.mp4", made=(*uneven(), "-bf", "0"), times_s=UNEVEN
    ),
    "variable rate with B-frames": Kind(file="clip.mkv", made=uneven(), times_s=UNEVEN),
    "variable rate through ffmpeg": ffmpeg(
        "clip.mkv", *uneven()[:-4], *AV1, times_s=UNEVEN
    ),
    "interlaced": ffmpeg(
        "clip.mp4", *pattern(filters="setfield=tff"), *H264, *ILACE, filters=WEAVE
    ),
    "interlaced broadcast": ffmpeg(
        "clip.ts",
        *(*pattern(rate="25", seconds="0.4", filters="setfield=bff"), *ILACE),
        *("-c:v", "mpeg2video", "-q:v", "2"),
        filters=WEAVE,
        times_s=[n / 25 for n in range(10)],
    ),
    "DVD": ffmpeg(
        "clip.vob",
        *(*pattern(rate="25", seconds="0.4", filters="setfield=tff"), *MPEG2, *ILACE),
        filters=WEAVE,
        times_s=[n / 25 for n in range(10)],
    ),
    "interlaced, and silent about it": ffmpeg(
        "clip.dv",
        *pattern(size="720x576", rate="25", seconds="0.4", filters="setsar=16/15"),
        filters=WEAVE,
        height=576,
        width=768,
        times_s=[n / 25 for n in range(10)],
    ),
    "AV1": ffmpeg("clip.mkv", *pattern(), *AV1),
    "AV1, 10 bits": ffmpeg("clip.mp4", *pattern(), *AV1, "-pix_fmt", "yuv420p10le"),
    "animated WebP": ffmpeg("clip.webp", *pattern(), "-c:v", "libwebp_anim"),
    "animated WebP with uneven delays, thrice": ffmpeg(
        "clip.webp",
        *uneven()[:-4],
        "-c:v",
        "libwebp_anim",
        "-loop",
        "3",
        times_s=UNEVEN,
    ),
    "animated AVIF": ffmpeg("clip.avif", *pattern(), *AV1, stream="0:V:1"),
    "animated GIF": ffmpeg("clip.gif", *pattern()),
    "animated GIF of 30 fps": ffmpeg(
        "clip.gif",
        *RAW,
        times_s=[math.floor(100 * n / 30 + 0.5) / 100 for n in range(12)],
    ),
    "animated GIF with uneven delays, thrice": ffmpeg(
        "clip.gif", *uneven()[:-4], "-loop", "2", times_s=UNEVEN
    ),
    "animated PNG": Kind(file="clip.apng", made=(*pattern(), "-plays", "0")),
    "animated PNG with uneven delays, thrice": Kind(
        file="clip.apng", made=(*uneven()[:-4], "-plays", "3"), times_s=UNEVEN
    ),
    "raw H.264": ffmpeg("clip.h264", *RAW, *H264, times_s=THIRTY),
    "raw H.265": ffmpeg("clip.hevc", *RAW, *HEVC, times_s=THIRTY),
    "raw MPEG-2": ffmpeg("clip.m2v", *RAW, "-q:v", "2", times_s=THIRTY),
    "raw AV1": ffmpeg(
        "clip.obu", *RAW, *AV1, times_s=[n / 25 for n in range(12)]
    ),  # 25: it does not say
    "raw frames": Kind(
        file="clip.y4m", made=(*RAW, "-pix_fmt", "yuv420p"), times_s=THIRTY
    ),
    "wide pixels": ffmpeg("clip.mp4", *pattern(filters="setsar=4/3"), *H264, width=85),
    "narrow pixels": ffmpeg(
        "clip.mkv", *pattern(filters="setsar=8/9"), *H264, width=57
    ),
    **OTHERS,
    "10 bits": ffmpeg(
        "clip.mp4", *pattern(), "-c:v", "libx264", "-pix_fmt", "yuv420p10le"
    ),
    "10 bits, H.265": ffmpeg(
        "clip.mp4", *pattern(), *HEVC[:4], "-pix_fmt", "yuv420p10le"
    ),
    "10 bits, 4:2:2": ffmpeg("clip.mov", *pattern(), "-c:v", "prores_ks"),
    "4:4:4": Kind(file="clip.mp4", made=(*pattern(), *H264[:3], "yuv444p")),
    "RGB": Kind(file="clip.mp4", made=(*pattern(), "-c:v", "libx264rgb")),
    "full range": Kind(
        file="clip.mp4", made=tagged("bt709", "bt709", "bt709", levels="pc")
    ),
    "full range, BT.601": Kind(
        file="clip.mp4",
        made=tagged("smpte170m", "smpte170m", "smpte170m", levels="pc"),
    ),
    "BT.601": Kind(file="clip.mp4", made=tagged("smpte170m", "smpte170m", "smpte170m")),
    "BT.709": Kind(file="clip.mp4", made=tagged("bt709", "bt709", "bt709")),
    "BT.2020": ffmpeg("clip.mp4", *tagged("bt2020nc", "bt2020", "bt709"), filters=P3),
    "BT.2020, 10 bits": ffmpeg(
        "clip.mkv",
        *tagged("bt2020nc", "bt2020", "bt2020-10", "yuv420p10le"),
        filters=P3,
    ),
    # zscale sometimes forgets to bring the white along, by threads and formats.
    "primaries of film": ffmpeg(
        "clip.mp4", *tagged("bt709", "film", "bt709"), filters=P3, tolerance=1.5
    ),
    "YCgCo": ffmpeg("clip.mkv", *YCGCO, filters=P3),
    "Display P3": ffmpeg("clip.mp4", *tagged("bt709", "smpte432", "bt709"), filters=P3),
    "PQ": ffmpeg(
        "clip.mkv",
        *tagged("bt2020nc", "bt2020", "smpte2084", "yuv420p10le"),
        filters=TONE,
    ),
    "HLG": ffmpeg(
        "clip.mkv",
        *tagged("bt2020nc", "bt2020", "arib-std-b67", "yuv420p10le"),
        filters=TONE,
    ),
    "turned by 90": ffmpeg(
        "clip.mp4",
        *(*pattern(), *H264),
        remade=("-display_rotation", "90", "-i", "{}", "-c", "copy"),
        height=64,
        width=48,
        rotation=270,
    ),
    "turned by 180": ffmpeg(
        "clip.mkv",
        *(*pattern(), *H264),
        remade=("-display_rotation", "180", "-i", "{}", "-c", "copy"),
        rotation=180,
    ),
    "turned by 270": ffmpeg(
        "clip.mov",
        *(*pattern(), *H264),
        remade=("-display_rotation", "270", "-i", "{}", "-c", "copy"),
        height=64,
        width=48,
        rotation=90,
    ),
    "mirrored": ffmpeg(
        "clip.mp4",
        *(*pattern(), *H264),
        remade=("-display_hflip", "-i", "{}", "-c", "copy"),
        rotation=180,  # as ffmpeg says it: half a turn, then upside down
    ),
    "upside down in a mirror": ffmpeg(
        "clip.mp4",
        *(*pattern(), *H264),
        remade=("-display_vflip", "-i", "{}", "-c", "copy"),
    ),
    "turned by 90 in a mirror": ffmpeg(
        "clip.mp4",
        *(*pattern(), *H264),
        remade=("-display_rotation", "90", "-display_hflip", "-i", "{}", "-c", "copy"),
        height=64,
        width=48,
        rotation=270,
    ),
    "second stream is the default": ffmpeg(
        "clip.mkv", *TWO, stream="0:V:1", height=64, width=80
    ),
    "cover": Kind(
        file="clip.mp4",
        made=(*pattern(), *pattern(size="96x96", seconds="0.1"), *COVERED),
    ),
    "edit list": Kind(
        file="clip.mp4",
        made=(*pattern(seconds="2"), *H264, "-g", "20"),
        remade=("-ss", "1", "-i", "{}", "-c", "copy"),
    ),
    "late start": Kind(
        file="clip.mp4",
        made=("-itsoffset", "0.5", *pattern(), *SOUND, *H264),
        times_s=LATE,
        has_own_sound=True,
    ),
    "late start through ffmpeg": ffmpeg(
        "clip.mkv",
        *("-itsoffset", "0.5", *pattern(), *SOUND, *AV1),
        times_s=LATE,
        has_own_sound=True,
    ),
    "late start in a broadcast": ffmpeg(
        "clip.ts",
        *(*SOUND, "-itsoffset", "0.5", *pattern(), *H264, "-c:a", "mp2"),
        times_s=[0.0109 + late for late in LATE],  # the sound's run-up is heard
        has_own_sound=True,
    ),
    "all late": Kind(
        file="clip.mkv", made=(*pattern(), *H264, "-output_ts_offset", "3")
    ),
    "size changes midway": ffmpeg(
        "clip.ts",
        *(*pattern(filters=GREY), *H264),
        change=append(*pattern(size="96x72", filters=GREY), *H264),
        filters=f"scale=w=64:h=48:{EXACT}",
        times_s=TWENTY,
        tolerance=1.5,
    ),
    "pixel format changes midway": ffmpeg(
        "clip.ts",
        *(*pattern(filters=SOFT), *H264),
        change=append(*pattern(filters=SOFT), *H264[:3], "yuv444p"),
        times_s=TWENTY,
        tolerance=1.5,
    ),
    "size changes midway, in one .mp4": Kind(
        file="clip.mp4",
        **joined(
            (*pattern(filters=GREY), *H264),
            (*pattern(size="96x72", filters=GREY), *H264),
        ),
        filters="scale=w=64:h=48",
        times_s=TWENTY,
        tolerance=1.5,
    ),
    "pixel format changes midway, in one .mkv": Kind(
        file="clip.mkv",
        **joined(
            (*pattern(filters=SOFT), *H264),
            (*pattern(filters=SOFT), *H264[:3], "yuv444p"),
        ),
        times_s=TWENTY,
        tolerance=1.5,
    ),
    "becomes interlaced midway": ffmpeg(
        "clip.ts",
        *(*pattern(), *H264),
        change=append(*pattern(filters="setfield=tff"), *H264, *ILACE),
        filters=WEAVE,
        times_s=TWENTY,
    ),
    "becomes interlaced midway, in one .mp4": ffmpeg(
        "clip.mp4", **TURNS_INTERLACED, filters=WEAVE, times_s=TWENTY
    ),
    "becomes interlaced midway, in one .mkv": ffmpeg(
        "clip.mkv", **TURNS_INTERLACED, filters=WEAVE, times_s=TWENTY
    ),
    "becomes interlaced midway, MPEG-2": ffmpeg(
        "clip.mkv",
        **joined(
            (*pattern(rate="25"), *MPEG2),
            (*pattern(rate="25", filters="setfield=tff"), *MPEG2, *ILACE),
        ),
        filters=WEAVE,
        times_s=[n / 25 for n in range(50) if n != 24],
        count=50,
        warning="is damaged: {} frame",  # which ffmpeg loses at the change
    ),
    "interlaced ProRes": ffmpeg(
        "clip.mov",
        *(*pattern(filters="setfield=tff"), "-c:v", "prores_ks", *ILACE),
        filters=WEAVE,
    ),
    "interlaced DNxHD, and silent about it": ffmpeg(
        "clip.mov",
        *pattern(
            size="1920x1080", rate="25", seconds="0.08", filters="setsar=1,setfield=tff"
        ),
        *("-c:v", "dnxhd", "-b:v", "120M", "-pix_fmt", "yuv422p", *ILACE),
        filters=WEAVE,
        height=1080,
        width=1920,
        times_s=[0, 0.04],
    ),
    "each frame a field": ffmpeg(
        "clip.mp4", *pattern(), *HEVC[:3], f"{HEVC[3]}:interlace=tff"
    ),
    "no declared length": Kind(
        file="clip.mkv",
        made=(*pattern(), *H264),
        change=pipe(*with_sound(".mkv", *pattern(), *H264), "-f", "matroska"),
    ),
    "no declared length, recorded by a browser": Kind(
        file="clip.webm",
        change=pipe(*with_sound(".webm", *uneven()[:-4], *VP9), "-f", "webm"),
        times_s=UNEVEN,
    ),
    "no declared length, in fragments": Kind(
        file="clip.mp4",
        change=pipe(
            *with_sound(".mp4", *pattern(), *H264, "-g", "5", "-bf", "0"),
            *("-movflags", "frag_keyframe+empty_moov", "-f", "mp4"),
        ),
    ),
    "no declared length, FLV": Kind(
        file="clip.flv",
        change=pipe(*with_sound(".flv", *pattern()), "-f", "flv"),
    ),
    "damaged in the middle": Kind(
        file="clip.mp4",
        made=(*pattern(seconds="2"), *H264, "-bf", "0", "-g", "5"),
        change=zero(0.5, 1500),
        times_s=[],
        warning="is damaged: {} frame",
    ),
    "damaged in the middle, through ffmpeg": ffmpeg(
        "clip.mp4",
        *(*pattern(seconds="2", filters="setsar=4/3"), *H264, "-bf", "0", "-g", "5"),
        change=zero(0.5, 1500),
        width=85,
        times_s=[],
        warning="is damaged: {} frame",
    ),
    "truncated": Kind(
        file="clip.mkv",
        made=(*pattern(seconds="2"), *H264, "-g", "5"),
        change=cut(0.6),
        times_s=[],
        warning="is truncated after",
    ),
    "truncated, through ffmpeg": ffmpeg(
        "clip.mkv",
        *(*pattern(seconds="2"), *AV1, "-g", "5"),
        change=cut(0.6),
        times_s=[],
        warning="is truncated after",
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_read_as_ffmpeg_sees_it(name: str, make_clip: MakeClip) -> None:
    kind = KINDS[name]
    clip = kind.make(make_clip)
    info = probe(clip)
    assert (info.height, info.width) == (kind.height, kind.width)
    assert info.rotation == kind.rotation
    assert ("ffmpeg" if info.needs_normalizing else "opencv") == kind.by
    frames, warnings = read(clip)
    check_pixels(kind, clip, frames)
    assert [timed.index for timed in frames] == list(range(len(frames)))
    times_s = [timed.time_s for timed in frames]
    if kind.times_s:
        assert times_s == pytest.approx(kind.times_s, abs=0.0006)
    else:
        # What remains keeps its own times.
        assert all(math.isclose(10 * t, round(10 * t), abs_tol=0.01) for t in times_s)
        assert all(time < later for time, later in pairwise(times_s))
    if kind.warning is None:
        assert warnings == []
    else:
        missing = kind.count - len(frames)
        assert 0 < missing < 15
        (warning,) = warnings
        assert kind.warning.format(missing) in warning
    check_way_out(info, frames)


def check_pixels(kind: Kind, clip: Path, frames: list[TimedFrame]) -> None:
    """Check the number of frames and their colors against ffmpeg's."""
    expected = truth(
        clip,
        kind.filters,
        *kind.decoder,
        height=kind.height,
        width=kind.width,
        stream=kind.stream,
    )
    seen = np.stack([timed.frame for timed in frames])
    assert seen.shape == expected.shape
    errors = np.abs(seen.astype(float) - expected).mean((1, 2, 3))
    assert errors.max() <= kind.tolerance


def check_way_out(info: VideoInfo, frames: list[TimedFrame]) -> None:
    """Check that the same frames, times and sound come out, upright."""
    result = info.path.with_name("result.mkv")
    times_s = [timed.time_s for timed in frames]
    write_video(
        [timed.frame for timed in frames],
        result,
        times_s=times_s,
        fps=info.fps,
        source=info,
        config=EncodingConfig(codec="ffv1"),
    )
    back, warnings = read(result)
    assert warnings == []
    assert [timed.time_s for timed in back] == pytest.approx(times_s, abs=0.0011)
    pairs = zip(back, frames, strict=True)
    assert all(np.array_equal(one.frame, other.frame) for one, other in pairs)
    assert probe(result).rotation == 0
    can_hold = info.path.suffix in SOUND_CODECS
    assert info.has_audio == probe(result).has_audio == can_hold
    if can_hold:
        assert sound_of(result) == sound_of(info.path)
        run_up_s = 0.03  # an encoder's; some containers say that it is not heard
        assert sound_start(result) == pytest.approx(
            sound_start(info.path), abs=run_up_s
        )


def sound_start(path: Path) -> float:
    """Return when the first sound is heard, in seconds after the file's start."""
    streams = Description(describe(path), path).streams
    return next(stream.start_s for stream in streams if stream.kind == "audio")


def sound_of(path: Path) -> bytes:
    """Return the hash of all packets of sound."""
    packets = ["-i", str(path), "-map", "0:a", "-c", "copy", "-f", "md5", "-"]
    return run_ffmpeg(packets, error=VideoOpenError, failed="test")


@dataclass(frozen=True, kw_only=True)
class Untagged:
    """A stream that does not say its matrix, and the one that it was made with."""

    size: str
    matrix: str
    by: str
    pixels: str = "yuv444p"


@pytest.mark.parametrize(
    "row",
    [
        Untagged(size="1280x720", matrix="bt709", by="ffmpeg"),
        Untagged(size="360x640", matrix="bt709", by="ffmpeg"),
        Untagged(size="1280x720", matrix="bt709", by="ffmpeg", pixels="yuv420p"),
        Untagged(size="640x360", matrix="bt601", by="opencv"),
        Untagged(size="720x576", matrix="bt601", by="opencv", pixels="yuv420p"),
    ],
    ids=str,
)
def test_untagged_colors_are_those_of_the_size(
    row: Untagged, make_clip: MakeClip
) -> None:
    """They are compared with the pixels that went in, not with ffmpeg's guess."""
    filters = (
        f"scale=out_color_matrix={row.matrix}:out_range=tv:{EXACT.split(':')[0]},"
        f"format={row.pixels},setparams=range=unknown:colorspace=unknown"
        ":color_primaries=unknown:color_trc=unknown"
    )
    bars = pattern(
        size=row.size, seconds="0.2", source="smptebars", filters="format=rgb24"
    )
    made = (*bars[:-1], f"{bars[-1]},{filters}", "-c:v", "ffv1")
    clip = make_clip("clip.mkv", *made)
    info = probe(clip)
    assert info.color is not None
    assert {"matrix", "primaries", "transfer"} <= set(info.color.assumed)
    assert ("ffmpeg" if info.needs_normalizing else "opencv") == row.by
    source = make_clip("source.mkv", *bars, "-c:v", "ffv1")
    frames, _ = read(clip)
    expected = truth(source, PLAIN, height=info.height, width=info.width)
    assert np.abs(frames[0].frame.astype(float) - expected[0]).mean() <= 1.5


# The red changes a little, so that every frame is a new one.
HALF_RED = pattern(filters="format=rgba,geq=r='255-mod(N,2)':g=0:b=0:a=128")
TRANSPARENT = {
    "PNG": ("clip.apng", (*HALF_RED, "-plays", "0")),
    "WebP": ("clip.webp", (*HALF_RED, "-c:v", "libwebp_anim", "-lossless", "1")),
    "ProRes 4444": (
        "clip.mov",
        (*HALF_RED, "-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"),
    ),
    "WebM": (
        "clip.webm",
        (*HALF_RED, "-c:v", "libvpx-vp9", "-cpu-used", "8", "-pix_fmt", "yuva420p"),
    ),
    "VP8": (
        "clip.webm",
        (*HALF_RED, "-c:v", "libvpx", "-auto-alt-ref", "0", "-pix_fmt", "yuva420p"),
    ),
    "RGBA": ("clip.mkv", (*HALF_RED, "-c:v", "ffv1")),
}


@pytest.mark.parametrize("kind", TRANSPARENT)
@pytest.mark.parametrize(
    ("background", "color"),
    [("white", (255, 127, 127)), ("black", (128, 0, 0)), ("#0000ff", (128, 0, 127))],
)
def test_transparent_parts_are_laid_over_the_background(
    kind: str, background: str, color: tuple[int, int, int], make_clip: MakeClip
) -> None:
    name, made = TRANSPARENT[kind]
    info = probe(make_clip(name, *made), background=background)
    assert info.has_alpha
    first = next(read_frames(info, on_warning=pytest.fail)).frame
    assert first.shape == (48, 64, 3)
    assert np.abs(first.astype(int) - color).max() <= 3


def test_transparent_parts_of_a_gif_are_laid_over_the_background(
    make_clip: MakeClip,
) -> None:
    half = "geq=r=255:g=0:b=0:a='255*gte(X,32)',split[a][b]"
    palette = "[a]palettegen[p];[b][p]paletteuse"
    graph = f"format=rgba,{half};{palette}"
    clip = make_clip("clip.gif", *pattern(filters="null"), "-filter_complex", graph)
    frames, _ = read(clip)
    assert len(frames) >= 1
    for timed in frames:
        assert np.abs(timed.frame[:, :32].astype(int) - 255).max() <= 1
        assert np.abs(timed.frame[:, 32:].astype(int) - (255, 0, 0)).max() <= 4


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("torchcodec_av1_video.mkv", SQUARE),
        ("torchcodec_h264_10bits.mp4", SQUARE),
        ("torchcodec_bt709_full_range.mp4", PLAIN),
        ("mdn_flower.mp4", PLAIN),
        ("mdn_friday.mp4", PLAIN),
        ("mdn_stream-of-water.webm", PLAIN),
        ("mei_100_0306.AVI", SQUARE),
        ("mei_FLIR_Thermal.mp4", f"{SQUARE}:in_color_matrix=bt709"),
        ("mei_with-gps.mov", SQUARE),
    ],
)
def test_real_clip_is_read_as_ffmpeg_sees_it(
    name: str, filters: str, real_clip: Callable[[str], Path]
) -> None:
    clip = real_clip(name)
    info = probe(clip)
    reading = read_frames(info, on_warning=pytest.fail)
    for timed, expected in zip(
        islice(reading, 3),
        truth(clip, filters, height=info.height, width=info.width, most=3),
        strict=True,
    ):
        assert np.abs(timed.frame.astype(float) - expected).mean() <= 1.5


def test_times_are_right_where_the_beginning_is_damaged(make_clip: MakeClip) -> None:
    """What OpenCV counts from is then not the file's beginning."""
    made = (*pattern(seconds="2", filters="setsar=4/3"), *H264, "-bf", "0", "-g", "5")
    clip = make_clip("clip.mkv", *made)
    data = bytearray(clip.read_bytes())
    data[900:2200] = bytes(1300)
    clip.write_bytes(data)
    frames, warnings = read(clip)
    assert len(warnings) == 1
    tenths = [10 * timed.time_s for timed in frames[1:]]
    assert tenths == pytest.approx([round(tenth) for tenth in tenths], abs=0.01)
    assert frames[-1].time_s == pytest.approx(1.9)


@pytest.mark.parametrize("name", ["clip.h264", "clip.obu", "clip.mjpeg"])
def test_raw_stream_is_read_at_the_rate_that_is_given(
    name: str, make_clip: MakeClip
) -> None:
    codec = {"clip.h264": H264, "clip.obu": AV1}.get(name, ("-c:v", "mjpeg"))
    clip = make_clip(name, *RAW, *codec)
    info = probe(clip, fps=Fraction(24000, 1001))
    times_s = [timed.time_s for timed in read_frames(info, on_warning=pytest.fail)]
    assert info.fps == Fraction(24000, 1001)
    assert times_s == pytest.approx([n * 1001 / 24000 for n in range(12)], abs=1e-5)
