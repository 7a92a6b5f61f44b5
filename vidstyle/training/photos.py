"""A folder of photographs -> batches of crops, each a function of (seed, step).

A tenth of the photographs is held out: no batch ever shows them.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from vidstyle.devices import seeded_generator
from vidstyle.errors import ConfigError, ImageOpenError
from vidstyle.images import (
    PICTURE_ENDINGS,
    fit_long_side,
    frame_to_image,
    read_picture,
    resize_frame,
)
from vidstyle.records import Frame

HELD_OUT_EVERY: Final = 10
LEAST_PHOTOS: Final = 20
LONGEST: Final = 512
"""Pixels: larger photographs are shrunk, so that a crop shows more than one texture."""
FLIP: Final = 0.5
UPSIDE_DOWN: Final = 0.2
NOISY: Final = 0.5
"""Share of crops with noise: a picture that is optimised has some on its way."""
MOST_NOISE: Final = 0.2
"""Standard deviation in [0, 1]; cubed draws make strong noise rare."""
GAIN: Final = 0.15
OFFSET: Final = 0.05
"""Standard deviations of each colour channel's factor and shift."""


def find_photos(folder: Path, *, least: int = LEAST_PHOTOS) -> list[Path]:
    """List the photographs in a folder and the folders below it, in order.

    Raises:
        ImageOpenError: If the folder cannot be read.
        ConfigError: If it has too few.
    """
    if not folder.is_dir():
        raise ImageOpenError(f"{folder} is not a folder of photographs.")
    found = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_ENDINGS
    )
    if len(found) < least:
        raise ConfigError(
            f"{folder} has {len(found)} photograph(s); training needs at least {least}."
        )
    return found


def hold_out(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Split photographs into those to train on and every tenth, to judge by."""
    training = [path for at, path in enumerate(paths) if at % HELD_OUT_EVERY]
    return training, list(paths[::HELD_OUT_EVERY])


def read_photos(paths: Sequence[Path], *, side: int) -> Iterator[Tensor]:
    """Read whole photographs, cut to a square from their middle.

    Args:
        paths: Of the photographs.
        side: Of the square, in pixels; smaller photographs are enlarged to it.

    Yields:
        (1, 3, side, side) in [0, 1].
    """
    for path in paths:
        frame = _at_least(read_picture(path), side)
        height, width = frame.shape[:2]
        top, left = (height - side) // 2, (width - side) // 2
        yield frame_to_image(frame[top : top + side, left : left + side])


class Crops:
    """Draws random crops of photographs, flipped, recoloured and made noisy."""

    def __init__(
        self, paths: Sequence[Path], *, batch: int, crop: int, seed: int
    ) -> None:
        """Prepare; photographs are read when they are drawn.

        Args:
            paths: Of the photographs.
            batch: Crops that are drawn at once.
            crop: Their side, in pixels.
            seed: Of all that is random.
        """
        self._paths, self._batch, self._crop, self._seed = paths, batch, crop, seed

    def draw(self, step: int) -> Tensor:
        """Draw the batch of one step, always the same.

        Returns:
            (batch, 3, crop, crop) in [0, 1] on the CPU.

        Raises:
            ImageOpenError: If a photograph cannot be read.
        """
        generator = seeded_generator(self._seed, step)
        chosen = torch.randint(len(self._paths), (self._batch,), generator=generator)
        crops = [self._crop_of(self._paths[at], generator) for at in chosen.tolist()]
        return _disturb(torch.cat(crops), generator)

    def _crop_of(self, path: Path, generator: torch.Generator) -> Tensor:
        frame = _at_least(read_picture(path), self._crop)
        height, width = frame.shape[:2]
        chance = torch.rand(4, generator=generator).tolist()
        top = int(chance[0] * (height - self._crop + 1))
        left = int(chance[1] * (width - self._crop + 1))
        image = frame_to_image(
            frame[top : top + self._crop, left : left + self._crop]
        )  # (1, 3, crop, crop)
        if chance[2] < FLIP:
            image = image.flip(-1)
        return image.flip(-2) if chance[3] < UPSIDE_DOWN else image


def _at_least(frame: Frame, side: int) -> Frame:
    """Shrink a large photograph, but leave or make both sides this long."""
    height, width = frame.shape[:2]
    small, _ = sorted(fit_long_side(height=height, width=width, long_side=LONGEST))
    scale = max(small, side) / min(height, width)
    return resize_frame(
        frame,
        height=max(side, math.floor(height * scale)),
        width=max(side, math.floor(width * scale)),
    )


def _disturb(images: Tensor, generator: torch.Generator) -> Tensor:
    """Change each image's colours a little, and add noise to some."""
    count = len(images)
    gain = 1 + GAIN * torch.randn(count, 3, 1, 1, generator=generator)
    offset = OFFSET * torch.randn(count, 3, 1, 1, generator=generator)
    strength = MOST_NOISE * torch.rand(count, 1, 1, 1, generator=generator) ** 3
    strength *= torch.rand(count, 1, 1, 1, generator=generator) < NOISY
    noise = torch.randn(images.shape, generator=generator)
    middle = images.mean((2, 3), keepdim=True)  # (N, 3, 1, 1)
    changed = (images - middle) * gain + middle + offset + strength * noise
    return changed.clamp(0, 1)
