"""Decode a picture file to pixels: upright, and in sRGB.

OpenCV decodes. Pillow does what OpenCV cannot: read the header alone, apply ICC
profiles, give the orientation of pictures with alpha, and decode some rare formats.
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

_MOST_PIXELS: Final = 2**30  # OpenCV's limit
# Pillow may start programs for other formats.
_ALWAYS: Final = "PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM", "GIF", "JPEG2000"
_FORMATS: Final = *_ALWAYS, "AVIF", "HEIF"  # the last two are optional in Pillow
_PILLOW = threading.Lock()  # held while Pillow's global size limit is lifted
_NOT_RGB: Final = frozenset({"CMYK", "LAB"})  # Pillow's modes
_TIFF: Final = frozenset({b"II*\0", b"MM\0*"})
# What Pillow raises for damaged files.
_DAMAGED: Final = OSError, ValueError, SyntaxError, LookupError, TypeError, RuntimeError


class Header(NamedTuple):
    """A picture's metadata."""

    height: int  # as stored, before the orientation is applied
    width: int
    format: str
    mode: str  # Pillow's pixel mode: RGB, CMYK, LAB, ...
    has_alpha: bool
    turn: int  # EXIF orientation, 1 to 8; from 5 on height and width are swapped
    profile: bytes  # ICC profile; empty: sRGB


def read_header(file: IO[bytes]) -> Header | None:
    """Read a picture's header; None: not a picture, or an unsupported format."""
    try:
        with _opened(file) as opened:
            # A PNG may have EXIF data after its pixels, which are not read here. For a
            # TIFF, the decoder applies the orientation.
            has_exif = opened.format != "TIFF" and (
                opened.format != "PNG" or "exif" in opened.info
            )
            turn = opened.getexif().get(ExifTags.Base.Orientation) if has_exif else 1
            return Header(
                height=opened.height,
                width=opened.width,
                format=opened.format or "",
                mode=opened.mode,
                has_alpha=opened.has_transparency_data,
                turn=turn if isinstance(turn, int) and 1 <= turn <= 8 else 1,
                profile=opened.info.get("icc_profile") or b"",
            )
    except _DAMAGED:
        return None


@contextlib.contextmanager
def _opened(file: IO[bytes]) -> Iterator[Image.Image]:
    with _PILLOW, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about unusual tags
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            with Image.open(file, formats=_FORMATS) as opened:
                yield opened
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def is_whole(path: Path) -> bool:
    """Whether a PNG's checksums are valid, without decoding it."""
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            picture.verify()
    except _DAMAGED:
        return False
    return True


def decode_picture(path: Path) -> npt.NDArray[Any]:
    """Decode a picture file, upright and in sRGB.

    Returns (H, W, 3), or (H, W, 4) with alpha; uint8, or float32 in [0, 1].
    ImageOpenError: it is missing, too large, unreadable, or not a picture.
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
    if header is not None and header.profile and header.mode not in _NOT_RGB:
        alpha = pixels[..., 3:]
        color = Image.fromarray(to_levels(pixels[..., :3]))
        pixels = np.asarray(_to_srgb(color, header.profile))
        if alpha.size:
            pixels = np.dstack([pixels / np.float32(255), alpha])
    if turn > 4:
        pixels = pixels.swapaxes(0, 1)
    if turn in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    if turn in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return pixels


def _decode(data: bytes, header: Header | None) -> tuple[npt.NDArray[Any] | None, int]:
    """Decode a picture (None: that fails); also return the orientation yet to apply."""
    turn = header.turn if header else 1
    is_tiff = data[:4] in _TIFF
    # OpenCV takes CMYK's K for alpha, and premultiplies a TIFF's colors by its alpha.
    if header and (header.mode in _NOT_RGB or (is_tiff and header.mode == "RGBA")):
        return _pillow(data), turn
    pixels = None
    if header is None or header.has_alpha or is_tiff:
        pixels = _opencv(data, cv2.IMREAD_UNCHANGED)
    if pixels is not None and (pixels.dtype.kind == "f" or pixels.shape[2:] == (4,)):
        return _rgb_floats(pixels), turn  # which IMREAD_UNCHANGED ignores
    pixels = _opencv(data, cv2.IMREAD_COLOR)
    if pixels is not None:
        return pixels[..., ::-1], 1
    return None if header is None else _pillow(data), turn


def _rgb_floats(pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Convert OpenCV's (H, W), BGR or BGRA to RGB or RGBA; integers become [0, 1]."""
    scale = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    floats = np.nan_to_num(np.atleast_3d(pixels).astype(np.float32)) / np.float32(scale)
    if floats.shape[2] == 1:
        return np.repeat(floats, 3, axis=2)
    return floats[..., [2, 1, 0] if floats.shape[2] == 3 else [2, 1, 0, 3]]


def _opencv(data: bytes, flag: int) -> npt.NDArray[Any] | None:
    with contextlib.suppress(cv2.error):  # raised for empty data
        pixels: npt.NDArray[Any] | None
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
        return pixels
    return None


def _pillow(data: bytes) -> npt.NDArray[Any] | None:
    """Decode with Pillow; only CMYK and Lab are converted to sRGB."""
    try:
        with _opened(io.BytesIO(data)) as opened:
            if opened.mode in _NOT_RGB:
                profile = opened.info.get("icc_profile") or b""
                return np.asarray(_to_srgb(opened, profile))
            if opened.has_transparency_data:
                return np.asarray(opened.convert("RGBA"), np.float32) / 255
            return np.asarray(opened.convert("RGB"))
    except _DAMAGED:
        return None


def _to_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Convert a picture by its ICC profile, unless that is damaged or unusable."""
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
    """Round floats in [0, 1] to 8 bits; uint8 is left unchanged."""
    if pixels.dtype != np.uint8:
        pixels = (pixels.clip(0, 1) * 255).round().astype(np.uint8)
    return np.require(pixels, requirements=["C", "W"])  # Pillow's arrays are read-only
