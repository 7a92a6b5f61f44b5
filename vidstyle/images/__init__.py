"""Convert between picture files, frames and images; resize; write files atomically.

A frame is uint8 (H, W, 3) RGB; an image is a tensor (N, 3, H, W) in [0, 1], used for
optimization only. They are converted into each other only here. Clips are read by
``vidstyle.video``.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from vidstyle.errors import ConfigError, OutputError
from vidstyle.images.decode import decode_picture, to_levels
from vidstyle.records import Frame, StrPath

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_PNG = (
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_SUB),
)
"""PNG settings: measured on stylized frames, they take half the time of zlib's default
strategy to write, two thirds of it to read, and 5 % more bytes."""
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95)
_COMPRESSION: Final = {".png": _PNG, ".jpg": _JPEG, ".jpeg": _JPEG}
WHITE = "#ffffff"  # behind transparent pixels
WITH_ALPHA: Final = frozenset({".png", ".tif", ".tiff", ".webp"})
"""Extensions of picture formats with an alpha channel."""
PICTURE_ENDINGS = WITH_ALPHA | {".avif", ".bmp", ".heic", ".jpeg", ".jpg", ".ppm"}
"""Extensions of the pictures in a folder."""
LONGEST_NAME = 200  # bytes; most file systems allow 255, with prefix and extension
PARTIAL = ".partial"  # extension of incomplete files


def frame_to_image(frame: Frame, *, device: "torch.device | None" = None) -> "Tensor":
    """Copy a frame to ``device`` as an image (1, 3, H, W), float32 in [0, 1]."""
    import torch  # late, so that most errors are reported without waiting for it

    pixels = torch.from_numpy(np.ascontiguousarray(frame)).to(device)  # (H, W, 3)
    return pixels.permute(2, 0, 1).unsqueeze(0).float() / 255  # (1, 3, H, W)


def image_to_frame(image: "Tensor") -> Frame:
    """Clamp an image, (1, 3, H, W) or (3, H, W), and round it to a frame."""
    pixels = image.detach().reshape(image.shape[-3:]).clamp(0, 1)  # (3, H, W)
    levels = (pixels * 255).round().byte()
    return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())  # (H, W, 3)


def fit_long_side(*, height: int, width: int, long_side: int | None) -> tuple[int, int]:
    """Scale a size down so that its longer side is at most ``long_side``."""
    longest = max(height, width)
    if long_side is None or longest <= long_side:
        return height, width
    scale = long_side / longest
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize_frame(frame: Frame, *, height: int, width: int) -> Frame:
    """Resample a frame: area averaging to shrink, Lanczos to enlarge."""
    if frame.shape[:2] == (height, width):
        return frame
    shrinks = height * width < frame.shape[0] * frame.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
    resized = cv2.resize(frame, (width, height), interpolation=method)
    return np.asarray(resized, np.uint8)


def shrink_to(frame: Frame, long_side: int) -> Frame:
    """Scale a frame down so that its longer side is at most ``long_side``."""
    height, width = frame.shape[:2]
    height, width = fit_long_side(height=height, width=width, long_side=long_side)
    return resize_frame(frame, height=height, width=width)


@dataclass(frozen=True)
class Resized:
    """Frames resized whenever they are iterated over."""

    frames: Iterable[Frame]
    height: int
    width: int

    def __iter__(self) -> Iterator[Frame]:
        for frame in self.frames:
            yield resize_frame(frame, height=self.height, width=self.width)


def is_picture(path: Path) -> bool:
    """Whether a path has a picture's extension and is not a folder."""
    return path.suffix.lower() in PICTURE_ENDINGS and not path.is_dir()


def read_picture(path: Path, *, background: str | None = None) -> Frame:
    """Read a picture as 8-bit sRGB, applying its EXIF orientation and ICC profile.

    Transparent pixels are composited over ``background``, #rrggbb (None: white).
    ImageOpenError: it is missing, too large, unreadable, or not a picture.
    """
    return lay_over(decode_picture(path), background)


def as_frame(picture: Frame | StrPath) -> Frame:
    """Read a picture given as a path, or check one given as an array or by Pillow.

    ImageOpenError: the file cannot be read; ConfigError: the array is not a frame.
    """
    if isinstance(picture, str | os.PathLike):
        return read_picture(Path(picture))
    frame = np.require(picture, requirements=["W"])  # torch warns of read-only arrays
    if frame.dtype != np.uint8 or frame.shape[2:] != (3,):
        raise ConfigError(
            f"a picture must be a uint8 array (height, width, 3), RGB; this one is "
            f"{frame.dtype} {frame.shape}."
        )
    return frame


def lay_over(pixels: npt.NDArray[Any], background: str | None = None) -> Frame:
    """Composite (H, W, 3) or (H, W, 4) over a color, #rrggbb (None: white)."""
    if pixels.shape[2] == 3:
        return to_levels(pixels)
    behind = np.frombuffer(bytes.fromhex((background or WHITE)[1:]), np.uint8) / 255
    alpha = pixels[..., 3:]
    return to_levels(pixels[..., :3] * alpha + behind * (1 - alpha))


def read_alpha(path: Path) -> Frame:
    """Read a picture's alpha channel: uint8 (H, W), 255 if it has none."""
    pixels = decode_picture(path)
    if pixels.shape[2] == 3:
        return np.full(pixels.shape[:2], 255, np.uint8)
    return to_levels(pixels[..., 3])


def check_free(*paths: Path | None, overwrite: bool) -> None:
    """Raise OutputError for a result that exists and may not be replaced."""
    for path in paths:
        if path is not None and path.exists() and not overwrite:
            raise OutputError(f"{path} exists; use --overwrite or another name.")


def check_outputs(
    results: Sequence[Path | None],
    *,
    besides: Sequence[Path | None] = (),
    inputs: Sequence[Path | None],
    overwrite: bool,
) -> None:
    """Check that results (files, or folders without an extension) may be written.

    The paths in ``besides`` may always be replaced. OutputError: a result exists, or
    its folder is missing or not writable; ConfigError: it would replace an input or
    another result.
    """
    outputs = [path for path in results if path is not None]
    for path in outputs:
        if path.is_dir() and (path.suffix or path.name in {"", ".."}):
            raise OutputError(f"{path} is a folder; name a file in it.")
        _check_parent(path)
        if not os.access(path.parent, os.W_OK):
            raise OutputError(f"the folder {path.parent} is not writable.")
    written = [*outputs, *(path for path in besides if path is not None)]
    resolved = [path.resolve() for path in written]
    sources = [path for path in inputs if path is not None and path.exists()]
    for path in written:
        if path.exists() and any(path.samefile(source) for source in sources):
            raise ConfigError(
                f"the result {path} would replace an input; name another file."
            )
        if resolved.count(path.resolve()) > 1:
            raise ConfigError(f"two results would be named {path}; rename one.")
    check_free(*outputs, overwrite=overwrite)


def _check_parent(path: Path) -> None:
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} for {path.name} does not exist.")


def check_picture_path(path: Path, *, with_alpha: bool = False) -> None:
    """Raise OutputError if a path's format is not supported, or its folder missing."""
    _check_parent(path)
    ending = path.suffix.lower()
    if not cv2.haveImageWriter(f"picture{ending}"):
        raise OutputError(
            f"cannot write {path}: {ending or 'no extension'} is not a picture format; "
            "use .png or .jpg."
        )
    if with_alpha and ending not in WITH_ALPHA:
        raise OutputError(f"{ending} files have no transparency; use .png.")


def write_picture(path: Path, frame: Frame) -> None:
    """Write a picture atomically, in the format of the path's extension.

    ``frame`` may be (H, W, 4), if the format supports alpha. OutputError: the folder is
    missing, the disk is full, or the format is unknown.
    """
    check_picture_path(path)
    ending = path.suffix.lower()
    height, width, channels = frame.shape
    pixels, options = frame[..., [2, 1, 0, 3][:channels]], _COMPRESSION.get(ending, ())
    is_done, data = False, pixels
    with contextlib.suppress(cv2.error):
        is_done, data = cv2.imencode(ending, pixels, options)
    if not is_done:
        raise OutputError(
            f"cannot write {path}: {width}x{height} pixels is too large for {ending}."
        )
    write_whole(path, data.tobytes())


def make_folder(folder: Path, *, parents: bool = False) -> None:
    try:
        folder.mkdir(parents=parents, exist_ok=True)
    except OSError as err:
        raise OutputError(f"cannot make the folder {folder}: {err.strerror}.") from err


@contextlib.contextmanager
def folders_for(path: Path) -> Iterator[None]:
    """Create a result's parent folders; remove them again if the block fails.

    OutputError: they cannot be created.
    """
    missing = [parent for parent in path.parents if not parent.exists()]
    make_folder(path.parent, parents=True)
    try:
        yield
    except BaseException:
        for folder in missing:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically, or raise OutputError and leave nothing behind."""
    with (
        partial_file(path, error=OutputError) as (_, handle),
        os.fdopen(handle, "wb") as file,
    ):
        file.write(data)


def partial_prefix(path: Path) -> str:
    """Return the prefix of a file's temporary name, a hash if it would be too long."""
    name = os.fsencode(path.name)
    stem = path.name if len(name) <= LONGEST_NAME else hashlib.sha256(name).hexdigest()
    return f".{stem}."


@contextlib.contextmanager
def partial_file(path: Path, *, error: type[OutputError]) -> Iterator[tuple[Path, int]]:
    """Create and open a temporary file, and move it into place after the block.

    The block has to close the handle. If anything fails, the temporary file is deleted
    and an existing file stays; an OSError is raised as ``error``.
    """
    prefix, partial = partial_prefix(path), None
    try:
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=PARTIAL, dir=path.parent)
        partial = Path(name)
        yield partial, handle
        partial.chmod(0o644)
        partial.replace(path)
    except OSError as err:
        raise error(f"cannot write {path}: {err.strerror}.") from err
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
