"""A VideoInfo comes in, frames go out: once, in order, RGB, each with its exact time.

OpenCV decodes, in one sequential pass; where it is known to deliver wrong pixels or
none, ffmpeg first makes a lossless copy that OpenCV reads exactly. Frames are counted
as they come: no count or rate of a container is believed, and nothing seeks.
"""

import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from vidstyle.errors import VideoOpenError
from vidstyle.images import read_picture
from vidstyle.records import TimedFrame, VideoInfo
from vidstyle.video.ffmpeg import file_url, list_packets, run_ffmpeg
from vidstyle.video.probe import numbered_pictures

_MOST_FAILURES: Final = 50
"""Reads that fail one after the other before a file counts as ended."""


def read_frames(
    info: VideoInfo,
    *,
    strict: bool = False,
    on_warning: Callable[[str], None],
    is_stopped: Callable[[], bool] | None = None,
) -> Iterator[TimedFrame]:
    """Read a clip from its first frame to its last.

    What is damaged is left out, and a clip that breaks off is read as far as it goes.

    Args:
        info: What ``probe`` found.
        strict: Whether damage is an error.
        on_warning: Is told, in a sentence, how many frames are missing.
        is_stopped: Asked, while ffmpeg makes its copy, whether to give up.

    Yields:
        Frames, numbered as they are read; the consumer owns them.

    Raises:
        VideoOpenError: If not one frame can be read; if ``strict``, at the damage.
        ImageOpenError: If a picture of a folder cannot be read.
        StoppedError: If it was stopped.
    """
    if info.kind == "folder":
        yield from _read_folder(info)
        return
    tally = _Tally()
    if not info.needs_normalizing:
        yield from _read_file(info, info.path, tally, strict=strict)
    if tally.frames == 0:
        with tempfile.TemporaryDirectory(prefix="vidstyle-") as folder:
            copy = _normalize(info, Path(folder), is_stopped)
            yield from _read_file(info, copy, tally, strict=strict)
    if tally.frames == 0:
        raise VideoOpenError(f"not one frame of {info.path} can be decoded.")
    damage = _missing_end(info, tally) or _missing_middle(info, tally)
    if damage and strict:
        raise VideoOpenError(f"{damage}; without strict, the rest is used.")
    if damage:
        on_warning(f"{damage}; the rest is used.")


@dataclass(slots=True)
class _Tally:
    """What a pass over a clip has met."""

    frames: int = 0
    skipped: int = 0
    """Reads that failed and were followed by one that did not."""
    last_s: float = 0.0
    """When the newest frame is shown."""


def _read_folder(info: VideoInfo) -> Iterator[TimedFrame]:
    for index, picture in enumerate(numbered_pictures(info.path)):
        frame = read_picture(picture)
        height, width = frame.shape[:2]
        if (height, width) != (info.height, info.width):
            raise VideoOpenError(
                f"{picture} is {width}x{height}, but the first picture is "
                f"{info.width}x{info.height}; a clip has frames of one size."
            )
        yield TimedFrame(index=index, time_s=float(index / info.fps), frame=frame)


def _read_file(
    info: VideoInfo, path: Path, tally: _Tally, *, strict: bool
) -> Iterator[TimedFrame]:
    """Read a file with OpenCV: the clip itself, or its lossless copy."""
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    failures = 0
    try:
        while failures < _MOST_FAILURES:
            # A read fails at the end, and at a damaged frame before sound ones.
            is_read, pixels = capture.read()
            if not is_read:
                failures += 1
                continue
            tally.skipped += failures
            failures = 0
            if tally.skipped and strict:
                raise VideoOpenError(
                    f"{info.path} is damaged after {tally.frames} frames; without "
                    "strict, the rest is used."
                )
            time_s = info.start_s + capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if tally.frames and time_s <= tally.last_s:  # a file without times
                time_s = tally.last_s + float(1 / info.fps)
            frame = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
            yield TimedFrame(index=tally.frames, time_s=time_s, frame=frame)
            tally.frames += 1
            tally.last_s = time_s
    except cv2.error as err:
        raise VideoOpenError(f"cannot decode {info.path}: {err}.") from err
    finally:
        capture.release()


def _normalize(
    info: VideoInfo, folder: Path, is_stopped: Callable[[], bool] | None
) -> Path:
    """Let ffmpeg decode a clip: progressive, square pixels, sRGB, lossless."""
    filters = [
        "bwdif=mode=send_frame:deint=interlaced",
        *_to_srgb(info.color_tags),
        "scale=w='trunc(iw*sar+0.5)':h=ih"
        ":flags=lanczos+accurate_rnd+full_chroma_int:out_range=pc",
        "setsar=1,setfield=prog,format=bgr0",
    ]
    # NUT keeps the source's clock; Matroska would round its times to milliseconds.
    copy = folder / "copy.nut"
    run_ffmpeg(
        [
            *("-i", file_url(info.path), "-map", "0:V:0"),
            *("-fps_mode", "passthrough", "-enc_time_base", "demux"),
            *("-vf", ",".join(filters), "-c:v", "ffv1", "-level", "3"),
            *("-slices", "4", "-slicecrc", "1", file_url(copy)),
        ],
        error=VideoOpenError,
        failed=f"cannot decode {info.path}",
        is_stopped=is_stopped,
    )
    return copy


def _to_srgb(color_tags: str) -> list[str]:
    """Choose the filters that bring wide or high-dynamic-range color to sRGB."""
    if "bt2020/smpte2084" in color_tags or "bt2020/arib-std-b67" in color_tags:
        return [
            "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709",
            "tonemap=mobius:desat=0,zscale=t=iec61966-2-1:m=gbr:r=pc,format=gbrp",
        ]
    # zscale refuses a file whose tags are incomplete.
    if "bt2020/" in color_tags and "unknown" not in color_tags:
        return ["zscale=p=bt709:t=bt709:m=gbr:r=pc,format=gbrp"]
    return []


def _missing_middle(info: VideoInfo, tally: _Tally) -> str | None:
    """Say how many frames are damaged, if any."""
    if not tally.skipped:
        return None
    return f"{info.path} is damaged: {tally.skipped} frames cannot be decoded"


def _missing_end(info: VideoInfo, tally: _Tally) -> str | None:
    """Say how far a clip goes, if it breaks off before its container's promise.

    A picture that ends before the sound does is no damage, and neither is a count that
    an edit list makes wrong: only a file that holds nothing later breaks off.
    """
    promised_s = info.duration_s
    if info.container == "avi" and info.frame_count is not None:
        promised_s = float(info.frame_count / info.fps)  # ffmpeg's follows what is left
    if promised_s is None:
        return None
    least_s = promised_s - max(0.1, float(3 / info.fps))
    end_s = tally.last_s + float(1 / info.fps)
    if end_s >= least_s:
        return None
    packets = list_packets(info.path, "0", error=VideoOpenError)
    if any(packet.time_s + packet.duration_s >= least_s for packet in packets):
        return None
    promised = min(info.frame_count or math.inf, round(promised_s * info.fps))
    return (
        f"{info.path} breaks off after {tally.frames} of about {promised} frames "
        f"({end_s:.1f} of {promised_s:.1f} s)"
    )
