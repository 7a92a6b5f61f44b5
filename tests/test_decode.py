"""Pictures as cameras, scanners and painting programs leave them."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from vidstyle.errors import ImageOpenError
from vidstyle.images import read_alpha, read_picture
from vidstyle.records import Frame

RED = (200, 40, 30)
# CIE xy of red, green and blue, and the curve.
WIDE = {
    "display p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "adobe rgb": ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)),
}


def scene() -> Frame:
    frame = np.full((16, 24, 3), RED, np.uint8)
    frame[:, 12:] = (60, 120, 90)
    frame[:4, :4] = (128, 128, 128)
    return frame


def matrix_profile(primaries: Any, gamma: float = 2.2) -> bytes:
    """Build an ICC profile (version 2.4): three primaries, white D65, one gamma."""
    x, y = np.transpose(primaries)
    columns = np.stack([x / y, np.ones(3), (1 - x - y) / y])
    d65 = np.array([0.95047, 1, 1.08883])
    d50 = np.array([0.96422, 1, 0.82521])
    cone = np.array(
        [
            [0.8951, 0.2664, -0.1614],
            [-0.7502, 1.7135, 0.0367],
            [0.0389, -0.0685, 1.0296],
        ]
    )
    adapt = np.linalg.inv(cone) @ np.diag(cone @ d50 / (cone @ d65)) @ cone
    colorants = adapt @ columns @ np.diag(np.linalg.solve(columns, d65))

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(gamma * 256))
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"wide\0" + bytes(79)
    tags = {
        b"desc": text,
        b"wtpt": b"XYZ " + bytes(4) + fixed(*d50),
        **{
            name: b"XYZ " + bytes(4) + fixed(*colorants[:, index])
            for index, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))
        },
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        at = 128 + 4 + 12 * len(tags) + len(body)
        table += name + struct.pack(">II", at, len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I", 128 + len(table) + len(body)) + bytes(4)
    header += bytes([2, 0x40, 0, 0]) + b"mntrRGB XYZ " + bytes(12) + b"acsp"
    header = header.ljust(68, b"\0") + fixed(*d50)
    return header.ljust(128, b"\0") + table + body


def stored_in(primaries: Any, frame: Frame) -> Image.Image:
    """Write sRGB's colors as numbers of another space."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(matrix_profile(primaries)))
    picture = Image.fromarray(frame)
    converted = ImageCms.profileToProfile(
        picture, ImageCms.createProfile("sRGB"), profile, outputMode="RGB"
    )
    assert converted is not None
    return converted


def lost(path: Path, frame: Frame) -> int:
    return int(np.abs(read_picture(path).astype(int) - frame).max())


@pytest.mark.parametrize("ending", [".png", ".tif", ".webp", ".jpg"])
@pytest.mark.parametrize("space", sorted(WIDE))
def test_colors_of_a_wide_space_come_back(
    tmp_path: Path, space: str, ending: str
) -> None:
    wide = stored_in(WIDE[space], scene())
    assert np.abs(np.asarray(wide).astype(int) - scene()).max() > 15
    path = tmp_path / f"wide{ending}"
    how: Any = {".webp": {"lossless": True}, ".jpg": {"quality": 98, "subsampling": 0}}
    wide.save(path, icc_profile=matrix_profile(WIDE[space]), **how.get(ending, {}))
    assert read_picture(path).flags.writeable  # or torch warns
    patches = read_picture(path)[[8, 8, 1], [3, 20, 1]].astype(int)
    assert np.abs(patches - scene()[[8, 8, 1], [3, 20, 1]]).max() <= 6  # of JPEG


def test_colors_with_alpha_are_converted_too(tmp_path: Path) -> None:
    wide = stored_in(WIDE["display p3"], scene()).convert("RGBA")
    wide.putalpha(128)
    wide.save(tmp_path / "a.png", icc_profile=matrix_profile(WIDE["display p3"]))
    half = (128 * np.array(RED) + 127 * 255) / 255
    assert np.abs(read_picture(tmp_path / "a.png")[8, 3] - half).max() <= 2
    assert read_alpha(tmp_path / "a.png").max() == 128


def test_srgb_by_name_and_damaged_profiles_change_nothing(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for number, profile in enumerate((srgb, b"no profile", srgb[:200])):
        path = tmp_path / f"{number}.png"
        Image.fromarray(scene()).save(path, icc_profile=profile)
        assert lost(path, scene()) == 0


def test_ink_and_lab(tmp_path: Path) -> None:
    lab = ImageCms.createProfile("LAB")
    picture = ImageCms.profileToProfile(
        Image.fromarray(scene()), ImageCms.createProfile("sRGB"), lab, outputMode="LAB"
    )
    assert picture is not None
    picture.save(tmp_path / "lab.tif")
    assert lost(tmp_path / "lab.tif", scene()) <= 4  # 8 bits of Lab are coarse
    Image.fromarray(scene()).convert("CMYK").save(tmp_path / "ink.tif")
    assert lost(tmp_path / "ink.tif", scene()) <= 1
    Image.fromarray(scene()).convert("CMYK").save(tmp_path / "ink.jpg", quality=98)
    assert np.abs(read_picture(tmp_path / "ink.jpg")[8, 3].astype(int) - RED).max() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", [".png", ".webp", ".tif"])
def test_transparent_picture_is_turned(
    tmp_path: Path, ending: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    alpha = np.full((16, 24, 1), 200, np.uint8)
    alpha[:4, :4] = 255
    path = tmp_path / f"turned{ending}"
    how: Any = {"lossless": True} if ending == ".webp" else {}
    Image.fromarray(np.dstack([scene(), alpha])).save(path, exif=exif, **how)
    frame, opaque = read_picture(path), read_alpha(path)
    assert (
        frame.shape[:2] == opaque.shape == ((16, 24) if orientation < 5 else (24, 16))
    )
    rows, columns = {3, 4, 7, 8}, {2, 3, 6, 7}
    corner = opaque[:: -1 if orientation in rows else 1]
    corner = corner[:, :: -1 if orientation in columns else 1]
    assert (corner[:4, :4] == 255).all()
    assert (corner[4:, 4:] == 200).all()
    assert np.abs(frame.astype(int)[opaque == 255] - 128).max() <= 1


@pytest.mark.parametrize("depth", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3])
def test_floats_count_to_1(
    tmp_path: Path, depth: type[np.floating[Any]], channels: int
) -> None:
    pixels = np.zeros((4, 6, channels), depth)
    pixels[:, 2:4], pixels[:, 4:] = 0.5, 7
    pixels[0, 0] = np.nan
    assert cv2.imwrite(str(tmp_path / "float.tif"), pixels)
    frame = read_picture(tmp_path / "float.tif")
    assert frame[1, ::2].tolist() == [[0] * 3, [128] * 3, [255] * 3]


def test_short_floats_are_refused(tmp_path: Path) -> None:
    entries = [
        *((256, 2), (257, 2), (258, 16), (259, 1), (262, 1), (273, 134)),
        *((277, 1), (278, 2), (279, 8), (339, 3)),
    ]
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    data = b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4)
    (tmp_path / "half.tif").write_bytes(data.ljust(142, b"\0"))
    with pytest.raises(ImageOpenError, match=r"16-bit floats\); save it as PNG\.$"):
        read_picture(tmp_path / "half.tif")


def test_huge_picture_is_named_with_its_size(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    cv2.imwrite(str(path), np.zeros((4, 4, 3), np.uint8))
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    path.write_bytes(data)
    with pytest.raises(
        ImageOpenError, match=r"huge\.png is 60000x60000 pixels, more than"
    ):
        read_picture(path)


def test_avif_is_read_or_named(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    path.write_bytes(b"\0\0\0\x1cftypheic" + bytes(200))
    with pytest.raises(
        ImageOpenError, match=r"HEIC or AVIF, .* save it as JPEG or PNG"
    ):
        read_picture(path)
    try:
        Image.fromarray(scene()).save(path, quality=95)
    except (KeyError, OSError, ValueError):
        pytest.skip("this Pillow writes no AVIF")
    assert np.abs(read_picture(path)[12, 3].astype(int) - RED).max() < 12
