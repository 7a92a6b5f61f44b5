"""One picture file -> pixels: upright, and in sRGB, whatever the file's own way is.

OpenCV decodes. Pillow knows what OpenCV does not: sizes before the pixels are read,
ICC profiles, how to turn what is transparent, and some rare kinds.
"""

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms

from vidstyle.errors import ImageOpenError
from vidstyle.records import Frame

_MOST_PIXELS: Final = 2**30  # OpenCV reads no more
# For others Pillow might start programs. The last two need not be there.
_FORMATS: Final = (
    *("PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM", "GIF", "JPEG2000"),
    *("AVIF", "HEIF"),
)
_PILLOW = threading.Lock()  # held while Pillow's own limit is lifted
_INKS: Final = frozenset({"CMYK", "LAB"})  # pixels that are not red, green and blue
_TIFF: Final = frozenset({b"II*\0", b"MM\0*"})
_UNREADABLE: Final = (
    *(OSError, ValueError, SyntaxError),
    *(LookupError, TypeError, RuntimeError),
)
"""What Pillow raises where a file is damaged."""


class Header(NamedTuple):
    """What a picture's file says of itself before its pixels."""

    height: int  # as stored; turn may exchange it with the width
    width: int
    format: str
    mode: str  # Pillow's name of the kind of pixels: RGB, CMYK, LAB, ...
    has_alpha: bool
    turn: int  # EXIF's, 1 to 8, makes it upright; from 5 on it is on its side
    profile: bytes  # ICC: what its numbers stand for; empty: sRGB


def read_header(file: IO[bytes]) -> Header | None:
    """Read a picture's header; None: it is no picture, or of a rare kind."""
    try:
        with _opened(file) as opened:
            # A PNG may say it after its pixels, which are not read here; a TIFF is
            # turned by whoever decodes it.
            is_said = opened.format != "TIFF" and (
                opened.format != "PNG" or "exif" in opened.info
            )
            said = opened.getexif().get(ExifTags.Base.Orientation) if is_said else 1
            return Header(
                height=opened.height,
                width=opened.width,
                format=opened.format or "",
                mode=opened.mode,
                has_alpha=opened.has_transparency_data,
                turn=said if isinstance(said, int) and 1 <= said <= 8 else 1,
                profile=opened.info.get("icc_profile") or b"",
            )
    except _UNREADABLE:
        return None


@contextlib.contextmanager
def _opened(file: IO[bytes]) -> Iterator[Image.Image]:
    with _PILLOW, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of strange tags
        most, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            with Image.open(file, formats=_FORMATS) as opened:
                yield opened
        finally:
            Image.MAX_IMAGE_PIXELS = most


def is_whole(path: Path) -> bool:
    """Whether a PNG's checksums are right; nothing is decoded."""
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            picture.verify()
    except _UNREADABLE:
        return False
    return True


def decode_picture(path: Path) -> npt.NDArray[Any]:
    """Read one picture file, upright, in sRGB.

    (H, W, 3), or (H, W, 4) with alpha; uint8, or float32 in [0, 1]. ImageOpenError: it
    is missing, too large, cannot be read, or is no picture.
    """
    try:
        data = path.read_bytes()
    except OSError as err:
        raise ImageOpenError(f"cannot read {path}: {err.strerror}.") from err
    header = read_header(io.BytesIO(data))
    if header is not None and header.height * header.width > _MOST_PIXELS:
        raise ImageOpenError(
            f"{path} is {header.width}x{header.height} pixels, more than the limit of "
            "2^30; make it smaller."
        )
    pixels, turn = _decode(data, header)
    if pixels is None:
        raise ImageOpenError(f"{path} is not a picture that can be read{_why(data)}.")
    if header is not None and header.profile and header.mode not in _INKS:
        color = Image.fromarray(to_levels(pixels[..., :3]))
        converted, alpha = np.asarray(_to_srgb(color, header.profile)), pixels[..., 3:]
        if alpha.size:
            converted = np.dstack([converted / np.float32(255), alpha])
        pixels = converted
    if turn > 4:
        pixels = pixels.swapaxes(0, 1)
    pixels = pixels[::-1] if turn in {3, 4, 7, 8} else pixels
    return pixels[:, ::-1] if turn in {2, 3, 6, 7} else pixels


def _decode(data: bytes, header: Header | None) -> tuple[npt.NDArray[Any] | None, int]:
    """Decode a picture, None if that fails, and tell how it is still to be turned."""
    turn = header.turn if header else 1
    is_tiff = data[:4] in _TIFF
    # OpenCV takes black ink for alpha, and multiplies a TIFF's colors by its own.
    if header and (header.mode in _INKS or (is_tiff and header.mode == "RGBA")):
        return _pillow(data), turn
    pixels = None
    if header is None or header.has_alpha or is_tiff:
        pixels = _opencv(data, cv2.IMREAD_UNCHANGED)
    if pixels is not None and (pixels.dtype.kind == "f" or pixels.shape[2:] == (4,)):
        top = np.float32(np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1)
        scaled = np.atleast_3d(np.nan_to_num(pixels.astype(np.float32)) / top)
        channels = {1: [0, 0, 0], 3: [2, 1, 0]}.get(scaled.shape[2], [2, 1, 0, 3])
        return scaled[..., channels], turn  # which is ignored in this way of reading
    pixels = _opencv(data, cv2.IMREAD_COLOR)
    if pixels is None and header is not None:
        return _pillow(data), turn
    return (None if pixels is None else pixels[..., ::-1]), 1


def _opencv(data: bytes, flag: int) -> npt.NDArray[Any] | None:
    with contextlib.suppress(cv2.error):  # raised where there are no bytes at all
        pixels: npt.NDArray[Any] | None
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
        return pixels
    return None


def _pillow(data: bytes) -> npt.NDArray[Any] | None:
    """Decode what OpenCV cannot; only inks are brought to sRGB."""
    try:
        with _opened(io.BytesIO(data)) as opened:
            if opened.mode in _INKS:
                profile = opened.info.get("icc_profile") or b""
                return np.asarray(_to_srgb(opened, profile))
            if opened.has_transparency_data:
                return np.asarray(opened.convert("RGBA"), np.float32) / 255
            return np.asarray(opened.convert("RGB"))
    except _UNREADABLE:
        return None


def _to_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Convert a picture by its ICC profile, unless that is damaged or of no use."""
    srgb = ImageCms.createProfile("sRGB")
    try:
        if picture.mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        else:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return picture
        if source.profile.xcolor_space.strip() == "GRAY":
            picture = picture.getchannel(0)
        converted = ImageCms.profileToProfile(
            *(picture, source, srgb, ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB"),
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture.convert("RGB")
    return converted or picture


def _why(data: bytes) -> str:
    if data[4:8] == b"ftyp":
        return ": HEIC or AVIF, damaged or not supported; save it as JPEG or PNG"
    if data[:4] in _TIFF:
        return ": a damaged TIFF or a rare kind (16-bit floats); save it as PNG"
    return " (JPEG, PNG, WebP, TIFF, ...)"


def to_levels(pixels: npt.NDArray[Any]) -> Frame:
    """Round floats in [0, 1] to 8 bits; levels stay as they are."""
    if pixels.dtype != np.uint8:
        pixels = (pixels.clip(0, 1) * 255).round().astype(np.uint8)
    return np.require(pixels, requirements=["C", "W"])  # Pillow's cannot be written to
