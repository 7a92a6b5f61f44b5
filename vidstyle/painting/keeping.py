"""Finished frames -> the work directory, in background threads, behind the painting."""

from concurrent.futures import Executor, Future
from dataclasses import dataclass

from vidstyle.motion.reuse import Age
from vidstyle.painting.layer import Layer
from vidstyle.recording import Recording
from vidstyle.records import Frame
from vidstyle.video.work_dir import FrameStore

BEHIND = 16
"""Finished frames that may wait to be stored."""


@dataclass(frozen=True, slots=True)
class Work:
    """A frame in a slot."""

    index: int
    start: int
    """First frame of its lane."""
    age: Age
    source: Frame


class Keeping:
    """Stores finished frames, and what a resumed run needs of them."""

    def __init__(
        self, store: FrameStore, recording: Recording, layer: Layer | None
    ) -> None:
        """Begin with nothing to store.

        Args:
            store: Where to.
            recording: May have watched one of the frames being learned.
            layer: May want each finished frame.
        """
        self._store, self._recording, self._layer = store, recording, layer
        self._stores: list[Future[None]] = []

    def put(self, work: Work, frame: Frame, pool: Executor) -> None:
        """Store a finished frame, soon; wait if too many wait already."""
        self._stores.append(pool.submit(self._put, work, frame))
        if len(self._stores) > BEHIND:
            self._stores.pop(0).result()

    def settle(self, *, wait: bool) -> None:
        """Raise what storing in the background has met.

        Args:
            wait: For all that is not stored yet.
        """
        for stored in [store for store in self._stores if wait or store.done()]:
            stored.result()
            self._stores.remove(stored)

    def _put(self, work: Work, frame: Frame) -> None:
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
