"""The measured paintings of a run, and their mix and colors for each frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vidstyle.color import (
    ColorStatistics,
    Mask,
    color_statistics,
    complement,
    flatten_masks,
    luminance,
    luminance_statistics,
    mix_colors,
    palette_map,
    with_chroma,
)
from vidstyle.config import MIN_SIDE, StyleConfig
from vidstyle.errors import ConfigError
from vidstyle.images import fit_long_side, frame_to_image, resize_frame
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.targets import StyleTarget, measure_style, mix_styles
from vidstyle.records import Frame


@dataclass(frozen=True, slots=True)
class FrameStyle:
    """The style of one frame: weights of the paintings, and the content's colors."""

    weights: tuple[float, ...]
    colors: ColorStatistics  # of the frame, or running over its shot


class StyleBank:
    """Style targets, palettes and colors of the paintings of a run."""

    def __init__(
        self,
        paintings: Sequence[Frame],
        network: FeatureNetwork,
        config: StyleConfig,
        *,
        device: torch.device,
        times_s: Sequence[float] = (),
        regions: int = 0,
    ) -> None:
        """Measure at least one painting, each at its working size.

        The last ``regions`` paintings belong to one region each. ``times_s`` are the
        times in the clip at which each of the others has full weight; empty: their mix
        is constant.
        """
        self._regions = regions
        self._paintings = list(paintings)
        self._colors = [color_statistics(painting) for painting in paintings]
        self._network, self._config, self._device = network, config, device
        self._is_gray = config.keep_color == "luminance"
        self._times_s = tuple(times_s)
        images = [frame_to_image(painting, device=device) for painting in paintings]
        self._measured = [measure_style(network, image, config) for image in images]
        self._latest_mix: tuple[tuple[float, ...], StyleTarget] | None = None

    def at(self, time_s: float, colors: ColorStatistics) -> FrameStyle:
        return FrameStyle(self._weights_at(time_s), colors)

    def for_region(self, region: int, colors: ColorStatistics) -> FrameStyle:
        weights = [0.0] * len(self._paintings)
        weights[len(weights) - self._regions + region] = 1.0
        return FrameStyle(tuple(weights), colors)

    def parts(
        self, frame: Frame, masks: Sequence[Mask], time_s: float
    ) -> list[tuple[FrameStyle, Mask | None]]:
        """Split a frame into parts with a style and a mask each; None: all of it.

        Raises ConfigError unless there is one mask per region, of the frame's size.
        """
        masks = [np.asarray(mask, np.float32) for mask in masks]
        shapes, wanted = [mask.shape for mask in masks], frame.shape[:2]
        in_range = all(((mask >= 0) & (mask <= 1)).all() for mask in masks)
        if shapes != [wanted] * self._regions or not in_range:
            raise ConfigError(
                f"give one mask per region, {self._regions} in all, each of shape "
                f"{wanted} and in [0, 1]; these have the shapes {shapes}."
            )
        if not masks:
            return [(self.at(time_s, color_statistics(frame)), None)]
        visible = flatten_masks(masks)
        parts: list[tuple[FrameStyle, Mask | None]] = []
        rest = complement(visible)
        if self.has_rest and rest.any():
            parts.append((self.at(time_s, color_statistics(frame, rest)), rest))
        for region, mask in enumerate(visible):
            if mask.any():
                style = self.for_region(region, color_statistics(frame, mask))
                parts.append((style, mask))
        return parts

    @property
    def has_rest(self) -> bool:
        """Whether there is a painting for pixels outside all regions."""
        return len(self._paintings) > self._regions

    def plain_style(self) -> StyleTarget:
        """Return the target at the start of the clip, in the paintings' own colors."""
        weights = self._weights_at(0)
        if not self.has_rest:
            weights = (1.0,) * len(weights)
        return self._mixed(weights)

    def style(self, style: FrameStyle) -> StyleTarget:
        """Return the target of a frame, in the content's colors with ``keep_color``."""
        if self._config.keep_color == "none":
            return self._mixed(style.weights)
        measured = list(self._measured)
        for number, weight in enumerate(style.weights):
            if weight > 0:  # the others have no effect, whatever their colors
                image = self._image(number, style.colors)
                measured[number] = measure_style(self._network, image, self._config)
        return mix_styles(self._network, measured, style.weights, self._config)

    def strongest(self, style: FrameStyle) -> Tensor:
        """Return the painting with the largest weight, (1, 3, h, w)."""
        number = max(range(len(style.weights)), key=style.weights.__getitem__)
        return self._image(number, style.colors)

    def content(self, source: Frame, style: FrameStyle) -> Frame:
        """Return the content image: by default recolored to the paintings' palette."""
        if self._config.keep_color != "none" or not self._config.recolor:
            return self.to_working(source)
        palette = mix_colors(self._colors, style.weights)
        return palette_map(style.colors, palette).apply(source)

    def to_working(self, frame: Frame) -> Frame:
        """Convert a frame to working colors: luminance if only that is optimized."""
        return luminance(frame) if self._is_gray else frame

    def restore_chroma(self, painted: Frame, source: Frame) -> Frame:
        """Add the source's chroma if only luminance was optimized."""
        return with_chroma(painted, source) if self._is_gray else painted

    def _weights_at(self, time_s: float) -> tuple[float, ...]:
        rest = len(self._paintings) - self._regions
        if self._times_s:
            weights = crossfade(time_s, self._times_s)
        else:
            weights = self._config.style_mix or (1.0,) * rest
        return weights + (0.0,) * self._regions

    def _mixed(self, weights: tuple[float, ...]) -> StyleTarget:
        """Mix the paintings in their own colors; caches the latest mix."""
        if self._latest_mix is None or self._latest_mix[0] != weights:
            mixed = mix_styles(self._network, self._measured, weights, self._config)
            self._latest_mix = weights, mixed
        return self._latest_mix[1]

    def _image(self, number: int, colors: ColorStatistics) -> Tensor:
        """Return a painting, in the content's colors if ``keep_color`` asks for them.

        For luminance, its mean and deviation are matched as well.

        Source: Gatys et al. 2016, "Preserving color in neural artistic style transfer",
        sections 3.1 and 3.2. Their linear map is by Cholesky or PCA; see
        ``palette_map`` for ours and a comparison.
        """
        painting, own = self._paintings[number], self._colors[number]
        if self._is_gray:
            painting, own = luminance(painting), luminance_statistics(own)
            colors = luminance_statistics(colors)
        if self._config.keep_color != "none":
            painting = palette_map(own, colors).apply(painting)
        return frame_to_image(painting, device=self._device)


def crossfade(time_s: float, times_s: Sequence[float]) -> tuple[float, ...]:
    """Return the weight in [0, 1] of each painting at a time; they sum to 1.

    Interpolates linearly between the ascending ``times_s``, at least one, at which each
    painting has weight 1; constant before the first and after the last.
    """
    rows = np.eye(len(times_s))
    return tuple(float(np.interp(time_s, times_s, row)) for row in rows)


def reduced_painting(frame: Frame, factor: float) -> Frame:
    """Downscale a painting, but not below ``MIN_SIDE``."""
    height, width = frame.shape[:2]
    factor = max(factor, min(1.0, MIN_SIDE / min(height, width)))
    return resize_frame(
        frame, height=round(height * factor), width=round(width * factor)
    )


def working_size(
    *, height: int, width: int, long_side: int | None, what: str = "the result"
) -> tuple[int, int]:
    """Return the size at which a source is stylized; ConfigError: it is too small."""
    height, width = fit_long_side(height=height, width=width, long_side=long_side)
    if min(height, width) < MIN_SIDE:
        raise ConfigError(
            f"{what} would have {width}x{height} pixels; "
            f"each side must have at least {MIN_SIDE}."
        )
    return height, width


def working_frame(source: Frame, config: StyleConfig) -> Frame:
    """Resize a source to its working size, or raise ConfigError."""
    tall, wide, _ = source.shape
    height, width = working_size(height=tall, width=wide, long_side=config.long_side)
    return resize_frame(source, height=height, width=width)


def painting_size(
    painting: Frame, config: StyleConfig, long_side: int
) -> tuple[int, int]:
    return working_size(
        height=painting.shape[0],
        width=painting.shape[1],
        long_side=wanted_side(config, long_side),
        what="the painting",
    )


def wanted_side(config: StyleConfig, long_side: int) -> int:
    """Return the longest side wanted for paintings; they are never enlarged."""
    return config.style_side or round((config.style_scale or 1) * long_side)
