"""Make the sample clip, the sample photograph and the style pictures anew.

Run as ``python samples/make_samples.py`` with numpy, opencv-python, imageio-ffmpeg and
scikit-image installed; scikit-image only for the photographs in its wheel. The same
versions give the same files. See ``README.md`` beside this file.
"""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from recipes.clip import write_clip
from recipes.mosaic import lay_mosaic
from recipes.photos import read_photo
from recipes.swirls import paint_swirls
from recipes.woodblock import print_woodblock

HERE = Path(__file__).parent
QUALITY = 88
STYLE_HEIGHT, STYLE_WIDTH = 576, 768
PHOTO_WINDOW = np.s_[10:394, 50:562]
"""Of the coffee cup: rows and columns kept, 512x384."""


def main() -> None:
    """Write every sample beside this script."""
    shape = {"height": STYLE_HEIGHT, "width": STYLE_WIDTH}
    write_picture("swirls.jpg", paint_swirls(**shape, seed=7))
    write_picture("mosaic.jpg", lay_mosaic(**shape, seed=7))
    write_picture("woodblock.jpg", print_woodblock(**shape, seed=7))
    table = read_photo("coffee.png", tint=1.0)
    write_picture("photo.jpg", table[PHOTO_WINDOW])
    write_clip(
        HERE / "clip.mp4",
        cat=read_photo("chelsea.png", gamma=1.1, saturation=0.85, tint=0.9),
        cup=read_photo("coffee.png", saturation=1.2, tint=0.3),
        astronaut=read_photo("astronaut.png", gamma=1.2, saturation=1.2, tint=0.6),
    )


def write_picture(name: str, frame: npt.NDArray[np.uint8]) -> None:
    """Write an RGB frame as JPEG."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    if not cv2.imwrite(str(HERE / name), frame[..., ::-1], settings):
        raise OSError(f"cannot write {HERE / name}")


if __name__ == "__main__":
    main()
