"""How the learning of a picture is shown."""

from dataclasses import dataclass

from vidstyle.config.checks import MIN_SIDE, check_range


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolutionConfig:
    """The GIF or MP4 that shows how a picture was learned."""

    frame: int | None = None
    """Which frame of the clip it shows, by its index in the source; None: the first."""
    width: int = 320
    """Of the GIF, in pixels; never enlarged."""
    pictures: int = 40
    """Most pictures in it."""
    fps: int = 10
    """Pictures a second."""
    hold_s: float = 2.0
    """How long the finished picture stays, in seconds."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: Naming the setting, its value and its range.
        """
        if self.frame is not None:
            check_range("gif-frame", self.frame, least=0)
        check_range("gif-width", self.width, least=MIN_SIDE)
        check_range("gif-pictures", self.pictures, least=2, most=500)
        check_range("gif-fps", self.fps, least=1, most=50)
        check_range("gif-hold", self.hold_s, least=0)
