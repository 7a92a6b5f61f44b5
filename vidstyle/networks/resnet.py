"""ResNet-50 as a feature network, by VGG's names, its activations smoothed on request.

``relu1_1`` is the stem; ``relu2_1`` to ``relu5_3`` are the residual blocks of the four
stages. Sides are halved once more than in a VGG: ``relu1_1`` has half the picture's.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torchvision.models import ResNet50_Weights, resnet50

from vidstyle.errors import WeightsError
from vidstyle.networks.energy import natural_pictures
from vidstyle.networks.vgg import FeatureNetwork, Topology
from vidstyle.networks.weights import DAMAGED


class _ResNet(Topology):
    """A shape whose weights torchvision holds."""

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return nothing: no weight is ours to register."""
        return {}


RESNET50: Final = _ResNet(
    name="resnet50",
    blocks=((64,), (256,) * 3, (512,) * 4, (1024,) * 6, (2048,) * 3),
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    poolings=("max",),
)


class ResNetFeatures(FeatureNetwork):
    """A frozen ResNet-50 that hands out what it is asked for."""

    body: Any

    def __init__(self, body: nn.Module, *, smoothed: bool) -> None:
        """Build the network.

        Args:
            body: Torchvision's; held, not copied.
            smoothed: Whether features go through a softmax.
        """
        super().__init__(RESNET50, {}, pooling="max")
        self._smoothed = smoothed
        self.body = body.eval().requires_grad_(requires_grad=False)

    def forward(self, images: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Compute named features, and nothing deeper than the deepest of them.

        A layer of block b has h = H / 2**b, rounded up, or the smoothing's
        ``C*h*w * exp(F) / sum exp(F)`` over all of it: of mean 1, so that a picture's
        size does not scale it. All else is as in ``FeatureNetwork``.

        Source: Wang, Li and Vasconcelos 2021, "Rethinking and improving the robustness
        of image style transfer": residual connections make few, large activations;
        a softmax over a layer evens them out. The factor C*h*w is ours.
        """
        features = super().forward(images, layers)
        if not self._smoothed:
            return features
        return {
            layer: F.softmax(maps.flatten(1), dim=1).view_as(maps) * maps[0].numel()
            for layer, maps in features.items()
        }

    def _signals(self, signal: Tensor) -> Iterator[Tensor]:
        body = self.body
        signal = body.relu(body.bn1(body.conv1(signal)))
        yield signal
        signal = body.maxpool(signal)
        for stage in (body.layer1, body.layer2, body.layer3, body.layer4):
            for block in stage:
                signal = block(signal)
                yield signal


def random_resnet(*, seed: int, smoothed: bool) -> ResNetFeatures:
    """Build a ResNet-50 that has learned nothing.

    Its batch normalization has the statistics of drawn pictures; without them
    activations double with each block.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = resnet50(weights=None)
    for module in body.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over all that it sees
    with torch.no_grad():
        means, deviations = (
            torch.tensor(values).view(1, 3, 1, 1)
            for values in (RESNET50.mean, RESNET50.std)
        )
        body.train()((natural_pictures() - means) / deviations)
    return ResNetFeatures(body, smoothed=smoothed)


def read_resnet(path: Path, *, smoothed: bool) -> ResNetFeatures:
    """Build a ResNet-50 from torchvision's file.

    Raises:
        WeightsError: If it cannot be read, or holds something else.
    """
    body = resnet50(weights=None)
    try:
        with path.open("rb") as file:
            body.load_state_dict(
                torch.load(file, map_location="cpu", weights_only=True)
            )
    except DAMAGED as err:
        known = err.strerror if isinstance(err, OSError) else None
        reason = known or "they are damaged, or not torchvision's"
        raise WeightsError(
            f"cannot read the weights of resnet50 from {path}: {reason}."
        ) from err
    return ResNetFeatures(body, smoothed=smoothed)


def find_resnet() -> Path | None:
    """Find torchvision's file where torch keeps what it has downloaded."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    names = (version.url.rpartition("/")[2] for version in ResNet50_Weights)
    return next((folder / name for name in names if (folder / name).is_file()), None)
