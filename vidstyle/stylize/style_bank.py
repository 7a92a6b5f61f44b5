"""The measured paintings of a run, and the mix and the colors that a frame follows."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

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
    """The mix of paintings that one frame follows, and its colors."""

    weights: tuple[float, ...]
    colors: ColorStatistics  # those of the frame itself, or of the shot around it


class StyleBank:
    """The paintings of a run, and how they are used."""

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
        """Measure at least one painting, each at the size in which it is taken.

        The last ``regions`` of them are those of a region. At each of ``times_s`` one
        is alone; empty: they are mixed all along.
        """
        self._regions = regions
        self._paintings = list(paintings)
        self._colors = [color_statistics(painting) for painting in paintings]
        self._network, self._config, self._device = network, config, device
        self._is_gray = config.keep_color == "luminance"
        self._times_s = tuple(times_s)
        images = [frame_to_image(painting, device=device) for painting in paintings]
        self._measured = [measure_style(network, image, config) for image in images]
        self._newest: tuple[tuple[float, ...], StyleTarget] | None = None

    def at(self, time_s: float, colors: ColorStatistics) -> FrameStyle:
        return FrameStyle(self._weights_at(time_s), colors)

    def for_region(self, region: int, colors: ColorStatistics) -> FrameStyle:
        weights = [0.0] * len(self._paintings)
        weights[len(weights) - self._regions + region] = 1.0
        return FrameStyle(tuple(weights), colors)

    def parts(
        self, frame: Frame, masks: Sequence[Mask], time_s: float
    ) -> list[tuple[FrameStyle, Mask | None]]:
        """Give each part of a frame its style; without a mask it is all of it."""
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
        """Whether there is a painting for what is in no region."""
        return len(self._paintings) > self._regions

    def plain_style(self) -> StyleTarget:
        """Mix the paintings as they are when the clip begins, in their own colors."""
        weights = self._weights_at(0)
        return self._mixed(weights if self.has_rest else (1.0,) * len(weights))

    def style(self, style: FrameStyle) -> StyleTarget:
        """Mix the paintings, in the content's colors if it is to keep them."""
        if self._config.keep_color == "none":
            return self._mixed(style.weights)
        measured = [
            measure_style(
                self._network, self._image(number, style.colors), self._config
            )
            if weight > 0
            else self._measured[number]  # in whichever colors: it leaves no trace
            for number, weight in enumerate(style.weights)
        ]
        return mix_styles(self._network, measured, style.weights, self._config)

    def strongest(self, style: FrameStyle) -> Tensor:
        """Show the painting of which there is most: (1, 3, h, w)."""
        number = max(range(len(style.weights)), key=style.weights.__getitem__)
        return self._image(number, style.colors)

    def content(self, source: Frame, style: FrameStyle) -> Frame:
        """Return the content to keep: by default in the paintings' palette."""
        if self._config.keep_color != "none" or not self._config.recolor:
            return self.to_working(source)
        palette = mix_colors(self._colors, style.weights)
        return palette_map(style.colors, palette).apply(source)

    def to_working(self, frame: Frame) -> Frame:
        """Return what of a frame is optimised: all, or its luminance."""
        return luminance(frame) if self._is_gray else frame

    def restore_chroma(self, painted: Frame, source: Frame) -> Frame:
        """Put the source's chroma back, if only luminance was optimised."""
        return with_chroma(painted, source) if self._is_gray else painted

    def _weights_at(self, time_s: float) -> tuple[float, ...]:
        rest = len(self._paintings) - self._regions
        if self._times_s:
            weights = crossfade(time_s, self._times_s)
        else:
            weights = self._config.style_mix or (1.0,) * rest
        return weights + (0.0,) * self._regions

    def _mixed(self, weights: tuple[float, ...]) -> StyleTarget:
        """Mix the paintings as they are; the newest mix is kept."""
        if self._newest is None or self._newest[0] != weights:
            mixed = mix_styles(self._network, self._measured, weights, self._config)
            self._newest = weights, mixed
        return self._newest[1]

    def _image(self, number: int, colors: ColorStatistics) -> Tensor:
        """Show a painting as it is followed, in the content's colors if it is to be.

        For luminance, its mean and deviation are matched, too.

        Source: Gatys et al. 2016, "Preserving color in neural artistic style transfer",
        sections 3.1 and 3.2. There the linear map is by Cholesky or by PCA; ours is a
        third, ``palette_map``, which says how the three compare.
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

    At each of the ascending ``times_s``, at least one, one is alone. Between two the
    one gives way to the other evenly; before the first and after the last there is
    nothing to fade.
    """
    weights = [0.0] * len(times_s)
    later = bisect_right(times_s, time_s)
    if later in {0, len(times_s)}:
        weights[max(0, later - 1)] = 1.0
        return tuple(weights)
    start_s, end_s = times_s[later - 1], times_s[later]
    weights[later] = (time_s - start_s) / (end_s - start_s)
    weights[later - 1] = 1 - weights[later]
    return tuple(weights)


def reduced_painting(frame: Frame, factor: float) -> Frame:
    """Reduce a painting as the picture is, as far as there is something to measure."""
    height, width = frame.shape[:2]
    factor = max(factor, min(1.0, MIN_SIDE / min(height, width)))
    return resize_frame(
        frame, height=round(height * factor), width=round(width * factor)
    )


def working_size(
    *, height: int, width: int, long_side: int | None, what: str = "the result"
) -> tuple[int, int]:
    """Return the height and width in which a source is painted.

    ConfigError: a side would be too short for the networks.
    """
    height, width = fit_long_side(height=height, width=width, long_side=long_side)
    if min(height, width) < MIN_SIDE:
        raise ConfigError(
            f"{what} would have {width}x{height} pixels; "
            f"each side must have at least {MIN_SIDE}."
        )
    return height, width


def working_frame(source: Frame, config: StyleConfig) -> Frame:
    """Resample a source to the size in which it is painted; as ``working_size``."""
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
    """Return the longest side that a painting is to have; it is never enlarged."""
    return config.style_side or round((config.style_scale or 1) * long_side)
