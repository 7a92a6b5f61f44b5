"""How one frame of a clip is learned: its pictures, from the optimiser to the store."""

from vidstyle.config import EvolutionConfig
from vidstyle.records import Frame
from vidstyle.video.evolution import Evolution
from vidstyle.video.work_dir import EVOLUTION, FrameStore


class Recording:
    """Watch for the wanted frame, and keep its evolution once.

    An interrupted run that has painted the frame has stored its evolution too.
    """

    def __init__(self, config: EvolutionConfig | None, store: FrameStore) -> None:
        """Wait for the frame.

        Args:
            config: Says which, or None: whichever is painted first.
            store: Knows whether an earlier run has recorded it.
        """
        is_wanted = config is not None and store.facts(EVOLUTION) is None
        self._config = config if is_wanted else None
        self._evolution: Evolution | None = None
        self._frame: int | None = None

    def begin(self, index: int, source: Frame) -> None:
        """Say that a frame enters the batch."""
        if self._config is None or self._evolution is not None:
            return
        if self._config.frame in {None, index}:
            self._evolution = Evolution(self._config, source)
            self._frame = index

    def is_of(self, index: int) -> bool:
        """Whether this frame is the one, so that its pictures are to be offered."""
        return self._frame == index

    def offer(self, picture: Frame) -> None:
        """Show the frame's picture after a step."""
        if self._evolution is not None:
            self._evolution.offer(picture)

    def pictures(self) -> list[Frame]:
        """Return what was chosen, once the frame is finished."""
        return [] if self._evolution is None else self._evolution.pictures()
