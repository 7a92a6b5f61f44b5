"""The built-in network: VGG-16's layers up to relu5_1, narrow, in VGG-19's metric.

Its weights lie in the package, in half precision, so that a fresh machine needs no
download. ``SLIM.md`` is its card: how it was trained, how good it is. The energies
beside them are medians over 250 photographs of its training, 256x256 pixels each.
"""

from importlib.resources import as_file, files
from typing import Final

from vidstyle.config import Pooling
from vidstyle.errors import WeightsError
from vidstyle.networks.vgg import FeatureNetwork, Topology
from vidstyle.networks.weights import read_weights

SLIM: Final = Topology(
    name="slim",
    blocks=((16, 16), (64, 40), (128, 64, 64), (128, 128, 128), (256,)),
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
    packaged = files("vidstyle.networks").joinpath("slim.npz")
    try:
        with as_file(packaged) as path:
            weights = read_weights(path, SLIM)
    except (OSError, WeightsError) as err:
        raise WeightsError(f"{err} Install vidstyle again.") from err
    return FeatureNetwork(SLIM, weights, pooling=pooling)
