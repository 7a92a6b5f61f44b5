"""How far a picture is from a painting and from what it shows: frames in, numbers out.

Distances are the relative errors that the optimisation makes small, in a network and
layers that are always the same, so that results of other settings can be compared.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import torch

from vidstyle.config import DeviceName, NetworkName, StyleConfig
from vidstyle.devices import choose_device, memory_errors_named
from vidstyle.errors import InputError
from vidstyle.images import fit_long_side, frame_to_image, read_picture, resize_frame
from vidstyle.measure.pixels import mean_squared_error, structural_similarity
from vidstyle.networks.load import load_network
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.losses import gram_matrix, squared_error
from vidstyle.optimize.targets import (
    ContentTarget,
    content_target,
    normalized_weights,
    style_target,
)
from vidstyle.records import Frame, Listener

MOST_STRETCH = 0.1
"""Of the content to the result's shape: rounding a tiny one's sides takes less."""

Compared = tuple[float | None, float | None, float | None]
"""The result's number, the content's, and the first by the second."""


def compare(result: float | None, content: float | None) -> Compared:
    """Put two numbers beside their ratio."""
    return result, content, _divide(result, content)


def _divide(one: float | None, other: float | None) -> float | None:
    """Divide one number by another. None: there is nothing to divide, or by."""
    return one / other if one is not None and other else None


@dataclass(frozen=True, slots=True)
class Series:
    """One number for every frame."""

    frames: list[float | None] = field(default_factory=list)
    """None where a frame has none."""

    @property
    def mean(self) -> float | None:
        """Over the frames that have one."""
        known = [value for value in self.frames if value is not None]
        return fmean(known) if known else None

    @property
    def drift(self) -> float | None:
        """The last frame's by the second's: the first has no frame to follow."""
        return _divide(self.frames[-1], self.frames[1]) if self.frames[1:] else None


@dataclass(frozen=True, slots=True)
class Quantity:
    """The same measure of a result and of its content."""

    result: Series = field(default_factory=Series)
    content: Series = field(default_factory=Series)

    @property
    def means(self) -> Compared:
        """Over the frames."""
        return compare(self.result.mean, self.content.mean)

    @property
    def drifts(self) -> Compared:
        """From the second frame to the last."""
        return compare(self.result.drift, self.content.drift)

    def add(self, result: float | None, content: float | None) -> None:
        """Append the next frame's."""
        self.result.frames.append(result)
        self.content.frames.append(content)


def check_shapes(
    result: Path,
    result_shape: tuple[int, ...],
    content: Path,
    content_shape: tuple[int, ...],
) -> None:
    """Check that two have the same aspect ratio; shapes are (height, width)."""
    (height, width), (tall, wide) = result_shape, content_shape
    stretch = width * tall / (height * wide)
    if not 1 - MOST_STRETCH < stretch < 1 + MOST_STRETCH:
        raise InputError(
            f"{result} is {width}x{height}, but {content} is {wide}x{tall}: it was not "
            "painted from that."
        )


class Distances(NamedTuple):
    """From one picture; 0 is no distance."""

    style: float
    """To the painting: ``|G - A|^2 / |A|^2``, weighted mean over the style layers."""
    content: float
    """To what it shows: ``|F - P|^2``, weighted mean over the content layers, by
    ``|P|^2`` of the shot's first frame."""


class Ruler(NamedTuple):
    """What distances are measured with: a network, on its device."""

    network: FeatureNetwork
    device: torch.device


def load_ruler(
    network: NetworkName | None,
    *,
    weights: Path | None = None,
    device: DeviceName,
    listener: Listener,
    layers: Collection[str] = (),
) -> Ruler:
    """Load the network that computes the features, and check that it has some layers.

    Without a name it is slim, or the one that the file of weights fits.
    """
    name: NetworkName = network or ("slim" if weights is None else "auto")
    computing = choose_device(device)
    loaded = load_network(
        name, device=computing, layers=layers, weights=weights, listener=listener
    )
    return Ruler(loaded, computing)


class DistanceMeter:
    """Measures how far frames are from one painting and from their sources."""

    def __init__(self, painting: Path, ruler: Ruler, *, long_side: int) -> None:
        """Measure the painting, made no larger than the frames."""
        self._config = StyleConfig()
        self._network, self._device = ruler
        picture = read_picture(painting)
        height, width = fit_long_side(
            height=picture.shape[0], width=picture.shape[1], long_side=long_side
        )
        picture = resize_frame(picture, height=height, width=width)
        image = frame_to_image(picture, device=self._device)
        with memory_errors_named(f"a painting of {width}x{height}"):
            self._style = style_target(self._network, image, self._config)
        self._content: ContentTarget | None = None

    def measure(
        self, stylized: Frame, content: Frame, *, begins_shot: bool
    ) -> tuple[Distances, Distances]:
        """Measure the next frame of a clip, the painted one and the source's own."""
        energies = None
        if self._content is not None and not begins_shot:
            energies = self._content.energies
        image = frame_to_image(content, device=self._device)
        with memory_errors_named("a frame of {1}x{0}".format(*content.shape)):
            self._content = content_target(self._network, image, self._config, energies)
            return self._distances(stylized), self._distances(content)

    @torch.no_grad()
    def _distances(self, frame: Frame) -> Distances:
        assert self._content is not None  # noqa: S101  # ``measure`` has set it
        style_shares = normalized_weights(self._config.style_layers)
        content_shares = normalized_weights(self._config.content_layers)
        image = frame_to_image(frame, device=self._device)
        features = self._network(image, {*style_shares, *content_shares})
        style = content = 0.0
        for layer, share in style_shares.items():
            gram = gram_matrix(features[layer])
            error = squared_error(gram, self._style.statistics[layer]).item()
            style += share * error / self._style.energies[layer]
        for layer, share in content_shares.items():
            error = squared_error(features[layer], self._content.features[layer]).item()
            content += share * error / self._content.energies[layer]
        return Distances(style, content)


class FrameMeter:
    """Compares frames of one size with their sources and with one painting."""

    def __init__(
        self, style: Path | None, ruler: Ruler | None, *, height: int, width: int
    ) -> None:
        """Measure the painting. Without one, and a ruler, there are no distances."""
        self._painting: Frame | None = None
        self._meter: DistanceMeter | None = None
        if style is not None and ruler is not None:
            picture = read_picture(style)
            self._painting = resize_frame(picture, height=height, width=width)
            self._meter = DistanceMeter(style, ruler, long_side=max(height, width))

    def measure(
        self, stylized: Frame, content: Frame, *, begins_shot: bool
    ) -> dict[str, tuple[float, float]]:
        """Measure the next frame, and its source of the same shape.

        Returns:
            By name the painted frame's number, and the source's own: ``content_mse``
            and ``content_ssim`` and, with a painting, ``style_mse`` against the
            painting stretched to the frame, ``style_distance``, ``content_distance``.
        """
        measured = {
            "content_mse": (mean_squared_error(stylized, content), 0.0),
            "content_ssim": (structural_similarity(stylized, content), 1.0),
        }
        if self._painting is None or self._meter is None:
            return measured
        ours, theirs = self._meter.measure(stylized, content, begins_shot=begins_shot)
        return {
            **measured,
            "style_mse": (
                mean_squared_error(stylized, self._painting),
                mean_squared_error(content, self._painting),
            ),
            "style_distance": (ours.style, theirs.style),
            "content_distance": (ours.content, theirs.content),
        }
