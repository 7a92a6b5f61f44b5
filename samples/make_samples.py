"""Make the sample clip, the sample photograph and the style pictures anew.

Run as ``python samples/make_samples.py`` with numpy, opencv-python, imageio-ffmpeg and
scikit-image installed; scikit-image only for the photographs in its wheel. The same
versions give the same files. See ``README.md`` beside this file.
"""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import skimage
from recipes.clip import write_clip
from recipes.mosaic import lay_mosaic
from recipes.swirls import paint_swirls
from recipes.woodblock import print_woodblock

HERE = Path(__file__).parent
QUALITY = 88
STYLE_HEIGHT, STYLE_WIDTH = 576, 768
PHOTO_WINDOW = np.s_[20:404, 64:576]
"""Of the launch pad: rows and columns kept, 512x384."""


def main() -> None:
    """Write every sample beside this script."""
    shape = {"height": STYLE_HEIGHT, "width": STYLE_WIDTH}
    write_picture("swirls.jpg", paint_swirls(**shape, seed=7))
    write_picture("mosaic.jpg", lay_mosaic(**shape, seed=7))
    write_picture("woodblock.jpg", print_woodblock(**shape, seed=7))
    write_picture("photo.jpg", read_photo("rocket.jpg")[PHOTO_WINDOW])
    write_clip(
        HERE / "clip.mp4",
        cat=read_photo("chelsea.png"),
        cup=read_photo("coffee.png"),
        astronaut=read_photo("astronaut.png"),
    )


def read_photo(name: str) -> npt.NDArray[np.uint8]:
    """Read one of the photographs in scikit-image's wheel, RGB."""
    path = Path(skimage.__file__).parent / "data" / name
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise FileNotFoundError(f"scikit-image ships no {name} at {path}")
    return np.ascontiguousarray(pixels[..., ::-1])


def write_picture(name: str, frame: npt.NDArray[np.uint8]) -> None:
    """Write an RGB frame as JPEG."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    if not cv2.imwrite(str(HERE / name), frame[..., ::-1], settings):
        raise OSError(f"cannot write {HERE / name}")


if __name__ == "__main__":
    main()
