"""How strong a network's features usually are: the floors under relative losses.

A relative loss divides by the strength of its target, which is nothing for a black
frame. What is usual for photographs keeps that division sane: a median, since a mean
can be the work of the few that saturate a channel (slim's relu1_2: 340 times it).

A network that ships with vidstyle stores the medians over real photographs. For others
``natural_pictures`` stand in: against 100 photographs they give 0.8 to 1.5 times the
feature energy and 0.7 to 2.5 times the Gram energy, on every layer of three networks of
the VGG family. On slim they miss two layers, so slim's are stored.
"""

from collections.abc import Iterable
from typing import Final

import torch
from torch import Tensor

ENERGY_NAMES: Final = ("feature_energy", "gram_energy")  # in files of weights
PICTURES: Final = 5
SIDE: Final = 128  # pixels; fewer than photographs have, for their cost, and as sharp
SHAPE_SLOPE: Final = 1.8
TEXTURE_SLOPE: Final = 1.0
"""Photographs' amplitude falls as frequency to the power of about -1."""
BRIGHTNESS: Final = 0.45
CONTRAST: Final = 0.23  # brightness and standard deviation of photographs in [0, 1]
CHROMA: Final = 0.4
TEXTURE: Final = 0.15  # strength of color, and of texture, relative to the shapes'


def layer_energies(features: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Measure how strong the features, (N, C, h, w) a layer, of each picture are.

    Returns two of (L, N): mean of F**2 over pixels and channels, and sum of G**2, where
    G = F F^T / (h*w).
    """
    feature_energies, gram_energies = [], []
    for maps in features:
        flat = maps.flatten(2)  # (N, C, h*w)
        grams = flat @ flat.transpose(1, 2) / flat.shape[-1]  # (N, C, C)
        feature_energies.append(flat.square().mean((1, 2)))
        gram_energies.append(grams.square().sum((1, 2)))
    return torch.stack(feature_energies), torch.stack(gram_energies)


def natural_pictures() -> Tensor:
    """Draw pictures with a photograph's edges, texture, contrast and color.

    Smooth noise cut into a few levels gives flat areas with edges between them; a
    little noise over it gives texture. (5, 3, 128, 128) float32 in [0, 1], always the
    same.
    """
    generator = torch.Generator().manual_seed(0)
    shapes = _noise(4, SHAPE_SLOPE, generator).round()  # (N, 4, H, W)
    texture = _noise(1, TEXTURE_SLOPE, generator)  # (N, 1, H, W)
    gray, color = shapes[:, :1], shapes[:, 1:]
    contrast = gray + CHROMA * color + TEXTURE * texture  # (N, 3, H, W)
    return (contrast * CONTRAST + BRIGHTNESS).clamp(0, 1)


def _noise(planes: int, slope: float, generator: torch.Generator) -> Tensor:
    """Draw noise of mean 0 and variance 1 whose amplitude is frequency**-slope."""
    white = torch.randn(PICTURES, planes, SIDE, SIDE, generator=generator)
    down = torch.fft.fftfreq(SIDE).unsqueeze(1)
    frequency = torch.hypot(down, torch.fft.rfftfreq(SIDE))  # (H, W // 2 + 1)
    frequency[0, 0] = torch.inf
    spectrum = torch.fft.rfft2(white) / frequency**slope
    noise: Tensor = torch.fft.irfft2(spectrum, s=(SIDE, SIDE))  # (N, planes, H, W)
    noise /= noise.std((2, 3), keepdim=True)
    return noise
