"""How many pictures are painted."""

from dataclasses import dataclass

from vidstyle.config.checks import check_range


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumConfig:
    """How many pictures are painted."""

    batch: int = 1
    """Pictures of one size that are optimised beside one another; more fills a GPU."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: Naming the setting, its value and its range.
        """
        check_range("batch", self.batch, least=1)
