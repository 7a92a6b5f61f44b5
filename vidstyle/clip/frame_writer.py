"""Finished frames -> the work directory, in background threads, behind the painting."""

from concurrent.futures import Executor, Future
from dataclasses import dataclass

from vidstyle.clip.prefetch import RegionPass
from vidstyle.config import EvolutionConfig
from vidstyle.motion.consistency import Age
from vidstyle.records import Frame
from vidstyle.video.evolution import Evolution
from vidstyle.video.work_dir import EVOLUTION, FrameStore

BEHIND = 16
"""Finished frames that may wait to be stored."""


@dataclass(frozen=True, slots=True)
class SlotState:
    """A frame in a slot."""

    index: int
    start: int
    """First frame of its lane."""
    age: Age
    source: Frame


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


class FrameWriter:
    """Stores finished frames, and what a resumed run needs of them."""

    def __init__(
        self, store: FrameStore, recording: Recording, layer: RegionPass | None
    ) -> None:
        """Begin with nothing to store.

        Args:
            store: Where to.
            recording: May have watched one of the frames being learned.
            layer: May want each finished frame.
        """
        self._store, self._recording, self._layer = store, recording, layer
        self._stores: list[Future[None]] = []

    def put(self, work: SlotState, frame: Frame, pool: Executor) -> None:
        """Store a finished frame, soon; wait if too many wait already."""
        self._stores.append(pool.submit(self._put, work, frame))
        if len(self._stores) > BEHIND:
            self._stores.pop(0).result()

    def flush(self, *, wait: bool) -> None:
        """Raise what storing in the background has met.

        Args:
            wait: For all that is not stored yet.
        """
        for stored in [store for store in self._stores if wait or store.done()]:
            stored.result()
            self._stores.remove(stored)

    def _put(self, work: SlotState, frame: Frame) -> None:
        """Store a finished frame; last of all its pixels, which say that it is done."""
        if self._recording.is_of(work.index):
            self._store.put_evolution(self._recording.pictures())
        if self._layer is not None and self._layer.keep is not None:
            self._layer.keep(work.index, frame, work.source)
        self._store.put_age(work.index, work.age)
        self._store.put_stylized(work.index, frame)
        if work.index > work.start:
            self._store.drop_source(work.index - 1)
            self._store.drop_age(work.index - 1)
