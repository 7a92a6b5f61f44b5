"""How far a picture is from a painting and from what it shows: frames in, numbers out.

Distances are the relative errors that the optimisation makes small, in a network and
layers that are always the same, so that results of other settings can be compared.
"""

from collections.abc import Collection, Mapping, Sequence
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
    """Put two numbers beside their ratio. None: there is nothing to divide, or by."""
    ratio = result / content if result is not None and content else None
    return result, content, ratio


class Series(NamedTuple):
    """One number for every frame; None where a frame has none."""

    frames: list[float | None]

    @property
    def mean(self) -> float | None:
        """Over the frames that have one."""
        known = [value for value in self.frames if value is not None]
        return fmean(known) if known else None

    @property
    def drift(self) -> float | None:
        """The last frame's by the second's: the first has no frame to follow."""
        return compare(self.frames[-1], self.frames[1])[2] if self.frames[1:] else None


class Quantity(NamedTuple):
    """The same measure of a result and of its content."""

    result: Series
    content: Series

    @property
    def means(self) -> Compared:
        """Over the frames."""
        return compare(self.result.mean, self.content.mean)

    @property
    def drifts(self) -> Compared:
        """From the second frame to the last."""
        return compare(self.result.drift, self.content.drift)


def collect(
    rows: Sequence[Mapping[str, Sequence[float | None]]],
) -> dict[str, Quantity]:
    """Turn each frame's numbers by name, the result's before the content's, around."""
    names = dict.fromkeys(name for row in rows for name in row)
    none = None, None
    return {
        name: Quantity(
            Series([row.get(name, none)[0] for row in rows]),
            Series([row.get(name, none)[1] for row in rows]),
        )
        for name in names
    }


Size = tuple[int, int]
"""Height and width, in pixels."""


def is_stretched(result: Size, content: Size) -> bool:
    """Whether two differ in their aspect ratio."""
    (height, width), (tall, wide) = result, content
    stretch = width * tall / (height * wide)
    return not 1 - MOST_STRETCH < stretch < 1 + MOST_STRETCH


def check_shapes(result: Path, shape: Size, content: Path, other: Size) -> None:
    """Check that a result and its content have the same aspect ratio."""
    if is_stretched(shape, other):
        (height, width), (tall, wide) = shape, other
        raise InputError(
            f"{result} is {width}x{height}, but {content} is {wide}x{tall}: it was not "
            "painted from that."
        )


def load_distance_network(
    name: NetworkName | None,
    *,
    weights: Path | None = None,
    device: DeviceName,
    listener: Listener,
    layers: Collection[str] = (),
) -> FeatureNetwork:
    """Load a network, with some layers at least, whose features are compared.

    Without a name it is slim, or the one that the file of weights fits.
    """
    return load_network(
        name or ("slim" if weights is None else "auto"),
        device=choose_device(device),
        layers=layers,
        weights=weights,
        listener=listener,
    )


class Distances(NamedTuple):
    """From one picture; 0 is no distance."""

    style: float
    """To the painting: ``|G - A|^2 / |A|^2``, weighted mean over the style layers."""
    content: float
    """To what it shows: ``|F - P|^2``, weighted mean over the content layers, by
    ``|P|^2`` of the shot's first frame."""


class FrameMeter:
    """Measures how far frames of one size are from one painting and their sources."""

    def __init__(
        self, painting: Path, network: FeatureNetwork, *, height: int, width: int
    ) -> None:
        """Measure the painting, made no larger than the frames."""
        self.network, self._config = network, StyleConfig(content_detail=0)
        self._device = network.mean.device
        picture = read_picture(painting)
        self._stretched = resize_frame(picture, height=height, width=width)
        tall, wide = fit_long_side(
            height=picture.shape[0],
            width=picture.shape[1],
            long_side=max(height, width),
        )
        picture = resize_frame(picture, height=tall, width=wide)
        image = frame_to_image(picture, device=self._device)
        with memory_errors_named(f"a painting of {wide}x{tall}"):
            self._style = style_target(network, image, self._config)
        self._content: ContentTarget | None = None

    def measure(
        self, stylized: Frame, content: Frame, *, begins_shot: bool
    ) -> dict[str, tuple[float, float]]:
        """Measure the next frame by ``style_mse`` and the names of its distances."""
        ours, theirs = self.distances(stylized, content, begins_shot=begins_shot)
        return {
            "style_mse": (
                mean_squared_error(stylized, self._stretched),
                mean_squared_error(content, self._stretched),
            ),
            "style_distance": (ours.style, theirs.style),
            "content_distance": (ours.content, theirs.content),
        }

    def distances(
        self, stylized: Frame, content: Frame, *, begins_shot: bool
    ) -> tuple[Distances, Distances]:
        """Measure the next frame of a clip, the painted one and the source's own."""
        energies = None
        if self._content is not None and not begins_shot:
            energies = self._content.energies
        image = frame_to_image(content, device=self._device)
        with memory_errors_named("a frame of {1}x{0}".format(*content.shape)):
            target = content_target(self.network, image, self._config, energies)
            self._content = target
            return self._distances(stylized, target), self._distances(content, target)

    @torch.no_grad()
    def _distances(self, frame: Frame, content: ContentTarget) -> Distances:
        style_layers = normalized_weights(self._config.style_layers)
        content_layers = normalized_weights(self._config.content_layers)
        image = frame_to_image(frame, device=self._device)
        features = self.network(image, {*style_layers, *content_layers})
        to_style = to_content = 0.0
        for layer, weight in style_layers.items():
            gram = gram_matrix(features[layer])
            error = squared_error(gram, self._style.statistics[layer]).item()
            to_style += weight * error / self._style.energies[layer]
        for layer, weight in content_layers.items():
            error = squared_error(features[layer], content.features[layer]).item()
            to_content += weight * error / content.energies[layer]
        return Distances(to_style, to_content)


def measure_frame(
    stylized: Frame, content: Frame, meter: FrameMeter | None, *, begins_shot: bool
) -> dict[str, tuple[float, float]]:
    """Compare the next frame with its source of the same shape, and with a painting.

    Returns:
        By name the painted frame's number, and the source's own: ``content_mse``
        and ``content_ssim`` and, with a painting, ``style_mse`` against the
        painting stretched to the frame, ``style_distance``, ``content_distance``.
    """
    measured = {
        "content_mse": (mean_squared_error(stylized, content), 0.0),
        "content_ssim": (structural_similarity(stylized, content), 1.0),
    }
    if meter is not None:
        measured |= meter.measure(stylized, content, begins_shot=begins_shot)
    return measured
