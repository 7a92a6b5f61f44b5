"""How the built-in network is trained."""

from dataclasses import dataclass

from vidstyle.config.checks import check_choice, check_range
from vidstyle.config.style import DeviceName


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """How the built-in network is trained."""

    teacher: str = "vgg16"
    """Whose features to learn: vgg16, vgg19, or the small encoder's file."""
    steps: int = 15_000
    """Of the optimiser, 1 or more; each is shorter than the last."""
    batch: int = 8
    """Crops in a step, 1 or more."""
    crop: int = 128
    """Side of a crop in pixels, 32 to 512."""
    lr: float = 0.003
    """Length of the longest step, more than 0."""
    seed: int = 0
    """Of the first weights and the crops."""
    device: DeviceName = "auto"
    """Where to compute; auto takes cuda, then mps, then the CPU."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: Naming the setting, its value and its range.
        """
        check_range("steps", self.steps, least=1)
        check_range("batch", self.batch, least=1)
        check_range("crop", self.crop, least=32, most=512)
        check_range("lr", self.lr, above=0)
        check_range("seed", self.seed, least=0, most=2**63 - 1)
        check_choice("device", self.device, DeviceName)
