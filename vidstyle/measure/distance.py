"""How far a picture is from a painting and from what it shows: images in, numbers out.

The same relative errors that the optimisation makes small, in a network and layers that
are always the same, so that results of other settings can be compared.
"""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import torch

from vidstyle.config import DeviceName, NetworkName, StyleConfig
from vidstyle.devices import choose_device, memory_errors_named
from vidstyle.images import fit_long_side, frame_to_image, read_picture, resize_frame
from vidstyle.networks.load import load_network
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.records import Frame, Listener
from vidstyle.style.losses import gram_matrix, squared_error
from vidstyle.style.targets import ContentTarget, content_target, shares, style_target


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
    """Load the network that computes the features.

    Args:
        network: Its name. None: slim, or the one that the weights fit.
        weights: A file of them, instead of the built-in or published ones.
        device: Where it computes.
        listener: Is told of a download, and what ``auto`` or a file chose.
        layers: That it must have.

    Raises:
        ConfigError: If the device is not there.
        WeightsError: If the network's weights are not to be had.
    """
    name: NetworkName = network or ("slim" if weights is None else "auto")
    computing = choose_device(device)
    loaded = load_network(
        name,
        device=computing,
        layers=layers,
        weights=weights,
        listener=listener,
    )
    return Ruler(loaded, computing)


class DistanceMeter:
    """Measures how far frames are from one painting and from their sources."""

    def __init__(self, painting: Path, ruler: Ruler, *, long_side: int) -> None:
        """Measure the painting.

        Args:
            painting: Its file.
            ruler: Computes the features.
            long_side: Of the frames; the painting is made no larger.

        Raises:
            ImageOpenError: If the painting cannot be read.
            ConfigError: If it is too small.
        """
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
        """Measure the next frame of a clip.

        Args:
            stylized: The painted frame.
            content: The source's, of the same shape.
            begins_shot: Whether it is the first frame of a shot.

        Returns:
            Of the painted frame, and of the source's own.
        """
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
        style_shares = shares(self._config.style_layers)
        content_shares = shares(self._config.content_layers)
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
