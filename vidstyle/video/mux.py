"""What of a source, besides its picture, goes into a result: as arguments for ffmpeg.

Sound, subtitles, covers and attached fonts, copied packet for packet where the
container of the result can hold them; chapters, titles, dates, languages and other
tags. Where the source was taken is private and stays behind, unless it is asked for.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

from vidstyle.config import BACKGROUND, EncodingConfig
from vidstyle.records import VideoInfo
from vidstyle.video.codecs import CODECS, CONTAINERS
from vidstyle.video.ffmpeg import file_url
from vidstyle.video.normalize import alpha_decoder
from vidstyle.video.probe import Timing, measure_timing, probe
from vidstyle.video.streams import RESTARTED

# What fits, and what players can play.
_MP4_SOUND: Final = {"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"}
_MOV_SOUND: Final = {"aac", "ac3", "alac", "eac3", "mp3"}
_WEBM_SOUND: Final = {"opus", "vorbis"}
_MKV_SOUND: Final = {
    *(_MP4_SOUND | _WEBM_SOUND),
    *("adpcm_ima_wav", "adpcm_ms", "dts", "mlp", "mp1", "mp2", "pcm_alaw", "pcm_mulaw"),
    *("pcm_f32le", "pcm_f64le", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_u8"),
    *("pcm_s16be", "pcm_s24be", "truehd", "tta", "wavpack", "wmav1", "wmav2"),
}
_MOV_PCM: Final = {"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"}
_PICTURE_SUBTITLES: Final = {"dvb_subtitle", "dvd_subtitle", "hdmv_pgs_subtitle"}
_TEXT_SUBTITLES: Final = {"ass", "mov_text", "subrip", "text", "webvtt"}


class _Holds(NamedTuple):
    """What a container can hold, and what the rest is encoded as."""

    sound: set[str]
    sound_encoder: tuple[str, ...]
    subtitles: set[str]
    text_encoder: str


# libopus refuses some layouts, among them the usual one of DVDs.
_OPUS: Final = ("libopus", "aformat=channel_layouts=mono|stereo|5.1|7.1")
_HOLDS: Final = {
    "mp4": _Holds(_MP4_SOUND, ("aac",), {"mov_text"}, "mov_text"),
    "mov": _Holds(_MOV_SOUND | _MOV_PCM, ("aac",), {"mov_text"}, "mov_text"),
    "webm": _Holds(_WEBM_SOUND, _OPUS, {"webvtt"}, "webvtt"),
    "matroska": _Holds(
        _MKV_SOUND, ("aac",), {"ass", "subrip", "webvtt"} | _PICTURE_SUBTITLES, "subrip"
    ),
}

_MADE_ANEW: Final = {"text", "tmcd"}
"""Names of chapters and of the timecode, which ffmpeg writes by itself."""
_PRIVATE: Final = re.compile(r"location|gps|xmp", re.IGNORECASE)
_STALE: Final = re.compile(
    r"(encoder|duration|bps|number_of_\w+|_statistics_\w+|rotate|source_id)(-\w+)?",
    re.IGNORECASE,
)
"""Tags of a picture that were true of the source's only."""
_BRANDS: Final = ("major_brand", "minor_version", "compatible_brands")
"""Facts of the source's file that ffmpeg takes for metadata."""


def ending_for(source: VideoInfo, codec: str = "h264") -> str:
    """Choose a codec's usual ending if all of a source fits, otherwise ``.mkv``."""
    usual = CODECS[codec].endings[0]
    return usual if all(t.fits for t in _tracks(source, CONTAINERS[usual])) else ".mkv"


def misfits(source: VideoInfo, container: str) -> list[str]:
    """Name, in a sentence each, the tracks that cannot be copied as they are."""
    advice = "" if container == "matroska" else "; one named .mkv can hold more"
    told = [
        f"{track.name} of the source ({track.codec}) is "
        f"{f'encoded as {track.encoder}' if track.encoder else 'left out'}: this kind "
        f"of file cannot hold it as it is{advice}."
        for track in _tracks(source, container)
        if not track.fits
    ]
    if container != "mp4" and _covers(source):
        told.append("the source's cover is left out: only an .mp4 can hold it.")
    return told


def dropped_data(source: VideoInfo) -> str | None:
    """Name the tracks of a source that are neither seen nor heard, and lost."""
    names = [each.name for each in source.streams if each.kind == "data"]
    left = [name for name in names if name not in _MADE_ANEW]
    if not left:
        return None
    tracks = "1 track" if len(left) == 1 else f"{len(left)} tracks"
    return f"{tracks} of data ({', '.join(dict.fromkeys(left))}) left out"


def source_input(
    source: VideoInfo | None,
    span: tuple[float, float] | None,
    *,
    with_alpha: bool = False,
) -> list[str]:
    """Return the arguments that open a source as the second input, after the frames.

    Of a span, in seconds after the source's start, only that part is taken.
    """
    if source is None or source.kind == "folder":
        return []
    cut = []
    if span is not None:
        cut = ["-ss", f"{span[0]:.6f}"] if span[0] > 0 else []
        cut += ["-t", f"{span[1] - span[0]:.6f}"]
    decoder = alpha_decoder(source) if with_alpha else []
    late_s = _late_s(source) - (span[0] if span else 0)
    late = ["-itsoffset", f"{late_s:.6f}"] if late_s > 0 else []
    return [*late, *cut, *decoder, "-i", file_url(source.path)]


def _late_s(source: VideoInfo) -> float:
    """Return how late the sound begins, in seconds, where ffmpeg leaves that out."""
    starts = [
        each.start_s for each in source.streams if each.kind in {"audio", "subtitle"}
    ]
    return min(starts, default=0.0) if source.container in RESTARTED else 0.0


def taken_over(
    source: VideoInfo | None,
    span: tuple[float, float] | None,
    container: str,
    config: EncodingConfig,
) -> list[str]:
    """Return the arguments that take all but the picture from that second input."""
    if source is None or source.kind == "folder":
        return []
    tracks = [track for track in _tracks(source, container) if track.encoder]
    pictures = [each for each in source.streams if each.kind == "video"]
    outputs = [
        ("v", 0, place)
        for place, each in enumerate(pictures)
        if each.index == source.stream_index
    ]
    arguments = []
    for kind in ("a", "s"):
        for place, track in enumerate(t for t in tracks if t.kind == kind):
            arguments += ["-map", f"1:{kind}:{track.index}", *track.encoding(place)]
            outputs.append((kind, place, track.index))
    fonts = [each for each in source.streams if each.kind == "attachment"]
    for index in range(len(fonts) * (container == "matroska")):
        arguments += ["-map", f"1:t:{index}", "-c:t", "copy"]
        outputs.append(("t", index, index))
    if container == "mp4":
        for place in range(1, 1 + _covers(source)):
            arguments += ["-map", f"1:disp:attached_pic:{place - 1}"]
            arguments += [f"-c:v:{place}", "copy"]
            arguments += [f"-disposition:v:{place}", "attached_pic"]
    # Otherwise a cut keeps packets back to the source's keyframe before it.
    prior = ["-copypriorss", "0"] if span and span[0] > 0 else []
    return [*arguments, *prior, *_metadata(source, outputs, container, config)]


def _covers(source: VideoInfo) -> int:
    return sum(each.is_cover for each in source.streams)


def _metadata(
    source: VideoInfo,
    outputs: Sequence[tuple[str, int, int]],
    container: str,
    config: EncodingConfig,
) -> list[str]:
    """Return the arguments for chapters, titles, languages, dates and all other tags.

    ``outputs`` are the result's streams: their kind as ffmpeg's specifiers have it,
    their place among the result's of that kind, and among the source's.
    """
    from_file = "-1" if config.strip_metadata else "1"
    arguments = ["-map_chapters", "1", "-map_metadata", from_file]
    for kind, place, index in outputs:
        if kind == "t" or not config.strip_metadata:  # a font's name is in them
            arguments += [f"-map_metadata:s:{kind}:{place}", f"1:s:{kind}:{index}"]
    if config.strip_metadata:
        return arguments
    for name in sorted({*_BRANDS, *source.tags}):
        arguments += _without(name, keep_location=config.keep_location)
    # What a phone writes, and an .mp4 holds only when told to hold any tag.
    is_phones = any(name.startswith("com.") for name in source.tags)
    if container in {"mp4", "mov"} and is_phones:
        arguments += ["-movflags", "+faststart+use_metadata_tags"]
        # With these ffmpeg writes the date twice, and would read both as one.
        if source.date:
            arguments += ["-metadata", f"creation_time={source.date}"]
    return arguments


def _without(name: str, *, keep_location: bool) -> list[str]:
    """Return the arguments that leave a tag out, if it has to stay behind."""
    if _STALE.fullmatch(name):
        return ["-metadata:s:v:0", f"{name}="]
    if name in _BRANDS:
        return ["-metadata", f"{name}="]
    if not _PRIVATE.search(name) or keep_location:
        return []
    everywhere = ("-metadata", "-metadata:s")
    return [
        argument
        for each in (name, f"{name}-eng")
        for scope in everywhere
        for argument in (scope, f"{each}=")
    ]


@dataclass(frozen=True, slots=True)
class _Track:
    """One stream of sound or subtitles, and what becomes of it."""

    kind: str
    """As ffmpeg's stream specifiers have it: a or s."""
    index: int
    """Among the source's of its kind."""
    codec: str
    encoder: str | None
    """``copy``, an encoder, or None: it is left out."""
    filter: str = ""
    """ffmpeg's filters for sound that is encoded."""

    @property
    def name(self) -> str:
        name = "sound track" if self.kind == "a" else "subtitle track"
        return f"{name} {self.index + 1}"

    @property
    def fits(self) -> bool:
        return self.encoder == "copy"

    def encoding(self, place: int) -> list[str]:
        """Return the arguments for it as the result's stream of its kind at a place."""
        arguments = [f"-c:{self.kind}:{place}", str(self.encoder)]
        if self.filter:
            arguments += [f"-filter:{self.kind}:{place}", self.filter]
        return arguments


def _tracks(source: VideoInfo, container: str) -> Iterator[_Track]:
    """Decide on each stream of sound and subtitles."""
    holds = _HOLDS[container]
    for index, codec in enumerate(source.audio_codecs):
        if codec in holds.sound:
            yield _Track("a", index, codec, "copy")
        elif codec == "none":  # not even ffmpeg knows it
            yield _Track("a", index, codec, None)
        else:
            yield _Track("a", index, codec, *holds.sound_encoder)
    for index, codec in enumerate(source.subtitle_codecs):
        encoder = holds.text_encoder if codec in _TEXT_SUBTITLES else None
        if codec in holds.subtitles:
            encoder = "copy"
        yield _Track("s", index, codec, encoder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What is understood of a clip."""

    info: VideoInfo
    timing: Timing
    ending: str
    """Of a result that nobody names: it can hold all that the clip has."""


def inspect_clip(
    clip: Path, *, fps: Fraction | None = None, background: str = BACKGROUND
) -> Inspection:
    """Find out what a clip is, and how its frames lie in time.

    Args:
        clip: A video, an animated GIF, or a folder of numbered pictures.
        fps: Rate of a folder or a raw stream; other files have their own.
        background: What lies behind transparent pixels, as in ``VideoConfig``.

    Raises:
        InputError: If the clip cannot be read, or a setting not be used.
    """
    info = probe(clip, fps=fps, background=background)
    return Inspection(info=info, timing=measure_timing(info), ending=ending_for(info))
