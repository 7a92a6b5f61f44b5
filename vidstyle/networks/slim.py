"""The built-in network: VGG-16's shape up to relu5_1 at a quarter of its width.

Its weights lie in the package, in half precision, so that a fresh machine needs no
download. Each channel has a mean activation of 1 over photographs.
"""

import io
import zipfile
import zlib
from importlib.resources import files
from typing import Final

import numpy as np
import torch
from torch import Tensor

from vidstyle.config import Pooling
from vidstyle.errors import WeightsError
from vidstyle.networks.vgg import FeatureNetwork, Topology

SLIM: Final = Topology(
    name="slim",
    blocks=((16, 16), (32, 32), (64, 64, 64), (128, 128, 128), (128,)),
    mean=(0.45, 0.45, 0.45),
    std=(0.26, 0.26, 0.26),
    padding="replicate",
    poolings=("average",),
)


def slim(*, pooling: Pooling = "average") -> FeatureNetwork:
    """Build the network with the weights in the package, on the CPU in float32.

    Raises:
        ConfigError: If another pooling than average is asked for.
        WeightsError: If the package's file is missing or damaged.
    """
    return FeatureNetwork(SLIM, _packaged_weights(), pooling=pooling)


def _packaged_weights() -> dict[str, Tensor]:
    try:
        data = files("vidstyle.networks").joinpath("slim.npz").read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {
                name: torch.from_numpy(arrays[name]).float().reshape(shape)
                for name, shape in SLIM.weight_shapes.items()
            }
    except (
        OSError,
        ValueError,
        KeyError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as err:
        raise WeightsError(
            "the package's networks/slim.npz is missing or damaged; "
            "install vidstyle again."
        ) from err
