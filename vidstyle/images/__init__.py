"""Pictures: files <-> frames (uint8 HWC RGB) <-> images ((N,3,H,W) in [0,1]); resize.

What is optimised is an image and all else is a frame; this is the only border. It reads
single pictures; clips are read by ``vidstyle.video``.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
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
"""How PNGs are compressed: of paint, in half the time of zlib's own strategy at this
level, and read in two thirds of it, for 5 % more bytes, as measured."""
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95)
_COMPRESSION: Final = {".png": _PNG, ".jpg": _JPEG, ".jpeg": _JPEG}
WHITE = "#ffffff"  # behind transparent pixels
WITH_ALPHA: Final = frozenset({".png", ".tif", ".tiff", ".webp"})
"""Endings of pictures that may be transparent."""
PICTURE_ENDINGS = WITH_ALPHA | {".avif", ".bmp", ".heic", ".jpeg", ".jpg", ".ppm"}
"""A folder of pictures may hold such files."""
LONGEST_NAME = 200  # bytes; most disks take 255, with what is added
PARTIAL = ".partial"  # ending of a file that is not whole yet


def frame_to_image(frame: Frame, *, device: "torch.device | None" = None) -> "Tensor":
    """Copy a frame to ``device`` as an image (1, 3, H, W), float32 in [0, 1]."""
    import torch  # late: most mistakes can be told without it

    pixels = torch.from_numpy(np.ascontiguousarray(frame)).to(device)  # (H, W, 3)
    return pixels.permute(2, 0, 1).unsqueeze(0).float() / 255  # (1, 3, H, W)


def image_to_frame(image: "Tensor") -> Frame:
    """Clamp an image, (1, 3, H, W) or (3, H, W), and round it to a frame's 8 bits."""
    pixels = image.detach().reshape(image.shape[-3:]).clamp(0, 1)  # (3, H, W)
    levels = (pixels * 255).round().byte()
    return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())  # (H, W, 3)


def fit_long_side(*, height: int, width: int, long_side: int | None) -> tuple[int, int]:
    """Scale a shape so that its longer side is at most ``long_side``; never enlarge."""
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


def read_picture(path: Path, *, background: str | None = None) -> Frame:
    """Read one picture file in 8-bit sRGB, as its EXIF data and ICC profile say.

    Transparent pixels are laid over a background, ``#rrggbb``, or white.
    ImageOpenError: it is missing, too large, cannot be read, or is no picture.
    """
    return lay_over(decode_picture(path), background)


def as_frame(picture: Frame | StrPath) -> Frame:
    """Read a picture that is a file; one that is an array must be a frame.

    ImageOpenError: the file cannot be read; ConfigError: it is not uint8 (H, W, 3).
    """
    if isinstance(picture, str | os.PathLike):
        return read_picture(Path(picture))
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ConfigError(
            f"a picture must be a uint8 array (height, width, 3), RGB; this one is "
            f"{picture.dtype} {picture.shape}."
        )
    return picture


def lay_over(pixels: npt.NDArray[Any], background: str | None = None) -> Frame:
    """Lay (H, W, 3), or (H, W, 4) with alpha, over a color, ``#rrggbb``, or white."""
    if pixels.shape[2] == 3:
        return to_levels(pixels)
    behind = np.frombuffer(bytes.fromhex((background or WHITE)[1:]), np.uint8) / 255
    alpha = pixels[..., 3:]
    return to_levels(pixels[..., :3] * alpha + behind * (1 - alpha))


def read_alpha(path: Path) -> Frame:
    """Read how opaque a picture file is: uint8 (H, W); without alpha, 255."""
    pixels = decode_picture(path)
    if pixels.shape[2] == 3:
        return np.full(pixels.shape[:2], 255, np.uint8)
    return to_levels(pixels[..., 3])


def check_free(*paths: Path | None, overwrite: bool) -> None:
    """Raise OutputError, before the work, for a result that may not be replaced."""
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
    """Check that results, files or folders without an ending, may go where they are to.

    What stands ``besides`` may always be replaced. OutputError: a result exists and may
    not be replaced, or its folder is missing or cannot be written to; ConfigError: it
    would replace an input, or another result.
    """
    asked = [path for path in results if path is not None]
    for path in asked:
        if path.is_dir() and (path.suffix or path.name in {"", ".."}):
            raise OutputError(f"{path} is a folder; name a file in it.")
        _check_parent(path)
        if not os.access(path.parent, os.W_OK):
            raise OutputError(f"the folder {path.parent} is not writable.")
    written = [*asked, *(path for path in besides if path is not None)]
    resolved = [path.resolve() for path in written]
    there = [path for path in inputs if path is not None and path.exists()]
    for path in written:
        if path.exists() and any(path.samefile(given) for given in there):
            raise ConfigError(f"the result {path} would replace an input.")
        if resolved.count(path.resolve()) > 1:
            raise ConfigError(f"two results would be named {path}; rename one.")
    check_free(*asked, overwrite=overwrite)


def _check_parent(path: Path) -> None:
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} for {path.name} does not exist.")


def check_picture_path(path: Path, *, with_alpha: bool = False) -> None:
    """Raise OutputError if a name's ending is no format, or its folder not there."""
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
    """Write one picture, whole or not at all; the name's ending says the format.

    It may be (H, W, 4) with how opaque it is, where the format can hold that.
    OutputError: the folder is missing, the disk is full, or the format unknown.
    """
    check_picture_path(path)
    ending = path.suffix.lower()
    height, width, depth = frame.shape
    pixels, how = frame[..., [2, 1, 0, 3][:depth]], _COMPRESSION.get(ending, ())
    is_done, data = False, pixels
    with contextlib.suppress(cv2.error):
        is_done, data = cv2.imencode(ending, pixels, how)
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


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole, or raise OutputError; nothing is left of it then."""
    with (
        partial_file(path, error=OutputError) as (_, handle),
        os.fdopen(handle, "wb") as file,
    ):
        file.write(data)


def partial_prefix(path: Path) -> str:
    """Begin the name of a file's partial one; where it would be too long, by a hash."""
    name = os.fsencode(path.name)
    known = path.name if len(name) <= LONGEST_NAME else hashlib.sha256(name).hexdigest()
    return f".{known}."


@contextlib.contextmanager
def partial_file(path: Path, *, error: type[OutputError]) -> Iterator[tuple[Path, int]]:
    """Make a partial file, open to be written, and move it into place after the block.

    The block closes its handle. If anything fails, nothing is left of it, and the old
    file stays; where the system refuses, ``error`` is raised.
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
