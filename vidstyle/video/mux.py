"""What of a source, besides its picture, goes into a result: as arguments for ffmpeg.

Sound, subtitles, covers and attached fonts, copied packet for packet where the
container of the result can hold them; chapters, titles, dates, languages and other
tags. Where the source was taken is private and stays behind, unless it is asked for.
"""

import re
from collections.abc import Iterator
from itertools import count
from typing import Final, NamedTuple

from vidstyle.config import EncodingConfig
from vidstyle.records import VideoInfo
from vidstyle.video.codecs import CODECS, CONTAINERS
from vidstyle.video.ffmpeg import file_url
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


class _Container(NamedTuple):
    sound: set[str]
    sound_encoder: tuple[str, ...]  # and ffmpeg's filters before it, if any
    subtitles: set[str]
    text_encoder: str


_COPY: Final = ("copy",)
# libopus refuses some layouts, among them the usual one of DVDs.
_OPUS: Final = ("libopus", "aformat=channel_layouts=mono|stereo|5.1|7.1")
_MKV_SUBTITLES: Final = {"ass", "subrip", "webvtt"} | _PICTURE_SUBTITLES
_CONTAINERS: Final = {
    "mp4": _Container(_MP4_SOUND, ("aac",), {"mov_text"}, "mov_text"),
    "mov": _Container(_MOV_SOUND | _MOV_PCM, ("aac",), {"mov_text"}, "mov_text"),
    "webm": _Container(_WEBM_SOUND, _OPUS, {"webvtt"}, "webvtt"),
    "matroska": _Container(_MKV_SOUND, ("aac",), _MKV_SUBTITLES, "subrip"),
}

_MADE_ANEW: Final = {"text", "tmcd"}  # chapters and the timecode: by ffmpeg itself
_PRIVATE: Final = re.compile(r"location|gps|xmp", re.IGNORECASE)
_STALE: Final = re.compile(
    r"(encoder|duration|bps|number_of_\w+|_statistics_\w+|rotate|source_id)(-\w+)?",
    re.IGNORECASE,
)
"""Tags of a picture that were true of the source's only."""
_BRANDS: Final = ("major_brand", "minor_version", "compatible_brands")
"""Facts of the source's file that ffmpeg takes for metadata."""


class _Track(NamedTuple):
    kind: str  # as ffmpeg's stream specifiers have it: a, s or t
    number: int  # among the source's of its kind, from 0
    codec: str
    encoder: tuple[str, ...]  # or copy, and filters before it; empty: it is left out


def _tracks(source: VideoInfo, container: str) -> Iterator[_Track]:
    """Decide on each stream of sound and subtitles, and on attached fonts."""
    holds = _CONTAINERS[container]
    for index, codec in enumerate(source.audio_codecs):
        # What is none, not even ffmpeg knows.
        encoder = () if codec == "none" else holds.sound_encoder
        yield _Track("a", index, codec, _COPY if codec in holds.sound else encoder)
    for index, codec in enumerate(source.subtitle_codecs):
        encoder = (holds.text_encoder,) if codec in _TEXT_SUBTITLES else ()
        yield _Track("s", index, codec, _COPY if codec in holds.subtitles else encoder)
    if container == "matroska":
        fonts = (each for each in source.streams if each.kind == "attachment")
        for index, font in enumerate(fonts):
            yield _Track("t", index, font.codec, _COPY)


def ending_for(source: VideoInfo, codec: str = "h264") -> str:
    """Choose a codec's usual ending if all of a source fits, otherwise ``.mkv``."""
    usual = CODECS[codec].endings[0]
    tracks = _tracks(source, CONTAINERS[usual])
    return usual if all(track.encoder == _COPY for track in tracks) else ".mkv"


def unsupported_streams(source: VideoInfo, container: str) -> list[str]:
    """Name, in a sentence each, the tracks that cannot be copied as they are."""
    advice = "" if container == "matroska" else "; .mkv can hold more"
    names = {"a": "sound track", "s": "subtitle track"}
    sentences = [
        f"{names[kind]} {index + 1} of the source ({codec}) is "
        f"{f're-encoded as {encoder[0]}' if encoder else 'left out'}: this type "
        f"of file cannot hold it unchanged{advice}."
        for kind, index, codec, encoder in _tracks(source, container)
        if encoder != _COPY
    ]
    if container != "mp4" and any(each.is_cover for each in source.streams):
        sentences.append("the source's cover is left out: only .mp4 can hold it.")
    return sentences


def dropped_data(source: VideoInfo) -> str | None:
    """Name the tracks of a source that are neither seen nor heard, and lost."""
    data = (each.name for each in source.streams if each.kind == "data")
    left = [name for name in data if name not in _MADE_ANEW]
    if not left:
        return None
    tracks = "1 track" if len(left) == 1 else f"{len(left)} tracks"
    return f"{tracks} with data ({', '.join(dict.fromkeys(left))}) left out"


def source_input(
    source: VideoInfo | None, span: tuple[float, float] | None
) -> list[str]:
    """Return the arguments that open a source as the second input, after the frames.

    Of a span, in seconds after the source's start, only that part is taken.
    """
    if source is None or source.kind == "folder":
        return []
    start_s, end_s = span or (0.0, None)
    cut = ["-ss", f"{start_s:.6f}"] if start_s > 0 else []
    cut += [] if end_s is None else ["-t", f"{end_s - start_s:.6f}"]
    # How late the sound begins, where ffmpeg leaves that out.
    kinds = {"audio", "subtitle"} if source.container in RESTARTED else set()
    starts = [each.start_s for each in source.streams if each.kind in kinds]
    late_s = min(starts, default=0.0) - start_s
    late = ["-itsoffset", f"{late_s:.6f}"] if late_s > 0 else []
    return [*late, *cut, "-i", file_url(source.path)]


def mux_args(
    source: VideoInfo | None,
    span: tuple[float, float] | None,
    container: str,
    config: EncodingConfig,
) -> list[str]:
    """Return the arguments that take all but the picture from that second input."""
    if source is None or source.kind == "folder":
        return []
    pictures = [each.index for each in source.streams if each.kind == "video"]
    picture = _Track("v", pictures.index(source.stream_index), source.codec, ())
    tracks = [track for track in _tracks(source, container) if track.encoder]
    places = {kind: count() for kind in "vast"}  # among the result's of a kind
    arguments = ["-map_chapters", "1"]
    arguments += ["-map_metadata", "-1" if config.strip_metadata else "1"]
    for kind, number, _, encoder in (picture, *tracks):
        place = f"{kind}:{next(places[kind])}"
        if encoder:
            arguments += ["-map", f"1:{kind}:{number}"]
        for option, value in zip(("c", "filter"), encoder, strict=False):
            arguments += [f"-{option}:{place}", value]
        if kind == "t" or not config.strip_metadata:  # a font's name is in them
            arguments += [f"-map_metadata:s:{place}", f"1:s:{kind}:{number}"]
    if container == "mp4":
        for cover in range(sum(each.is_cover for each in source.streams)):
            arguments += ["-map", f"1:disp:attached_pic:{cover}"]
            arguments += [f"-c:v:{cover + 1}", "copy"]
            arguments += [f"-disposition:v:{cover + 1}", "attached_pic"]
    if span and span[0] > 0:
        # Otherwise a cut keeps packets back to the source's keyframe before it.
        arguments += ["-copypriorss", "0"]
    if not config.strip_metadata:
        arguments += _tags(source, container, config)
    return arguments


def _tags(source: VideoInfo, container: str, config: EncodingConfig) -> list[str]:
    arguments: list[str] = []
    for name in sorted({*_BRANDS, *source.tags}):
        if _STALE.fullmatch(name):
            arguments += ["-metadata:s:v:0", f"{name}="]
        elif name in _BRANDS:
            arguments += ["-metadata", f"{name}="]
        elif _PRIVATE.search(name) and not config.keep_location:
            for each in (name, f"{name}-eng"):
                arguments += ["-metadata", f"{each}=", "-metadata:s", f"{each}="]
    # What a phone writes, and an .mp4 holds only when told to hold any tag.
    is_phones = any(name.startswith("com.") for name in source.tags)
    if container in {"mp4", "mov"} and is_phones:
        arguments += ["-movflags", "+faststart+use_metadata_tags"]
        # With these ffmpeg writes the date twice, and would read both as one.
        if source.date:
            arguments += ["-metadata", f"creation_time={source.date}"]
    return arguments
