"""Images -> the pooled features of torchvision's Inception v3, where it is at hand.

It measures sets of pictures; nothing is painted with it, and nothing is downloaded. Its
weights are torchvision's, trained on ImageNet, and not those of the first program that
computed FID, so its numbers are near those of papers but not the same.
"""

from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from vidstyle.errors import WeightsError
from vidstyle.networks.published import cache_directory, check_hash, find_file
from vidstyle.networks.weights import read_tensors

URL: Final = "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth"
SHA256: Final = "0cc3c7bd"
"""The digits that the file's hash begins with, as its name says."""
SIZE_MB: Final = 109
FILE_NAME: Final = URL.rpartition("/")[2]
SIDE: Final = 299
"""Of the pictures that it was trained on."""
FIRST: Final = "Conv2d_1a_3x3.conv.weight"
"""Torchvision's name of its first weights; no other network's are called so."""
UNUSED: Final = "AuxLogits.", "fc."
"""What the names of the weights of its classifiers begin with."""


def find_inception() -> Path | None:
    """Find its weights where vidstyle or torch itself keeps files. None: not there."""
    return find_file(FILE_NAME, cache_directory())


def load_inception(path: Path, *, device: torch.device) -> "Inception":
    """Load the network onto its device.

    Raises:
        WeightsError: If the file is not the published one.
    """
    try:
        with path.open("rb") as file:
            check_hash(file, SHA256, source=str(path))
            weights = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as err:
        raise WeightsError(f"cannot read {path}: {err.strerror}.") from err
    except WeightsError as err:
        raise WeightsError(f"{err}; delete it, or fetch it again from {URL}.") from err
    return Inception(weights).to(device)


def read_inception(path: Path, *, device: torch.device) -> "Inception | None":
    """Load the network with any weights of its own, by torchvision's names.

    None: the file holds no such.

    Raises:
        WeightsError: If it cannot be read, or holds only a part of the network.
    """
    weights = read_tensors(path)
    if FIRST not in weights:
        return None
    try:
        return Inception(weights).to(device)
    except (RuntimeError, ValueError) as err:
        reason = " ".join(str(err).split())
        raise WeightsError(f"{path} does not hold Inception v3: {reason}") from err


class Inception(nn.Module):
    """Inception v3 without its classifier, frozen."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        """Build it around torchvision's weights.

        Raises:
            RuntimeError: If a weight has another shape.
            ValueError: If one is missing.
        """
        super().__init__()
        from torchvision.models import inception_v3

        self._network = inception_v3(weights=None, init_weights=False)
        found = self._network.load_state_dict(weights, strict=False)
        if missing := [one for one in found.missing_keys if not one.startswith(UNUSED)]:
            raise ValueError(f"{missing[0]} is missing.")
        self._network.fc = nn.Identity()
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        """Turn (N, 3, 299, 299) in [0, 1] into (N, 2048), means over pixels."""
        # What its first makers trained it on, and torchvision's transform_input makes
        # out of ImageNet's normalization.
        features: Tensor = self._network(images * 2 - 1)
        return features
