"""Feed-forward painting networks: two architectures, and their files.

Most layers work at half resolution and below to be fast on a CPU; few channels are at
full resolution. The output is a residual, initially 0. Files are safetensors with a
card as metadata; nothing in them is executed.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from vidstyle.config import PainterShape
from vidstyle.errors import ConfigError, WeightsError
from vidstyle.images import write_whole

NOISE: Final = 4  # channels of noise added to the input
INPUTS: Final = 12 + NOISE  # input channels: 2x2 pixels of 3 channels each, and noise
FINE: Final = 8  # channels at full resolution
MULTIPLE: Final = 8  # sides are padded to a multiple of this

# With replicate padding, because zero padding would be visible at the border.
_conv3x3 = partial(nn.Conv2d, kernel_size=3, padding=1, padding_mode="replicate")


class _Convolution(nn.Module):
    """3x3 convolution, instance normalization and ReLU."""

    def __init__(
        self, into: int, out: int, *, stride: int = 1, relu: bool = True
    ) -> None:
        super().__init__()
        self.convolve = _conv3x3(into, out, stride=stride, bias=False)
        self.gain = nn.Parameter(torch.ones(out))
        self.bias = nn.Parameter(torch.zeros(out))
        self._relu = relu

    def forward(self, maps: Tensor) -> Tensor:
        maps = self.convolve(maps)
        # Instance normalization for a single sample, which keeps the memory layout.
        maps = F.batch_norm(maps, None, None, self.gain, self.bias, training=True)
        return F.relu(maps) if self._relu else maps


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _Convolution(channels, channels)
        self.second = _Convolution(channels, channels, relu=False)
        nn.init.zeros_(self.second.gain)

    def forward(self, maps: Tensor) -> Tensor:
        change: Tensor = self.second(self.first(maps))
        return maps + change


class _Residual(nn.Module):
    """Residual blocks at a quarter of the resolution.

    Source: Johnson et al. 2016, "Perceptual losses for real-time style transfer and
    super-resolution"; resize-convolution: Odena et al. 2016.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.at_half = _Convolution(INPUTS, channels)
        self.at_quarter = _Convolution(channels, 2 * channels, stride=2)
        self.blocks = nn.Sequential(*(_Block(2 * channels) for _ in range(4)))
        self.back = _Convolution(2 * channels, channels)

    def forward(self, maps: Tensor) -> Tensor:
        maps = self.blocks(self.at_quarter(self.at_half(maps)))
        output: Tensor = self.back(_doubled(maps))
        return output


class _UNet(nn.Module):
    """Residual blocks at an eighth of the resolution, with skip connections.

    Source: Ronneberger et al. 2015, "U-Net".
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        one, two, four = channels, 2 * channels, 4 * channels
        self.at_half = _Convolution(INPUTS, one)
        self.at_quarter = nn.Sequential(
            _Convolution(one, two, stride=2), _Convolution(two, two)
        )
        self.at_eighth = nn.Sequential(
            _Convolution(two, four, stride=2), _Block(four), _Block(four)
        )
        self.from_eighth = _Convolution(four, two)
        self.from_quarter = nn.Sequential(
            _Convolution(four, two), _Convolution(two, one)
        )
        self.back = _Convolution(two, one)

    def forward(self, maps: Tensor) -> Tensor:
        half = self.at_half(maps)
        quarter = self.at_quarter(half)
        eighth = self.from_eighth(self.at_eighth(quarter))
        maps = self.from_quarter(torch.cat([_doubled(eighth), quarter], dim=1))
        output: Tensor = self.back(torch.cat([_doubled(maps), half], dim=1))
        return output


def _noise(maps: Tensor) -> Tensor:
    """Draw noise from which strokes can grow in uniform areas; the same in every frame.

    Source: Ulyanov et al. 2016, "Texture networks".
    """
    height, width = maps.shape[-2:]
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, NOISE, height, width, generator=generator).to(maps.device)


def _doubled(maps: Tensor) -> Tensor:
    """Upsample by 2, bilinearly: nearest and pixel shuffle leave a grid."""
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


_SHAPES: Final = {"residual": _Residual, "unet": _UNet}


class PaintingNetwork(nn.Module):
    """Maps a content image to a stylized one.

    Attributes:
        card: Metadata by name: how it was trained, and for what.
    """

    def __init__(self, shape: PainterShape = "residual", channels: int = 24) -> None:
        """Initialize as the identity."""
        super().__init__()
        self.card = {"shape": shape, "channels": str(channels)}
        self.core = _SHAPES[shape](channels)
        self.narrow, self.fine = _Convolution(channels, FINE), _Convolution(FINE, FINE)
        self.end = _conv3x3(FINE, 3)
        nn.init.zeros_(self.end.weight)
        nn.init.zeros_(self.end.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)

    def forward(self, image: Tensor) -> Tensor:
        """Stylize one image (1, 3, H, W) in [0, 1]; the result may exceed the range."""
        height, width = image.shape[-2:]
        padded = F.pad(
            image, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate"
        )
        maps = F.pixel_unshuffle(padded - 0.5, 2)  # (1, 12, H / 2, W / 2)
        maps = torch.cat([maps, _noise(maps)], dim=1)
        maps = self.core(maps.contiguous(memory_format=torch.channels_last))
        maps = self.fine(_doubled(self.narrow(maps)))
        painted: Tensor = padded + self.end(maps)
        return painted[..., :height, :width]


def write_painter(path: Path, painter: PaintingNetwork) -> None:
    """Write a network and its card atomically, or raise OutputError."""
    write_whole(path, pack(painter.state_dict(), painter.card))


def pack(tensors: Mapping[str, Tensor], card: Mapping[str, str]) -> bytes:
    """Serialize to a safetensors file."""
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    return save(contiguous, dict(card))


def read_painter(
    path: Path, device: torch.device, wanted: Mapping[str, str] = MappingProxyType({})
) -> PaintingNetwork:
    """Read a file of ``write_painter`` whose card has at least the ``wanted`` entries.

    WeightsError: it is not such a file; ConfigError: its card differs.
    """
    tensors, card = read_safetensors(path)
    try:
        with torch.random.fork_rng(devices=[]):  # for weights that are replaced
            painter = PaintingNetwork(card["shape"], int(card["channels"]))  # type: ignore[arg-type]
        painter.load_state_dict(tensors)
    except (KeyError, ValueError, RuntimeError) as err:
        raise WeightsError(
            f"{path} is not a painting network; name a file from --save-network."
        ) from err
    painter.card = dict(card)
    for name, value in wanted.items():
        if card.get(name) != value:
            raise ConfigError(
                f"{path} was trained with another {name}; use the painting and color "
                "settings that it was trained with."
            )
    return painter.to(device)


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """Read a file's tensors by name and its metadata, or raise WeightsError."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in [*file.keys()]}
            return tensors, file.metadata() or {}
    except OSError as err:
        raise WeightsError(f"cannot read {path}: {err.strerror or err}.") from err
    except SafetensorError as err:
        raise WeightsError(f"{path} is damaged or not a safetensors file.") from err
