"""Pictures in every form that people have, and disks that are full."""

import errno
import os
import struct
import zlib
from pathlib import Path
from typing import Any, NoReturn

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from vidstyle.errors import ImageOpenError, OutputError
from vidstyle.images import (
    check_picture_path,
    fit_long_side,
    frame_to_image,
    image_to_frame,
    make_folder,
    read_alpha,
    read_picture,
    resize_frame,
    write_picture,
    write_whole,
)
from vidstyle.records import Frame

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def noise(height: int = 24, width: int = 40) -> Frame:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def corners(height: int = 16, width: int = 24) -> Frame:
    """Four quarters of different colors, so that any turn can be seen."""
    frame = np.empty((height, width, 3), np.uint8)
    up, left = slice(height // 2), slice(width // 2)
    down, right = slice(height // 2, None), slice(width // 2, None)
    frame[up, left], frame[up, right] = RED, GREEN
    frame[down, left], frame[down, right] = BLUE, WHITE
    return frame


def store(path: Path, pixels: npt.NDArray[Any]) -> Path:
    """Write pixels as OpenCV understands them: BGR(A) or gray, of any depth."""
    assert cv2.imwrite(str(path), pixels)
    return path


def png_chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def exif(orientation: int) -> bytes:
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)


def opens(folder: Path, device: Path) -> Any:
    """Stand in for mkstemp with a file on a device that takes nothing."""

    def make(**_: object) -> tuple[int, str]:
        partial = folder / ".result.bin.partial"
        partial.symlink_to(device)
        return os.open(partial, os.O_WRONLY), str(partial)

    return make


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_image_has_channels_first_and_full_range() -> None:
    image = frame_to_image(corners())
    assert image.shape == (1, 3, 16, 24)
    assert image.dtype == torch.float32
    assert image[0, :, 0, 0].tolist() == [1, 0, 0]
    assert image[0, :, 0, -1].tolist() == [0, 1, 0]
    assert image[0, :, -1, 0].tolist() == [0, 0, 1]


def test_every_level_survives_the_border() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert np.array_equal(image_to_frame(frame_to_image(levels)), levels)


def test_image_is_a_copy_of_any_view() -> None:
    frame = corners()
    image = frame_to_image(frame[:, ::-1])
    frame[:] = 0
    assert image[0, :, 0, -1].tolist() == [1, 0, 0]


def test_frame_is_clamped_and_rounded() -> None:
    image = torch.tensor([-0.3, 0.0, 0.4999 / 255, 0.5001 / 255, 1.0, 1.7])
    frame = image_to_frame(image.expand(1, 3, 1, 6).clone().requires_grad_())
    assert frame[0, :, 0].tolist() == [0, 0, 0, 1, 255, 255]
    assert frame.flags.c_contiguous


@pytest.mark.parametrize(
    ("shape", "long_side", "fitted"),
    [
        ((1080, 1920), 512, (288, 512)),
        ((1920, 1080), 512, (512, 288)),
        ((180, 320), 512, (180, 320)),
        ((180, 320), 320, (180, 320)),
        ((180, 320), None, (180, 320)),
        ((2, 4000), 100, (1, 100)),
        ((333, 333), 100, (100, 100)),
    ],
)
def test_fit_long_side(
    shape: tuple[int, int], long_side: int | None, fitted: tuple[int, int]
) -> None:
    found = fit_long_side(height=shape[0], width=shape[1], long_side=long_side)
    assert found == fitted


def test_fitting_keeps_the_aspect_and_never_enlarges() -> None:
    sides = [1, 16, 17, 100, 239, 512, 1001]
    for height, width, limit in (
        (h, w, m) for h in sides for w in sides for m in sides
    ):
        fitted = fit_long_side(height=height, width=width, long_side=limit)
        assert max(fitted) == min(limit, max(height, width))
        assert 1 <= fitted[0] <= height
        assert 1 <= fitted[1] <= width
        scale = max(fitted) / max(height, width)
        assert abs(fitted[0] - height * scale) <= 0.5 or fitted[0] == 1
        assert abs(fitted[1] - width * scale) <= 0.5 or fitted[1] == 1


@pytest.mark.parametrize(
    ("height", "width"), [(12, 20), (48, 80), (12, 80), (48, 20), (1, 1), (24, 40)]
)
def test_resized_frame_has_the_shape_and_the_corners(height: int, width: int) -> None:
    resized = resize_frame(corners(24, 40), height=height, width=width)
    assert resized.shape == (height, width, 3)
    assert resized.dtype == np.uint8
    if min(height, width) > 1:
        assert np.abs(resized[0, 0].astype(int) - RED).max() < 20
        assert np.abs(resized[-1, 0].astype(int) - BLUE).max() < 20
        assert np.abs(resized[0, -1].astype(int) - GREEN).max() < 20


def test_shrinking_averages_areas() -> None:
    frame = noise(24, 40)
    halved = resize_frame(frame, height=12, width=20)
    blocks = frame.reshape(12, 2, 20, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved - blocks).max() <= 0.5


@pytest.mark.parametrize(("height", "width"), [(20, 80), (80, 20), (40, 40)])
def test_enlarging_keeps_edges_sharp(height: int, width: int) -> None:
    frame = np.full((20, 20, 3), 64, np.uint8)
    frame[5:15, 5:15] = 192
    # Lanczos overshoots beside an edge, where averages and lines stay in between.
    resized = resize_frame(frame, height=height, width=width)
    assert resized.max() > 192
    assert resized.min() < 64


def test_same_size_changes_nothing() -> None:
    frame = noise()
    assert np.array_equal(resize_frame(frame, height=24, width=40), frame)


@pytest.mark.parametrize("ending", [".png", ".bmp", ".webp", ".tiff", ".PNG"])
def test_picture_without_loss_comes_back(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"picture{ending}"
    write_picture(path, noise())
    assert np.array_equal(read_picture(path), noise())


def test_jpeg_comes_back_nearly(tmp_path: Path) -> None:
    write_picture(tmp_path / "picture.jpg", corners(64, 96))
    # Only the edges between the quarters lose, since JPEG halves the colors.
    lost = np.abs(read_picture(tmp_path / "picture.jpg") - corners(64, 96).astype(int))
    assert lost.mean() < 4


@pytest.mark.parametrize(
    ("orientation", "first"),
    [(1, RED), (2, GREEN), (3, WHITE), (4, BLUE), (6, BLUE), (8, GREEN)],
)
def test_exif_orientation_is_obeyed(
    tmp_path: Path, orientation: int, first: tuple[int, int, int]
) -> None:
    data = cv2.imencode(".jpg", corners()[..., ::-1])[1].tobytes()
    block = b"Exif\0\0" + exif(orientation)
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    path = tmp_path / "turned.jpg"
    path.write_bytes(data[:2] + segment + data[2:])
    frame = read_picture(path)
    assert frame.shape == ((16, 24, 3) if orientation < 5 else (24, 16, 3))
    assert np.abs(frame[2, 2].astype(int) - first).max() < 20


def test_transparent_pixels_lie_over_white(tmp_path: Path) -> None:
    pixels = np.full((4, 6, 4), (0, 0, 200, 255), np.uint8)  # BGRA: red
    pixels[:, 2:4, 3] = 0
    pixels[:, 4:, 3] = 51  # a fifth
    frame = read_picture(store(tmp_path / "alpha.png", pixels))
    assert frame[0, 0].tolist() == [200, 0, 0]
    assert frame[0, 2].tolist() == [255, 255, 255]
    assert frame[0, 4].tolist() == [244, 204, 204]


def test_deep_transparent_pixels_too(tmp_path: Path) -> None:
    pixels = np.full((4, 6, 4), 65535, np.uint16)
    pixels[..., 1] = 32896  # green 128
    frame = read_picture(store(tmp_path / "alpha.png", pixels))
    assert frame[0, 0].tolist() == [255, 128, 255]


def test_transparent_pixels_in_floats_count_to_1(tmp_path: Path) -> None:
    pixels = np.full((4, 6, 4), (0, 0.5, 7, 1), np.float32)  # BGRA
    pixels[:, 3:, 3] = 0.5
    frame = read_picture(store(tmp_path / "alpha.tiff", pixels))
    assert frame[0, 0].tolist() == [255, 128, 0]
    assert frame[0, 3].tolist() == [255, 191, 128]


@pytest.mark.parametrize(
    ("color_type", "extra", "pixels"),
    [
        (4, b"", bytes([100, 0, 100, 255, 100, 128])),
        (
            3,
            png_chunk(b"PLTE", bytes([100] * 9)) + png_chunk(b"tRNS", b"\x00\xff\x80"),
            bytes([0, 1, 2]),
        ),
    ],
    ids=["gray with alpha", "palette with alpha"],
)
def test_rare_transparent_pngs(
    tmp_path: Path, color_type: int, extra: bytes, pixels: bytes
) -> None:
    header = struct.pack(">IIBBBBB", 3, 2, 8, color_type, 0, 0, 0)
    body = zlib.compress((b"\0" + pixels) * 2)
    path = tmp_path / "rare.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + extra
        + png_chunk(b"IDAT", body)
        + png_chunk(b"IEND", b"")
    )
    assert read_picture(path)[0].tolist() == [[255] * 3, [100] * 3, [177] * 3]


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_transparency_comes_back(
    tmp_path: Path, depth: type[np.unsignedinteger]
) -> None:
    top = np.iinfo(depth).max
    pixels = np.zeros((3, 5, 4), depth)
    pixels[..., 0] = top  # blue, for OpenCV
    pixels[..., 3] = np.linspace(0, top, 5)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    alpha = read_alpha(tmp_path / "a.png")
    assert np.abs(alpha.astype(int) - [0, 63.75, 127.5, 191.25, 255]).max() < 1
    blue = np.full((3, 5, 3), (0, 0, 255), np.uint8)
    write_picture(tmp_path / "b.png", np.dstack([blue, alpha]))
    assert np.array_equal(read_alpha(tmp_path / "b.png"), alpha)
    half = read_picture(tmp_path / "b.png")[0, 2]
    assert np.abs(half.astype(int) - (127, 127, 255)).max() <= 1


def test_picture_without_transparency_is_opaque(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.jpg", np.zeros((3, 5, 3), np.uint8))
    assert np.array_equal(read_alpha(tmp_path / "a.jpg"), np.full((3, 5), 255))
    (tmp_path / "b.png").write_text("no picture")
    with pytest.raises(ImageOpenError, match=r"b\.png is not a picture"):
        read_alpha(tmp_path / "b.png")


def test_gray_picture_has_three_equal_channels(tmp_path: Path) -> None:
    levels = np.arange(96, dtype=np.uint8).reshape(8, 12)
    frame = read_picture(store(tmp_path / "gray.png", levels))
    assert frame.shape == (8, 12, 3)
    assert np.array_equal(frame, levels[..., None].repeat(3, axis=2))


@pytest.mark.parametrize("channels", [1, 3])
def test_deep_picture_is_scaled_to_8_bits(tmp_path: Path, channels: int) -> None:
    deep = np.array([[0, 128 * 257, 65535]], np.uint16).repeat(4, axis=0)
    pixels = deep if channels == 1 else np.dstack([deep] * 3)
    frame = read_picture(store(tmp_path / "deep.png", pixels))
    assert frame[0, :, 1].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.png", b""),
        ("text.jpg", b"This is no picture.\n" * 40),
        ("broken.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 60),
    ],
)
def test_what_is_no_picture_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImageOpenError, match=f"{name} is not a picture"):
        read_picture(path)


def test_truncated_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "half.png"
    write_picture(path, noise(64, 64))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ImageOpenError, match=r"half\.png is not a picture"):
        read_picture(path)


def test_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageOpenError, match=r"cannot read .*no\.png: No such file"):
        read_picture(tmp_path / "no.png")


def test_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(ImageOpenError, match="Is a directory"):
        read_picture(tmp_path)


@pytest.mark.parametrize("name", ["picture.xyz", "picture", "picture.mp4"])
def test_unknown_ending_is_refused_before_and_at_writing(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(OutputError, match=r"is not a picture format; use \.png"):
        check_picture_path(tmp_path / name)
    with pytest.raises(OutputError, match=r"is not a picture format; use \.png"):
        write_picture(tmp_path / name, noise())
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("name", ["picture.png", "picture.JPG", "a.b.jpeg"])
def test_known_ending_passes(tmp_path: Path, name: str) -> None:
    check_picture_path(tmp_path / name)
    write_picture(tmp_path / name, noise())
    assert files_in(tmp_path) == [name]


def test_picture_that_its_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    too_wide = np.zeros((1, 70_000, 3), np.uint8)  # JPEG counts to 65535
    with pytest.raises(OutputError, match=r"70000x1 pixels is too large for \.jpg"):
        write_picture(tmp_path / "wide.jpg", too_wide)
    assert files_in(tmp_path) == []


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        OutputError, match=r"the folder .*nowhere for picture\.png does not"
    ):
        write_picture(tmp_path / "nowhere" / "picture.png", noise())


def test_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "picture.png").mkdir()
    with pytest.raises(OutputError, match="Is a directory"):
        write_picture(tmp_path / "picture.png", noise())
    assert files_in(tmp_path) == ["picture.png"]


def test_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")
    path = tmp_path / "result.bin"
    write_whole(path, b"old")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.mkstemp", opens(tmp_path, full))
        with pytest.raises(OutputError, match="No space left on device"):
            write_whole(path, bytes(1000))
    assert path.read_bytes() == b"old"
    assert files_in(tmp_path) == ["result.bin"]


@pytest.mark.parametrize("stop", [OSError(errno.EIO, "broken"), KeyboardInterrupt()])
def test_nothing_is_left_when_moving_into_place_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    def fail(*_: object) -> NoReturn:
        raise stop

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        write_whole(tmp_path / "result.bin", b"new")
    assert files_in(tmp_path) == []


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    write_whole(tmp_path / "result.bin", b"new")
    assert (tmp_path / "result.bin").stat().st_mode & 0o777 == 0o644


def test_folder_is_made_or_there_already(tmp_path: Path) -> None:
    for _ in range(2):
        make_folder(tmp_path / "results")
    assert (tmp_path / "results").is_dir()


@pytest.mark.parametrize("name", ["file", "none/results"])
def test_folder_that_cannot_be_made_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=f"cannot make the folder .*{name}: "):
        make_folder(tmp_path / name)
