"""Metrics of a still or a frame: distances to the painting and to the content.

Distances are the relative errors that the optimization minimizes, but always with the
same network and layers, so that results of different settings can be compared.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from vidstyle.config import MIN_SIDE, StyleConfig
from vidstyle.devices import choose_device, memory_errors_named
from vidstyle.errors import InputError
from vidstyle.images import frame_to_image, read_picture, resize_frame, shrink_to
from vidstyle.measure import MeasureConfig
from vidstyle.networks import load_network
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.losses import gram_matrix, squared_error
from vidstyle.optimize.targets import (
    ContentTarget,
    content_target,
    normalized_weights,
    style_target,
)
from vidstyle.records import Frame, Listener

MOST_STRETCH: Final = 0.1  # in aspect ratio; more than rounding the sides can cause
LUMA: Final = 0.2126, 0.7152, 0.0722  # BT.709 weights of R, G and B
WINDOW: Final = 11  # side of SSIM's Gaussian window, in pixels
SIGMA: Final = 1.5  # its standard deviation, in pixels
K1: Final = 0.01  # SSIM's stabilizing constants, for values in [0, 1]
K2: Final = 0.03

Number = float | None
Pair = Sequence[Number]  # (result, content); None: not measured
Facts = dict[str, Any]  # JSON values, and paths
Size = tuple[int, int]  # height and width, in pixels


def ratio(dividend: Number, divisor: Number) -> Number:
    """Divide; None if a value is missing, or the divisor is 0."""
    return dividend / divisor if dividend is not None and divisor else None


def compare(result: Number, content: Number) -> Facts:
    return {"result": result, "content": content, "ratio": ratio(result, content)}


def check_shapes(result: Path, shape: Size, content: Path, other: Size) -> None:
    """Raise InputError if the aspect ratios of a result and its content differ."""
    (height, width), (tall, wide) = shape, other
    stretch = width * tall / (height * wide)
    if not 1 - MOST_STRETCH < stretch < 1 + MOST_STRETCH:
        raise InputError(
            f"{result} is {width}x{height}, but {content} is {wide}x{tall}; name the "
            "content that it was painted from."
        )


def measure_still(result: Path, config: MeasureConfig, listener: Listener) -> Facts:
    """Compare a stylized picture with its content and, with ``style``, its painting.

    The content may be of any size. InputError: the aspect ratios differ, or the picture
    is too small.
    """
    stylized, source = read_picture(result), read_picture(config.content)
    height, width, _ = stylized.shape
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"{result} is {width}x{height}; a picture needs at least {MIN_SIDE} pixels "
            "per side to be measured."
        )
    check_shapes(result, (height, width), config.content, source.shape[:2])
    source = resize_frame(source, height=height, width=width)
    meter = make_meter(config, listener, height=height, width=width)
    measured = measure_frame(stylized, source, meter, begins_shot=True)
    return {
        "result": result,
        "content": config.content,
        "width": width,
        "height": height,
        "network": meter.network.name if meter else None,
        **{name: compare(*pair) for name, pair in measured.items()},
    }


def load_distance_network(
    config: MeasureConfig, listener: Listener, layers: Collection[str] = ()
) -> FeatureNetwork:
    """Load the network whose features are compared; it has at least ``layers``.

    Without a name: slim or, with ``weights``, the network that they fit.
    """
    return load_network(
        config.network or ("slim" if config.weights is None else "auto"),
        device=choose_device(config.device),
        layers=layers,
        weights=config.weights,
        listener=listener,
    )


class Distances(NamedTuple):
    """Relative distances of a frame; 0 is identical."""

    style: float
    """To the painting: ``|G - A|^2 / |A|^2``, weighted mean over the style layers."""
    content: float
    """To the content frame: ``|F - P|^2``, weighted mean over the content layers,
    divided by ``|P|^2`` of the shot's first frame."""


class FrameMeter:
    """Measures the distances of frames of one size to a painting and their content."""

    def __init__(
        self, painting: Path, network: FeatureNetwork, *, height: int, width: int
    ) -> None:
        """Compute the painting's statistics, scaled down to the frames' long side."""
        self.network, self._config = network, StyleConfig(content_detail=0)
        self._device = network.mean.device
        picture = read_picture(painting)
        self.stretched = resize_frame(picture, height=height, width=width)
        picture = shrink_to(picture, max(height, width))
        tall, wide, _ = picture.shape
        image = frame_to_image(picture, device=self._device)
        with memory_errors_named(f"a painting of {wide}x{tall}"):
            self._style = style_target(network, image, self._config)
        self._content: ContentTarget | None = None

    def distances(
        self, stylized: Frame, content: Frame, *, begins_shot: bool
    ) -> tuple[Distances, Distances]:
        """Measure a clip's next frame: the stylized one, and the content itself."""
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
    """Create the meter for the configured painting; None: without ``style``."""
    if config.style is None:
        return None
    network = load_distance_network(config, listener)
    return FrameMeter(config.style, network, height=height, width=width)


def measure_frame(
    stylized: Frame, content: Frame, meter: FrameMeter | None, *, begins_shot: bool
) -> dict[str, Pair]:
    """Compare a clip's next frame with its content and, given a meter, its painting.

    Both frames have one shape. For ``style_mse`` the painting is stretched to it.
    """
    both = stylized, content
    metrics: dict[str, Pair] = {
        "content_mse": (mean_squared_error(*both), 0.0),
        "content_ssim": (structural_similarity(*both), 1.0),
    }
    if meter is not None:
        of_result, of_content = meter.distances(*both, begins_shot=begins_shot)
        mse = [mean_squared_error(frame, meter.stretched) for frame in both]
        metrics["style_mse"] = mse
        metrics["style_distance"] = of_result.style, of_content.style
        metrics["content_distance"] = of_result.content, of_content.content
    return metrics


def mean_squared_error(a: Frame, b: Frame) -> float:
    """Return the MSE over pixels and channels, for values in [0, 1]."""
    _check_same(a, b)
    difference = a.astype(np.int32) - b
    return float(np.square(difference).mean()) / 255**2


def structural_similarity(a: Frame, b: Frame) -> float:
    """Return the SSIM of two frames' luma, at most 1.

    The mean over all 11x11 windows that lie inside the frame.

    Source: Wang, Bovik, Sheikh and Simoncelli 2004, "Image quality assessment", eq. 13
    and section III-C. Luma is BT.709's; large frames are not downsampled first, as in
    their later program.
    """
    _check_same(a, b)
    if min(a.shape[:2]) < WINDOW:
        raise ValueError(f"SSIM needs at least {WINDOW} pixels per side.")
    x, y = (torch.from_numpy(luma(frame)) for frame in (a, b))  # (H, W)
    mean_x, mean_y, xx, yy, xy = _blur(torch.stack([x, y, x * x, y * y, x * y]))
    covariance = xy - mean_x * mean_y
    variances = xx - mean_x**2 + yy - mean_y**2
    lightness = (2 * mean_x * mean_y + K1**2) / (mean_x**2 + mean_y**2 + K1**2)
    structure = (2 * covariance + K2**2) / (variances + K2**2)
    return float((lightness * structure).mean())


def mean_luminance(frame: Frame) -> float:
    """Return the mean luma, in [0, 1]."""
    return float(luma(frame).mean())


def mean_squared_gradient(frame: Frame) -> float:
    """Return the mean squared difference of vertical plus horizontal neighbors.

    The mean is over pixels and channels, for values in [0, 1]: the sum of the picture's
    errors to itself when shifted by one pixel down, and by one across.
    """
    values = frame.astype(np.float32) / 255
    down, across = np.diff(values, axis=0), np.diff(values, axis=1)
    return float(np.square(down).mean() + np.square(across).mean())


def mean_gradient(frame: Frame) -> float:
    """Return the mean magnitude of luma's gradient, for values in [0, 1].

    Forward differences to the right and down, without the last row and column.
    """
    levels = luma(frame)  # (H, W)
    right = np.diff(levels, axis=1)[:-1]
    down = np.diff(levels, axis=0)[:, :-1]
    return float(np.hypot(right, down).mean())


def luma(frame: Frame) -> npt.NDArray[np.float64]:
    """Compute BT.709 luma: (H, W) in [0, 1]."""
    return np.asarray(frame @ np.array(LUMA) / 255)


def _check_same(a: Frame, b: Frame) -> None:
    if a.shape != b.shape:
        raise ValueError(f"{a.shape} and {b.shape} differ; resize one of them.")


def _blur(maps: Tensor) -> Tensor:
    """Filter (K, H, W) with SSIM's Gaussian window: (K, H - 10, W - 10)."""
    offsets = torch.arange(WINDOW, dtype=maps.dtype) - WINDOW // 2
    weights = torch.exp(-offsets.square() / (2 * SIGMA**2))
    weights = weights / weights.sum()
    rows = F.conv2d(maps.unsqueeze(1), weights.view(1, 1, 1, -1))
    return F.conv2d(rows, weights.view(1, 1, -1, 1)).squeeze(1)
