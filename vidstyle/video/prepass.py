"""A VideoInfo comes in, a stream of clean frames goes out, for OpenCV to read.

ffmpeg decodes what OpenCV would misread, and hands it over through a pipe: progressive,
upright, in square pixels, 8-bit sRGB, over a background, with the frames' own times.
Nothing is written to disk.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from vidstyle.records import VideoInfo
from vidstyle.video import colors
from vidstyle.video.ffmpeg import Stream, file_url, stream_ffmpeg
from vidstyle.video.streams import RESTARTED

# Only libvpx decodes the transparency of WebM.
ALPHA_DECODERS: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_DECODE_ERRORS = re.compile(r"\bframes decoded; (\d+) decode errors")


@contextmanager
def normalized(info: VideoInfo) -> Iterator[Stream]:
    """Let ffmpeg decode a clip while the caller reads from its pipe.

    What flows is NUT with raw pixels. It keeps the source's clock, where Matroska would
    round times to milliseconds. The first frame's time is set to 0, since OpenCV counts
    from the first one that it gets, which is a later one in a file whose beginning is
    damaged; the others' times are after the file's own start.

    Raises:
        DependencyError: If ffmpeg cannot be started.
    """
    decoder = ALPHA_DECODERS.get(info.codec) if info.has_alpha else None
    has_fields = info.fields in {"interlaced", "mixed"}
    is_restarted = info.container in RESTARTED
    arguments = [
        *(["-c:v", decoder] if decoder else []),
        *(["-itsoffset", f"{info.start_s:.6f}"] if is_restarted else []),
        *(["-reinit_filter", "0"] if has_fields else []),
        *([] if info.has_times else ["-r", str(info.fps)]),
        *("-i", file_url(info.path), "-map", f"0:{info.stream_index}"),
        *("-fps_mode", "passthrough", "-enc_time_base", "demux"),
        *("-vf", _graph(info, has_fields=has_fields), "-c:v", "rawvideo"),
        *("-bsf:v", r"setts=ts=if(eq(N\,0)\,0\,TS)", "-f", "nut", "pipe:1"),
    ]
    with stream_ffmpeg(arguments) as stream:
        yield stream


def decode_errors(said: str) -> int:
    """Count the frames that could not be decoded.

    Args:
        said: All that ffmpeg said, until its end.
    """
    found = _DECODE_ERRORS.search(said)
    return int(found[1]) if found else 0


def _graph(info: VideoInfo, *, has_fields: bool) -> str:
    """Choose ffmpeg's filters; it turns the picture by itself, before all of them."""
    filters, color = _progressive(info) if has_fields else [], info.color
    if color is not None and (mapped := colors.to_srgb(color)):
        filters, color = [*filters, *mapped], None
    if info.has_alpha and info.background is not None:
        back = info.background.replace("#", "0x")
        # Before scaling, which would mix in the color of transparent pixels.
        filters += [
            colors.scale(color),
            f"format=rgba,split[back][front];[back]drawbox=c={back}:t=fill:replace=1"
            "[back];[back][front]overlay=format=rgb",
        ]
        color = None
    # The shape is fixed, for a stream may change its own on the way.
    shape = colors.scale(color, f"w={info.width}:h={info.height}")
    return ",".join([*filters, shape, "setsar=1,setfield=prog,format=bgr24"])


def _progressive(info: VideoInfo) -> list[str]:
    """Choose the filters that leave one moment of the two that a frame shows.

    The deinterlacer waits for a frame's successor. Where the stream changes its format,
    ffmpeg would begin its filters anew and lose the frame that waits, so the format is
    held on to here.
    """
    height, width = info.stored_shape
    if info.rotation % 180:
        height, width = width, height
    return [
        f"scale=w={width}:h={height}:interl=-1,format={info.pixel_format}",
        "bwdif=mode=send_frame:deint=interlaced",
    ]
