"""Report what probing a clip found: as JSON-ready facts, or as lines of text."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from vidstyle.errors import counted
from vidstyle.records import ColorInfo, StreamInfo, VideoInfo
from vidstyle.video.mux import ending_for
from vidstyle.video.probe import measure_timing

CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4/mov", "matroska,webm": "mkv/webm"}
"""Shorter names for ffmpeg's demuxers."""
FIELDS = {"mixed": "may be interlaced", "separate": "single fields"}
LEVELS = {"tv": "limited", "pc": "full"}


def as_facts(info: VideoInfo) -> dict[str, Any]:
    """Collect everything for JSON; rates and aspect ratios are Fractions."""
    facts = asdict(info)
    reasons = facts.pop("normalizing")
    decoder = "ffmpeg" if reasons else "opencv"
    return facts | {
        "reading": {"decoder": decoder, "reasons": reasons},
        "timing": asdict(measure_timing(info)),
        "result": {"ending": ending_for(info)},
    }


def as_lines(info: VideoInfo) -> Iterator[str]:
    """Describe a clip in text, one aspect per line."""
    kind = CONTAINERS.get(info.container, info.container) or "a folder of pictures"
    length = "of unknown length"
    if info.duration_s is not None:
        length = f"{info.duration_s:.2f} s"
    alpha = f"transparent parts are placed over {info.background}"
    aspects = [
        ("clip", f"{info.path}: {kind}, {length}"),
        ("picture", _picture(info)),
        ("shown", _shown(info)),
        ("rate", _rate(info)),
        ("color", _color(info.color) if info.color else ""),
        ("alpha", alpha if info.has_alpha else ""),
        ("sound", _tracks(info, "audio") if info.kind == "video" else ""),
        ("subtitles", _tracks(info, "subtitle") if info.of_kind("subtitle") else ""),
        ("chapters", str(info.chapters or "")),
        *(("stream", _stream(stream, info.stream_index)) for stream in info.streams),
        ("reading", _reading(info)),
        ("result", _result(info)),
    ]
    return (f"{label:10}{text}" for label, text in aspects if text)


def _picture(info: VideoInfo) -> str:
    parts = [info.codec, info.pixel_format]
    if info.color:
        parts.append(f"{info.color.bit_depth} bits per channel")
    if info.kind == "video" and info.fields != "unknown":
        parts.append(FIELDS.get(info.fields, info.fields))
    return ", ".join(parts)


def _shown(info: VideoInfo) -> str:
    shown = f"{info.width}x{info.height}"
    aspect = info.pixel_aspect
    if info.rotation:
        # ffmpeg reports mirroring as a rotation by 180 degrees.
        mirrored = ", or mirrored" if info.rotation == 180 else ""
        shown += f", rotated by {info.rotation} degrees{mirrored}"
    if aspect != 1:
        shown += f", pixels made square from {aspect.numerator}:{aspect.denominator}"
    return shown


def _rate(info: VideoInfo) -> str:
    timing = measure_timing(info)
    exact = "" if info.fps.denominator == 1 else f" ({info.fps})"
    shortest, longest = 1000 * timing.shortest_s, 1000 * timing.longest_s
    kind = {
        "constant": "constant",
        "variable": f"variable, {shortest:.4g} to {longest:.4g} ms per frame",
        "assumed": "assumed, as its frames have no timestamps",
    }[timing.kind]
    rate = f"{float(info.fps):.5g} fps{exact}, {kind}"
    rate += f"; {counted(timing.packets, 'frame')} stored"
    if info.start_s:
        rate += f"; the first at {info.start_s:.4g} s"
    if info.missing_numbers:
        rate += f"; {counted(info.missing_numbers, 'missing number')} skipped"
    return rate


def _color(color: ColorInfo) -> str:
    properties = {
        "range": f"{LEVELS[color.range]} range",
        "matrix": f"matrix {color.matrix}",
        "primaries": f"primaries {color.primaries}",
        "transfer": f"transfer {color.transfer}",
    }
    return ", ".join(
        f"{text} (assumed)" if name in color.assumed else text
        for name, text in properties.items()
    )


def _tracks(info: VideoInfo, kind: str) -> str:
    return ", ".join(map(_codec, info.of_kind(kind))) or "none"


def _codec(stream: StreamInfo) -> str:
    return f"{stream.codec} ({stream.language})" if stream.language else stream.codec


def _stream(stream: StreamInfo, read_index: int) -> str:
    parts = [_codec(stream)]
    if stream.index == read_index:
        parts.append("read")
    if stream.is_default:
        parts.append("default")
    if stream.is_cover:
        parts.append("cover")
    return f"{stream.index}: {stream.kind}, {', '.join(parts)}"


def _reading(info: VideoInfo) -> str:
    if info.needs_normalizing:
        return f"ffmpeg decodes for OpenCV: {'; '.join(info.normalizing)}"
    return "picture by picture" if info.kind == "folder" else "OpenCV, directly"


def _result(info: VideoInfo) -> str:
    tracks = []
    if sounds := info.of_kind("audio"):
        tracks.append(counted(len(sounds), "sound track"))
    if subtitles := info.of_kind("subtitle"):
        tracks.append(counted(len(subtitles), "subtitle track"))
    ending = ending_for(info)
    result = f"{ending} by default"
    result += f" with {' and '.join(tracks)} copied" if tracks else ", without sound"
    if ending == ".mkv":
        result += "; an .mp4 cannot hold all tracks unchanged"
    return result
