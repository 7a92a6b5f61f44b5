"""What of a source, besides its picture, goes into a result: as arguments for ffmpeg.

Sound, subtitles, chapters and metadata, copied packet for packet where the container of
the result can hold them. Where the source was taken is private and stays behind.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from vidstyle.records import VideoInfo
from vidstyle.video.ffmpeg import describe, file_url

# What fits, and what players can play.
_MP4_SOUND: Final = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"})
_MOV_SOUND: Final = frozenset({"aac", "ac3", "alac", "eac3", "mp3", "pcm_s16le"})
_MKV_SUBTITLES: Final = frozenset(
    {"ass", "dvb_subtitle", "dvd_subtitle", "hdmv_pgs_subtitle", "subrip", "webvtt"}
)
_TEXT_SUBTITLES: Final = frozenset({"ass", "mov_text", "subrip", "text", "webvtt"})
_PRIVATE_TAG: Final = re.compile(
    r"^\s+(\S*(?:location|gps|xmp)\S*)\s*: ", re.MULTILINE | re.IGNORECASE
)


def ending_for(source: VideoInfo) -> str:
    """Choose the ending of a result that can hold all that the source has.

    Returns:
        ``.mp4`` where everything fits, otherwise ``.mkv``.
    """
    fits = [_sound_encoder(codec, "mp4") for codec in source.audio_codecs]
    fits += [_subtitle_encoder(codec, "mp4") for codec in source.subtitle_codecs]
    return ".mp4" if all(encoder == "copy" for encoder in fits) else ".mkv"


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
    on_warning: Callable[[str], None],
) -> list[str]:
    """Return the arguments that take all but the picture from that second input.

    Args:
        source: None: there is no source, so there are no arguments.
        span: The part of it to take, in seconds after its start; None: all.
        container: Of the result, as ffmpeg names it.
        on_warning: Is told, in a sentence, what cannot be copied as it is.
    """
    if source is None or source.kind == "folder":
        return []
    return [
        *("-map_metadata", "1", "-map_chapters", "1"),
        # Otherwise a cut keeps packets back to the source's keyframe before it.
        *(["-copypriorss", "0"] if span and span[0] > 0 else []),
        *_no_place(source),
        *_streams("a", "sound track", source.audio_codecs, container, on_warning),
        *_streams("s", "subtitle track", source.subtitle_codecs, container, on_warning),
    ]


def _streams(
    kind: str,
    name: str,
    codecs: Sequence[str],
    container: str,
    on_warning: Callable[[str], None],
) -> list[str]:
    """Map the streams of one kind: copied, or encoded anew where they do not fit."""
    choose = _sound_encoder if kind == "a" else _subtitle_encoder
    arguments: list[str] = []
    taken = 0
    for index, codec in enumerate(codecs):
        encoder = choose(codec, container)
        if encoder != "copy":
            fate = f"encoded as {encoder}" if encoder else "left out"
            advice = "" if container == "matroska" else "; one named .mkv can hold more"
            on_warning(
                f"{name} {index + 1} of the source ({codec}) is {fate}: this kind of "
                f"file cannot hold it as it is{advice}."
            )
        if encoder:
            arguments += ["-map", f"1:{kind}:{index}", f"-c:{kind}:{taken}", encoder]
            taken += 1
    return arguments


def _sound_encoder(codec: str, container: str) -> str | None:
    """Choose how a stream of sound goes into a container; None: not at all."""
    fitting = {"mp4": _MP4_SOUND, "mov": _MOV_SOUND}.get(container, {codec})
    if codec == "none":
        return None
    return "copy" if codec in fitting else "aac"


def _subtitle_encoder(codec: str, container: str) -> str | None:
    """Choose how subtitles go into a container; None: not at all."""
    is_matroska = container == "matroska"
    fitting = _MKV_SUBTITLES if is_matroska else {"mov_text"}
    if codec in fitting:
        return "copy"
    if codec in _TEXT_SUBTITLES:
        return "subrip" if is_matroska else "mov_text"
    return None


def _no_place(source: VideoInfo) -> list[str]:
    """Return the arguments that delete where the source was taken from its metadata."""
    names = sorted(set(_PRIVATE_TAG.findall(describe(source.path))))
    return [
        argument
        for name in [*names, *(f"{name}-eng" for name in names)]
        for argument in ("-metadata", f"{name}=")
    ]
