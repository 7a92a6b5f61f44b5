"""Typical feature and Gram energies of a network: the floors of relative losses.

A relative loss divides by the energy of its target, which is zero for a black frame.
The median over photographs bounds that divisor from below; a mean can be dominated by
the few images that saturate a channel (340 times the median on slim's relu1_2).

The built-in network stores its medians over real photographs. Others are measured on
synthetic ``natural_pictures``: these give 0.8 to 1.5 times the feature energy and 0.7
to 2.5 times the Gram energy of 100 photographs, on every layer of three VGG networks,
but are far off on two layers of slim.
"""

from collections.abc import Iterable
from typing import Final

import torch
from torch import Tensor

ENERGY_NAMES: Final = ("feature_energy", "gram_energy")  # keys in weights files
PICTURES: Final = 5
SIDE: Final = 128  # pixels; smaller than a photograph for speed, and just as sharp
SHAPE_SLOPE: Final = 1.8
TEXTURE_SLOPE: Final = 1.0
"""The amplitude spectrum of photographs falls off roughly as 1 / frequency."""
BRIGHTNESS: Final = 0.45  # mean of photographs in [0, 1]
CONTRAST: Final = 0.23  # their standard deviation
CHROMA: Final = 0.4  # amplitude relative to the shapes
TEXTURE: Final = 0.15  # likewise


def layer_energies(features: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Compute the feature energy and the Gram energy of each image in each layer.

    Args:
        features: (N, C, h, w) for each of L layers.

    Returns:
        Two (L, N) tensors: the mean of F**2 over pixels and channels, and the sum of
        G**2, where G = F F^T / (h*w).
    """
    feature_energies, gram_energies = [], []
    for maps in features:
        flat = maps.flatten(2)  # (N, C, h*w)
        grams = flat @ flat.transpose(1, 2) / flat.shape[-1]  # (N, C, C)
        feature_energies.append(flat.square().mean((1, 2)))
        gram_energies.append(grams.square().sum((1, 2)))
    return torch.stack(feature_energies), torch.stack(gram_energies)


def natural_pictures() -> Tensor:
    """Generate images with the edges, texture, contrast and color of photographs.

    Smooth noise quantized to a few levels gives flat areas with sharp edges; a little
    fine noise on top gives texture.

    Returns:
        (5, 3, 128, 128) float32 in [0, 1], the same on every call.
    """
    generator = torch.Generator().manual_seed(0)
    shapes = _noise(4, SHAPE_SLOPE, generator).round()  # (N, 4, H, W)
    texture = _noise(1, TEXTURE_SLOPE, generator)  # (N, 1, H, W)
    gray, color = shapes[:, :1], shapes[:, 1:]
    contrast = gray + CHROMA * color + TEXTURE * texture  # (N, 3, H, W)
    return (contrast * CONTRAST + BRIGHTNESS).clamp(0, 1)


def _noise(planes: int, slope: float, generator: torch.Generator) -> Tensor:
    """Draw noise of mean 0 and variance 1 with amplitude spectrum frequency**-slope."""
    white = torch.randn(PICTURES, planes, SIDE, SIDE, generator=generator)
    vertical = torch.fft.fftfreq(SIDE).unsqueeze(1)
    frequency = torch.hypot(vertical, torch.fft.rfftfreq(SIDE))  # (H, W // 2 + 1)
    frequency[0, 0] = torch.inf
    spectrum = torch.fft.rfft2(white) / frequency**slope
    noise: Tensor = torch.fft.irfft2(spectrum, s=(SIDE, SIDE))  # (N, planes, H, W)
    noise /= noise.std((2, 3), keepdim=True)
    return noise
