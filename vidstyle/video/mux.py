"""Build the ffmpeg arguments that carry a source's other streams into the output.

Audio, subtitles, cover art and attached fonts are stream-copied where the output's
container can hold them; chapters, titles, dates, languages and other tags are kept.
Location metadata is private and dropped, unless the user keeps it.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from vidstyle.config import EncodingConfig
from vidstyle.errors import counted
from vidstyle.records import StreamInfo, VideoInfo
from vidstyle.video.codecs import CODECS, CONTAINERS
from vidstyle.video.ffmpeg import RESTARTED, file_url
from vidstyle.video.probe import probe

# Audio codecs that a container can hold and players can play.
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
    sound_encoder: tuple[str, ...]  # for codecs that do not fit; a filter may follow
    subtitles: set[str]
    text_encoder: str


_COPY: Final = ("copy",)
# libopus rejects some channel layouts, among them 5.1(side), which is usual on DVDs.
_OPUS: Final = ("libopus", "aformat=channel_layouts=mono|stereo|5.1|7.1")
_MKV_SUBTITLES: Final = {"ass", "subrip", "webvtt"} | _PICTURE_SUBTITLES
_CONTAINERS: Final = {
    "mp4": _Container(_MP4_SOUND, ("aac",), {"mov_text"}, "mov_text"),
    "mov": _Container(_MOV_SOUND | _MOV_PCM, ("aac",), {"mov_text"}, "mov_text"),
    "webm": _Container(_WEBM_SOUND, _OPUS, {"webvtt"}, "webvtt"),
    "matroska": _Container(_MKV_SOUND, ("aac",), _MKV_SUBTITLES, "subrip"),
}

_REGENERATED: Final = {"text", "tmcd"}  # chapters and timecode: ffmpeg writes its own
_PRIVATE: Final = re.compile(r"location|gps|xmp", re.IGNORECASE)
_STALE: Final = re.compile(
    r"(encoder|duration|bps|number_of_\w+|_statistics_\w+|rotate|source_id)(-\w+)?",
    re.IGNORECASE,
)
"""Tags of the video stream that do not hold for the output's."""
_BRANDS: Final = ("major_brand", "minor_version", "compatible_brands")
"""Properties of the source file that ffmpeg treats as metadata."""


class _Track(NamedTuple):
    """A stream besides the picture that is carried over, if there is an encoder."""

    stream: StreamInfo
    encoder: tuple[str, ...]  # or copy; a filter may follow; empty: left out


def _tracks(source: VideoInfo, container: str) -> Iterator[_Track]:
    """Decide how sound, subtitles, fonts and covers are carried over."""
    holds = _CONTAINERS[container]
    for stream in source.of_kind("audio"):
        # ffmpeg prints "none" for a codec that it cannot identify.
        encoder = () if stream.codec == "none" else holds.sound_encoder
        yield _Track(stream, _COPY if stream.codec in holds.sound else encoder)
    for stream in source.of_kind("subtitle"):
        encoder = (holds.text_encoder,) if stream.codec in _TEXT_SUBTITLES else ()
        yield _Track(stream, _COPY if stream.codec in holds.subtitles else encoder)
    fonts = source.of_kind("attachment") if container == "matroska" else []
    pictures = source.of_kind("video") if container == "mp4" else []
    covers = [stream for stream in pictures if stream.is_cover]
    yield from (_Track(stream, _COPY) for stream in (*fonts, *covers))


def ending_for(source: VideoInfo, codec: str = "h264") -> str:
    """Choose a codec's default extension if every stream fits, otherwise ``.mkv``."""
    usual = CODECS[codec].endings[0]
    tracks = _tracks(source, CONTAINERS[usual])
    return usual if all(track.encoder == _COPY for track in tracks) else ".mkv"


def default_output(
    clip: Path, paintings: Sequence[Path], encoding: EncodingConfig | None = None
) -> Path:
    """Name the result after the clip and its paintings: clip.painting.mp4.

    The extension is the codec's, or ``.mkv`` if the clip has a stream that it cannot
    hold; a GIF stays a GIF.
    """
    codec = encoding.codec if encoding else "auto"
    ending = ending_for(probe(clip), "h264" if codec == "auto" else codec)
    if codec == "auto" and clip.suffix.lower() == ".gif":
        ending = ".gif"
    return name_beside(clip, paintings, ending)


def name_beside(clip: Path, paintings: Sequence[Path], ending: str) -> Path:
    if clip.name in {"", ".."}:  # a folder given as "." or ".."
        clip = clip.resolve()
    names = "+".join(dict.fromkeys(path.stem for path in paintings))
    return clip.with_name(f"{clip.stem}.{names}{ending}")


def unsupported_streams(source: VideoInfo, container: str) -> list[str]:
    """Describe, in one sentence each, the tracks that cannot be stream-copied."""
    advice = "" if container == "matroska" else "; .mkv can hold more"
    names = {"audio": "sound track", "subtitle": "subtitle track"}
    sentences = list[str]()
    for stream, encoder in _tracks(source, container):
        if encoder == _COPY:
            continue
        number = source.of_kind(stream.kind).index(stream) + 1
        fate = f"re-encoded as {encoder[0]}" if encoder else "left out"
        sentences.append(
            f"{names[stream.kind]} {number} of the source ({stream.codec}) is {fate}: "
            f"this type of file cannot hold it unchanged{advice}."
        )
    if container != "mp4" and any(stream.is_cover for stream in source.streams):
        sentences.append("the source's cover is left out: only .mp4 can hold it.")
    return sentences


def dropped_data(source: VideoInfo) -> str | None:
    """Describe the data streams of a source, which are dropped."""
    data = [stream.name for stream in source.of_kind("data")]
    names = [name for name in data if name not in _REGENERATED]
    if not names:
        return None
    listed = ", ".join(dict.fromkeys(names))
    return f"leaving out {counted(len(names), 'data track')} ({listed})"


def source_input(
    source: VideoInfo | None, span: tuple[float, float] | None
) -> list[str]:
    """Build the arguments that open a source as the second input, after the frames.

    ``span`` cuts it to that part, in seconds after the source's start.
    """
    if source is None or source.kind == "folder":
        return []
    start_s = span[0] if span else 0.0
    arguments = list[str]()
    if source.container in RESTARTED:
        # Restore the delay of late tracks, whose timestamps ffmpeg restarts.
        tracks = [*source.of_kind("audio"), *source.of_kind("subtitle")]
        late_s = min((track.start_s for track in tracks), default=0.0) - start_s
        if late_s > 0:
            arguments += ["-itsoffset", f"{late_s:.6f}"]
    if start_s > 0:
        arguments += ["-ss", f"{start_s:.6f}"]
    if span:
        arguments += ["-t", f"{span[1] - start_s:.6f}"]
    return [*arguments, "-i", file_url(source.path)]


def mux_args(
    source: VideoInfo | None,
    span: tuple[float, float] | None,
    container: str,
    config: EncodingConfig,
) -> list[str]:
    """Build the arguments that map all but the video from the second input."""
    if source is None or source.kind == "folder":
        return []
    arguments = ["-map_chapters", "1"]
    arguments += ["-map_metadata", "-1" if config.strip_metadata else "1"]
    if not config.strip_metadata:
        arguments += ["-map_metadata:s:0", f"1:s:{source.stream_index}"]
    kept = [track for track in _tracks(source, container) if track.encoder]
    for number, (stream, encoder) in enumerate(kept, start=1):  # 0 is the picture
        arguments += ["-map", f"1:{stream.index}"]
        arguments += [f"-c:{number}", encoder[0]]
        if len(encoder) > 1:
            arguments += [f"-filter:{number}", encoder[1]]
        # A font's name is metadata.
        if stream.kind == "attachment" or not config.strip_metadata:
            arguments += [f"-map_metadata:s:{number}", f"1:s:{stream.index}"]
        if stream.is_cover:
            arguments += [f"-disposition:{number}", "attached_pic"]
    if span:
        length_s = span[1] - span[0]
        # A chapter that begins a millisecond before the end is over.
        arguments += ["-t", f"{length_s - 0.001:.6f}"]
        # A subtitle ends with the last frame.
        subtitles = rf"setts=duration=min(DURATION\,{length_s:.6f}/TB-PTS)"
        if span[0] > 0:
            # Otherwise a cut also copies the packets since the previous keyframe, and
            # encodes earlier subtitles, whose times move those of the other streams.
            arguments += ["-copypriorss", "0"]
            subtitles = rf"noise=drop=lt(pts\,0),{subtitles}"
        arguments += ["-bsf:s", subtitles]
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
            for tag in (name, f"{name}-eng"):
                arguments += ["-metadata", f"{tag}=", "-metadata:s", f"{tag}="]
    # MP4 keeps the custom tags that phones write only with this flag.
    has_phone_tags = any(name.startswith("com.") for name in source.tags)
    if container in {"mp4", "mov"} and has_phone_tags:
        arguments += ["-movflags", "+faststart+use_metadata_tags"]
        # With it, ffmpeg writes the date twice and would read both as one value.
        if source.date:
            arguments += ["-metadata", f"creation_time={source.date}"]
    return arguments
