"""How far a picture is from a painting and from what it shows: frames in, numbers out.

Distances are the relative errors that the optimisation makes small, in a network and
layers that are always the same, so that results of other settings can be compared.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from vidstyle.config import DeviceName, NetworkName, StyleConfig
from vidstyle.devices import choose_device, memory_errors_named
from vidstyle.errors import InputError
from vidstyle.images import fit_long_side, frame_to_image, read_picture, resize_frame
from vidstyle.measure import MeasureConfig
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

MOST_STRETCH: Final = 0.1  # to the result's shape: rounding a tiny one's sides is less
LUMA: Final = 0.2126, 0.7152, 0.0722  # weights of red, green and blue in BT.709
WINDOW: Final = 11  # side of the window of SSIM, in pixels
SIGMA: Final = 1.5  # its standard deviation
K1: Final = 0.01  # of the full range; these two keep the fractions of SSIM stable
K2: Final = 0.03

Number = float | None
Pair = Sequence[Number]  # of the result, and of its content; None: it has none
Facts = dict[str, Any]  # values of JSON, and paths, by their names
Size = tuple[int, int]  # height and width, in pixels


def ratio(one: Number, other: Number) -> Number:
    """Divide. None: there is nothing to divide, or by."""
    return one / other if one is not None and other else None


def compare(result: Number, content: Number) -> Facts:
    return {"result": result, "content": content, "ratio": ratio(result, content)}


def series(frames: Sequence[Number]) -> Facts:
    """Sum up one number for every frame: the mean over those that have one, the drift.

    That is the last by the second: the first frame has none to follow.
    """
    known = [value for value in frames if value is not None]
    drift = ratio(frames[-1], frames[1]) if frames[1:] else None
    return {"mean": fmean(known) if known else None, "drift": drift, "frames": frames}


def collect(rows: Sequence[Mapping[str, Pair]]) -> dict[str, Facts]:
    """Turn what was measured of each frame, by name, into two series for each name."""
    facts = dict[str, Facts]()
    for name in dict.fromkeys(name for row in rows for name in row):
        pairs = [row.get(name, (None, None)) for row in rows]
        result, content = (series([pair[side] for pair in pairs]) for side in (0, 1))
        facts[name] = {
            "result": result,
            "content": content,
            "ratio": ratio(result["mean"], content["mean"]),
            "drift_ratio": ratio(result["drift"], content["drift"]),
        }
    return facts


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
        self.stretched = resize_frame(picture, height=height, width=width)
        tall, wide, _ = picture.shape
        long_side = max(height, width)
        tall, wide = fit_long_side(height=tall, width=wide, long_side=long_side)
        picture = resize_frame(picture, height=tall, width=wide)
        image = frame_to_image(picture, device=self._device)
        with memory_errors_named(f"a painting of {wide}x{tall}"):
            self._style = style_target(network, image, self._config)
        self._content: ContentTarget | None = None

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


def make_meter(
    config: MeasureConfig, listener: Listener, *, height: int, width: int
) -> FrameMeter | None:
    """Load the network and measure the painting. None: there is none."""
    if config.style is None:
        return None
    name, weights, device = config.network, config.weights, config.device
    network = load_distance_network(
        name, weights=weights, device=device, listener=listener
    )
    return FrameMeter(config.style, network, height=height, width=width)


def measure_frame(
    stylized: Frame, content: Frame, meter: FrameMeter | None, *, begins_shot: bool
) -> dict[str, Pair]:
    """Compare the next frame with its source of the same shape, and with a painting.

    For ``style_mse`` the painting is stretched to the frame.
    """
    both = stylized, content
    measured: dict[str, Pair] = {
        "content_mse": (mean_squared_error(*both), 0.0),
        "content_ssim": (structural_similarity(*both), 1.0),
    }
    if meter is not None:
        ours, theirs = meter.distances(*both, begins_shot=begins_shot)
        mse = [mean_squared_error(frame, meter.stretched) for frame in both]
        measured["style_mse"] = mse
        measured["style_distance"] = ours.style, theirs.style
        measured["content_distance"] = ours.content, theirs.content
    return measured


def mean_squared_error(one: Frame, other: Frame) -> float:
    """Average the squared difference of values in [0, 1], over pixels and colors."""
    _check_same(one, other)
    difference = one.astype(np.int32) - other
    return float(np.square(difference).mean()) / 255**2


def structural_similarity(one: Frame, other: Frame) -> float:
    """Compare the luma of two frames window by window: SSIM, at most 1.

    The mean is over all windows of 11x11 pixels that lie inside of the frame.

    Source: Wang, Bovik, Sheikh and Simoncelli 2004, "Image quality assessment", eq. 13
    and section III-C. Luma is BT.709's; the frame is not made smaller first, as their
    later program does with large ones.
    """
    _check_same(one, other)
    if min(one.shape[:2]) < WINDOW:
        raise ValueError(f"SSIM needs at least {WINDOW} pixels per side.")
    x, y = (torch.from_numpy(luma(frame)) for frame in (one, other))  # (H, W)
    mean_x, mean_y, xx, yy, xy = _blur(torch.stack([x, y, x * x, y * y, x * y]))
    between = xy - mean_x * mean_y
    variances = xx - mean_x**2 + yy - mean_y**2
    lightness = (2 * mean_x * mean_y + K1**2) / (mean_x**2 + mean_y**2 + K1**2)
    structure = (2 * between + K2**2) / (variances + K2**2)
    return float((lightness * structure).mean())


def mean_luminance(frame: Frame) -> float:
    """Average the luma of a frame, in [0, 1]."""
    return float(luma(frame).mean())


def mean_squared_gradient(frame: Frame) -> float:
    """Average the squared differences of neighbours down and across, added up.

    Over pixels and colors, in squared full ranges a pixel: what a picture misses itself
    by when it is moved by one pixel down and, as a second picture, across.
    """
    values = frame.astype(np.float32) / 255
    down, across = np.diff(values, axis=0), np.diff(values, axis=1)
    return float(np.square(down).mean() + np.square(across).mean())


def mean_gradient(frame: Frame) -> float:
    """Average the length of luma's gradient, in full ranges a pixel.

    From one pixel to its right and to its lower neighbor, so without the last row and
    column.
    """
    levels = luma(frame)  # (H, W)
    right = np.diff(levels, axis=1)[:-1]
    down = np.diff(levels, axis=0)[:, :-1]
    return float(np.hypot(right, down).mean())


def luma(frame: Frame) -> npt.NDArray[np.float64]:
    """Weigh the colors: (H, W) in [0, 1]."""
    return np.asarray(frame @ np.array(LUMA) / 255)


def _check_same(one: Frame, other: Frame) -> None:
    if one.shape != other.shape:
        raise ValueError(f"{one.shape} and {other.shape} differ; resize one of them.")


def _blur(maps: Tensor) -> Tensor:
    """Weigh each window of (K, H, W) by a Gaussian: (K, H - 10, W - 10)."""
    places = torch.arange(WINDOW, dtype=maps.dtype) - WINDOW // 2
    weights = torch.exp(-places.square() / (2 * SIGMA**2))
    weights = weights / weights.sum()
    rows = F.conv2d(maps.unsqueeze(1), weights.view(1, 1, 1, -1))
    return F.conv2d(rows, weights.view(1, 1, -1, 1)).squeeze(1)
