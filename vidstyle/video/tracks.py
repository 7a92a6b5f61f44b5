"""What of a source, besides its picture, goes into a result: as arguments for ffmpeg.

Sound, subtitles, chapters, covers, attached fonts and metadata, copied packet for
packet where the container of the result can hold them. Where the source was taken is
private and stays behind, unless it is asked for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from vidstyle.config import EncodingConfig
from vidstyle.records import VideoInfo
from vidstyle.video.codecs import CODECS, CONTAINERS
from vidstyle.video.ffmpeg import describe, file_url

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

_TAG: Final = re.compile(r"^ +([^\s:][^:\n]*?) *: ", re.MULTILINE)
_PRIVATE: Final = re.compile(r"location|gps|xmp", re.IGNORECASE)
_STALE: Final = re.compile(
    r"(encoder|duration|bps|number_of_\w+|_statistics_\w+|rotate|source_id)(-\w+)?",
    re.IGNORECASE,
)
"""Tags of a picture that were true of the source's only."""
_BRANDS: Final = ("major_brand", "minor_version", "compatible_brands")
"""Facts of the source's file that ffmpeg takes for metadata."""
_APPLE: Final = re.compile(r"^ +com\.", re.MULTILINE)
"""Tags that a phone writes, and that an .mp4 holds only when told to hold any."""
_STREAM: Final = re.compile(
    r"Stream #0:\d+(?:\[\w+\])?(?:\((\w+)\))?: (Video|Audio|Subtitle): "
)
"""Its language and kind."""
_QUICKTIME_LANGUAGES: Final = {
    "deu": "ger",
    "nld": "dut",
    "ell": "gre",
    "isl": "ice",
    "zho": "chi",
    "sqi": "alb",
    "mkd": "mac",
    "swe": "sve",
}
"""By their names in ISO 639, where ffmpeg's list of QuickTime's has others."""
_COVER: Final = re.compile(r"Stream #0:\d+.*: Video: .*\(attached pic\)")
_ATTACHMENT: Final = re.compile(r"Stream #0:\d+.*: Attachment: ")


def ending_for(source: VideoInfo, codec: str = "h264") -> str:
    """Choose the ending of a result that can hold all that the source has.

    Args:
        source: Of the sound and the rest.
        codec: Of the picture, a key of ``CODECS``.

    Returns:
        The codec's usual one where everything fits, otherwise ``.mkv``.
    """
    usual = CODECS[codec].endings[0]
    return usual if all(t.fits for t in _tracks(source, CONTAINERS[usual])) else ".mkv"


def misfits(source: VideoInfo, container: str) -> list[str]:
    """Say, in a sentence each, which tracks of a source cannot be copied as they are.

    Args:
        source: Of the sound and the rest.
        container: Of the result, as ffmpeg names it.
    """
    advice = "" if container == "matroska" else "; one named .mkv can hold more"
    return [
        f"{track.name} of the source ({track.codec}) is "
        f"{f'encoded as {track.encoder}' if track.encoder else 'left out'}: this kind "
        f"of file cannot hold it as it is{advice}."
        for track in _tracks(source, container)
        if not track.fits
    ]


def source_input(
    source: VideoInfo | None, span: tuple[float, float] | None
) -> list[str]:
    """Return the arguments that open a source as the second input, after the frames.

    Args:
        source: None: there is no source, so there are no arguments.
        span: The part of it to take, in seconds after its start; None: all.
    """
    if source is None or source.kind == "folder":
        return []
    cut = []
    if span is not None:
        cut = ["-ss", f"{span[0]:.6f}"] if span[0] > 0 else []
        cut += ["-t", f"{span[1] - span[0]:.6f}"]
    return [*cut, "-i", file_url(source.path)]


def taken_over(
    source: VideoInfo | None,
    span: tuple[float, float] | None,
    container: str,
    config: EncodingConfig,
) -> list[str]:
    """Return the arguments that take all but the picture from that second input.

    Args:
        source: None: there is no source, so there are no arguments.
        span: The part of it to take, in seconds after its start; None: all.
        container: Of the result, as ffmpeg names it.
        config: Says which metadata travel along.
    """
    if source is None or source.kind == "folder":
        return []
    said = describe(source.path)
    tracks = [track for track in _tracks(source, container) if track.encoder]
    outputs = [("v", 0, 0)]
    arguments = []
    for kind in ("a", "s"):
        for place, track in enumerate(t for t in tracks if t.kind == kind):
            arguments += ["-map", f"1:{kind}:{track.index}", *track.encoding(place)]
            outputs.append((kind, place, track.index))
    for index in range(len(_ATTACHMENT.findall(said)) * (container == "matroska")):
        arguments += ["-map", f"1:t:{index}", "-c:t", "copy"]
        outputs.append(("t", index, index))
    if container in {"mp4", "mov"}:
        for place in range(1, 1 + len(_COVER.findall(said))):
            arguments += ["-map", f"1:disp:attached_pic:{place - 1}"]
            arguments += [f"-c:v:{place}", "copy"]
            arguments += [f"-disposition:v:{place}", "attached_pic"]
    # Otherwise a cut keeps packets back to the source's keyframe before it.
    prior = ["-copypriorss", "0"] if span and span[0] > 0 else []
    return [*arguments, *prior, *_metadata(said, outputs, container, config)]


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
    """Of sound that is encoded."""

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


def _metadata(
    said: str,
    outputs: list[tuple[str, int, int]],
    container: str,
    config: EncodingConfig,
) -> list[str]:
    """Return the arguments for chapters, titles, languages, dates and all other tags.

    Args:
        said: What ffmpeg says of the source.
        outputs: Kind, place in the result and index in the source of its streams.
        container: Of the result.
        config: Says which.
    """
    if config.strip_metadata:
        return ["-map_chapters", "1", "-map_metadata", "-1"]
    arguments = ["-map_chapters", "1", "-map_metadata", "1"]
    for kind, place, index in outputs:
        arguments += [f"-map_metadata:s:{kind}:{place}", f"1:s:{kind}:{index}"]
    names = sorted(set(_TAG.findall(said)))
    for name in [*_BRANDS, *names]:
        if _STALE.fullmatch(name):
            arguments += ["-metadata:s:v:0", f"{name}="]
        elif name in _BRANDS:
            arguments += ["-metadata", f"{name}="]
        elif _PRIVATE.search(name) and not config.keep_location:
            for each in (name, f"{name}-eng"):
                arguments += ["-metadata", f"{each}=", "-metadata:s", f"{each}="]
    if container == "mov":
        arguments += _quicktime_languages(said, outputs)
    if container in {"mp4", "mov"} and _APPLE.search(said):
        arguments += ["-movflags", "+faststart+use_metadata_tags"]
    return arguments


def _quicktime_languages(said: str, outputs: list[tuple[str, int, int]]) -> list[str]:
    """Return the arguments that name those languages that get lost otherwise."""
    found: dict[str, list[str]] = {"v": [], "a": [], "s": []}
    for language, kind in _STREAM.findall(said):
        found[kind[0].lower()].append(language)
    return [
        argument
        for kind, place, index in outputs
        if (name := _QUICKTIME_LANGUAGES.get(found[kind][index]))
        for argument in (f"-metadata:s:{kind}:{place}", f"language={name}")
    ]
