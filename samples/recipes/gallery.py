"""Paint the six pairs of the README's gallery, and lay them out on one picture.

Run as ``python samples/recipes/gallery.py`` with vidstyle and scikit-image installed.
"""

from pathlib import Path

import cv2
import numpy as np
import skimage

from vidstyle import StyleConfig, stylize_image
from vidstyle.images import read_picture, resize_frame
from vidstyle.records import Frame

SAMPLES = Path(__file__).parents[1]
PHOTOS = Path(skimage.__file__).parent / "data"
LONG_SIDE = 480
WIDTH, GAP = 1200, 8
"""Pixels of the picture, and of the white between its parts."""
INSET = 0.3
"""Height of source and painting, as a share of the result's."""
ROWS = (
    (
        ("rocket.jpg", "swirls", {}),
        ("chelsea.png", "mosaic", {}),
        ("rocket.jpg", "mosaic", {"style_scale": 0.6}),
    ),
    (
        ("camera.png", "woodblock", {}),
        ("coffee", "swirls", {"keep_color": "luminance"}),
        ("astronaut.png", "woodblock swirls", {"content_weight": 0.15}),
    ),
)


def main() -> None:
    """Paint what is not there yet, into ``build/gallery``, and write gallery.jpg."""
    rows = [stacked([tile(*pair) for pair in row], axis=1) for row in ROWS]
    gallery = stacked([fitted(row, width=WIDTH) for row in rows], axis=0)
    pixels = np.ascontiguousarray(gallery[..., ::-1])
    cv2.imwrite(str(SAMPLES / "gallery.jpg"), pixels, [cv2.IMWRITE_JPEG_QUALITY, 85])


def tile(photo: str, paintings: str, settings: dict[str, object]) -> Frame:
    """Paint a photograph, and put it and its paintings below the result."""
    source = SAMPLES / "photo.jpg" if photo == "coffee" else PHOTOS / photo
    styles = [SAMPLES / f"{name}.jpg" for name in paintings.split()]
    folder = Path("build/gallery")
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / f"{source.stem}.{paintings.replace(' ', '+')}.png"
    if not output.exists():
        config = StyleConfig(long_side=LONG_SIDE, network="slim", **settings)
        stylize_image(source, styles, output, config=config)
    result = fitted(read_picture(output), height=LONG_SIDE)
    height = round(INSET * LONG_SIDE)
    insets = [fitted(read_picture(one), height=height) for one in (source, *styles)]
    strip = stacked(insets, axis=1)
    if strip.shape[1] > result.shape[1]:
        strip = fitted(strip, width=result.shape[1])
    room = height + GAP - strip.shape[0], result.shape[1] - strip.shape[1]
    strip = np.pad(strip, ((0, room[0]), (0, room[1]), (0, 0)), constant_values=255)
    return stacked([result, strip], axis=0)


def fitted(frame: Frame, *, height: int = 0, width: int = 0) -> Frame:
    """Bring a picture to a height or a width."""
    scale = height / frame.shape[0] or width / frame.shape[1]
    tall, wide = (round(scale * side) for side in frame.shape[:2])
    return resize_frame(frame, height=tall, width=wide)


def stacked(frames: list[Frame], *, axis: int) -> Frame:
    """Put pictures of one height (or width) beside (or below) one another."""
    gap = [(0, 0), (0, 0), (0, 0)]
    gap[axis] = (0, GAP)
    padded = [np.pad(each, gap, constant_values=255) for each in frames[:-1]]
    return np.concatenate([*padded, frames[-1]], axis=axis)


if __name__ == "__main__":
    main()
