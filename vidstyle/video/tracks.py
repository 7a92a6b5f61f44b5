"""What of a source, besides its picture, goes into a result: as arguments for ffmpeg.

Sound, subtitles, covers and attached fonts, copied packet for packet where the
container of the result can hold them; chapters, and what ``tags`` lets through.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from vidstyle.config import EncodingConfig
from vidstyle.records import VideoInfo
from vidstyle.video.alpha import alpha_decoder
from vidstyle.video.codecs import CODECS, CONTAINERS
from vidstyle.video.ffmpeg import describe, file_url
from vidstyle.video.streams import RESTARTED
from vidstyle.video.tags import Stream, metadata

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

_COVER: Final = re.compile(r"Stream #0:\d+.*: Video: .*\(attached pic\)")
_DATA: Final = re.compile(
    r"Stream #0:\d+(?:\[\w+\])?(?:\(\w+\))?: Data: (\w+)(?: \((\w+) /)?"
)
"""Its codec, and what the file calls it."""
_MADE_ANEW: Final = {"text", "tmcd"}
"""Names of chapters and of the timecode, which ffmpeg writes by itself."""
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
    told = [
        f"{track.name} of the source ({track.codec}) is "
        f"{f'encoded as {track.encoder}' if track.encoder else 'left out'}: this kind "
        f"of file cannot hold it as it is{advice}."
        for track in _tracks(source, container)
        if not track.fits
    ]
    if (
        source.kind == "video"
        and container != "mp4"
        and _COVER.search(describe(source.path))
    ):
        told.append("the source's cover is left out: only an .mp4 can hold it.")
    return told


def dropped_data(source: VideoInfo) -> str | None:
    """Say which tracks of a source are neither seen nor heard, and lost."""
    if source.kind == "folder":
        return None
    found = [name or codec for codec, name in _DATA.findall(describe(source.path))]
    left = [name for name in found if name not in _MADE_ANEW]
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

    Args:
        source: None: there is no source, so there are no arguments.
        span: The part of it to take, in seconds after its start; None: all.
        with_alpha: Whether its transparency will be taken, too.
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
    """Say how late in a source its sound begins, where ffmpeg would leave that out."""
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
    pictures = [each for each in source.streams if each.kind == "video"]
    outputs = [
        Stream("v", 0, place)
        for place, each in enumerate(pictures)
        if each.index == source.stream_index
    ]
    arguments = []
    for kind in ("a", "s"):
        for place, track in enumerate(t for t in tracks if t.kind == kind):
            arguments += ["-map", f"1:{kind}:{track.index}", *track.encoding(place)]
            outputs.append(Stream(kind, place, track.index))
    for index in range(len(_ATTACHMENT.findall(said)) * (container == "matroska")):
        arguments += ["-map", f"1:t:{index}", "-c:t", "copy"]
        outputs.append(Stream("t", index, index))
    if container == "mp4":
        for place in range(1, 1 + len(_COVER.findall(said))):
            arguments += ["-map", f"1:disp:attached_pic:{place - 1}"]
            arguments += [f"-c:v:{place}", "copy"]
            arguments += [f"-disposition:v:{place}", "attached_pic"]
    # Otherwise a cut keeps packets back to the source's keyframe before it.
    prior = ["-copypriorss", "0"] if span and span[0] > 0 else []
    return [*arguments, *prior, *metadata(said, outputs, container, config)]


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
