"""How the built-in network is trained."""

from dataclasses import dataclass

from vidstyle.config.setting import Config, setting
from vidstyle.config.style import MAX_SEED, DeviceName


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig(Config):
    """How the built-in network is trained."""

    teacher: str = setting(
        "vgg16",
        "Whose features it learns; a file is the small encoder of Wang et al. 2020.",
        metavar="vgg16|vgg19|FILE",
    )
    steps: int = setting(15_000, "More is better, up to a point.", least=1)
    batch: int = setting(8, "Crops in a step.", least=1)
    crop: int = setting(128, "Side of a crop.", least=32, most=512, metavar="PIXELS")
    lr: float = setting(0.003, "Length of the longest step.", above=0)
    seed: int = setting(
        0, "Of the first weights and the crops.", least=0, most=MAX_SEED
    )
    device: DeviceName = setting(
        "auto", "auto: cuda, then mps, then the CPU.", short="d"
    )
