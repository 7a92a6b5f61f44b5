"""What the tests of reading share: making clips, and what ffmpeg sees in them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vidstyle.errors import VideoOpenError
from vidstyle.records import TimedFrame
from vidstyle.video.ffmpeg import run_ffmpeg
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames

MakeClip = Callable[..., Path]

H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
EXACT = "flags=lanczos+accurate_rnd+full_chroma_int:out_range=pc"
SQUARE = f"scale=w='trunc(iw*sar+0.5)':h=ih:{EXACT}"


def pattern(
    *,
    size: str = "64x48",
    rate: str = "10",
    filters: str = "null",
    seconds: str = "1",
    source: str = "testsrc2",
) -> tuple[str, ...]:
    """Write the arguments that make a moving pattern."""
    text = f"{source}=size={size}:rate={rate}:duration={seconds},{filters}"
    return ("-f", "lavfi", "-i", text)


def read(path: Path, *, strict: bool = False) -> tuple[list[TimedFrame], list[str]]:
    """Read a clip whole: its frames, and the warnings."""
    warnings: list[str] = []
    frames = list(read_frames(probe(path), strict=strict, on_warning=warnings.append))
    return frames, warnings


def truth(
    path: Path,
    filters: str,
    *decoder: str,
    height: int = 48,
    width: int = 64,
    stream: str = "0:V:0",
    most: int = 1000,
) -> npt.NDArray[np.uint8]:
    """Let ffmpeg decode a clip: (frames, H, W, 3)."""
    raw = run_ffmpeg(
        [
            *(*decoder, "-i", str(path), "-map", stream, "-fps_mode", "passthrough"),
            *(
                "-vf",
                filters,
                "-frames:v",
                str(most),
                "-f",
                "rawvideo",
                "-pix_fmt",
                "rgb24",
                "-",
            ),
        ],
        error=VideoOpenError,
        failed="test",
    )
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)
