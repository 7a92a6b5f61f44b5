"""Photographs, a teacher and a student that are small enough for a test."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vidstyle.images import write_picture
from vidstyle.networks.energy import natural_pictures
from vidstyle.training.student import Student
from vidstyle.training.teachers import ENCODER_BLOCKS

WIDTHS = (4, 5, 6, 7, 8)
WIDE = (6, 7, 8, 9, 10)
CHANNELS = {"relu1_1": 5, "relu4_2": 7}
"""Of what the student is taught, by layer."""


def make_student(seed: int = 0) -> Student:
    """Make one that has learned nothing yet."""
    return Student(CHANNELS, torch.Generator().manual_seed(seed))


def few_photos() -> list[Tensor]:
    """Make three pictures with the look of photographs, each (1, 3, H, W)."""
    return list(natural_pictures()[:3].split(1))


def make_photos(folder: Path) -> Path:
    """Make a folder of 20 pictures with the look of photographs."""
    folder.mkdir()
    pictures = (natural_pictures() * 255).byte().permute(0, 2, 3, 1).numpy()
    for at in range(20):
        frame = np.roll(pictures[at % len(pictures)], 7 * at, axis=1)
        write_picture(folder / f"{at:02}.png", np.ascontiguousarray(frame))
    return folder


def make_encoder(path: Path) -> Path:
    """Make a file of the small encoder's kind, narrower and drawn at random."""
    generator = np.random.default_rng(0)
    arrays = {"conv0.weight": np.eye(3)[..., None, None], "conv0.bias": np.zeros(3)}

    def draw(name: str, outgoing: int, incoming: int, side: int) -> None:
        scale = (2 / (incoming * side * side)) ** 0.5
        shape = (outgoing, incoming, side, side)
        arrays[f"{name}.weight"] = generator.normal(0, scale, shape)
        arrays[f"{name}.bias"] = generator.normal(0, 0.1, outgoing)

    incoming = 3
    for block, count in enumerate(ENCODER_BLOCKS, start=1):
        width = WIDTHS[block - 1]
        for place in range(1, count + 1):
            draw(f"conv{block}{place}", width, incoming, 3)
            incoming = width
        draw(f"conv{block}1_aux", WIDE[block - 1], width, 1)
    np.savez(path, **{name: values.astype("f4") for name, values in arrays.items()})
    return path
