"""Which frame is painted next: frames of a shot in order, shots beside one another."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Lane:
    """Consecutive frames that are painted in order, each after its predecessor.

    Frames are indices of the source.
    """

    start: int
    next: int
    """The first frame that has not been handed out."""
    stop: int | None = None
    """One past the last frame; None while the reader has not come that far."""
    is_busy: bool = False
    """Whether a frame of it is being painted."""


class Lanes:
    """All lanes of a clip, one a shot, as far as the reader has come.

    A frame that was painted by an earlier run is passed over.
    """

    def __init__(self, is_painted: Callable[[int], bool]) -> None:
        """Start with none."""
        self._is_painted = is_painted
        self._lanes: list[Lane] = []
        self._certain = 0

    def extend(self, starts: list[int], *, certain: int, is_complete: bool) -> None:
        """Take in what the reader has found.

        Args:
            starts: The first frame of every shot so far, in order.
            certain: Frames below this index are stored, and it is known of each
                whether it starts a shot.
            is_complete: Whether there are no more frames.
        """
        for start in starts[len(self._lanes) :]:
            if self._lanes:
                self._lanes[-1].stop = start
            self._lanes.append(Lane(start=start, next=start))
        self._certain = certain
        if is_complete and self._lanes:
            self._lanes[-1].stop = certain

    def take(self) -> tuple[int, int] | None:
        """Hand out a frame whose predecessor is painted, of the earliest lane there is.

        Returns:
            The frame and the start of its lane, or None: none is ready.
        """
        for lane in self._lanes:
            if lane.is_busy:
                continue
            if (frame := self._next_in(lane)) is not None:
                lane.next, lane.is_busy = frame + 1, True
                return frame, lane.start
        return None

    def following(self, frame: int) -> int | None:
        """Return the frame after a handed-out one in its lane, if it is ready."""
        return self._next_in(self._lane_of(frame))

    def release(self, frame: int) -> None:
        """Let a frame's lane go on, since the frame is painted."""
        self._lane_of(frame).is_busy = False

    @property
    def open_starts(self) -> list[int]:
        """The starts of the lanes that have, or may still get, a frame to paint."""
        return [
            lane.start
            for lane in self._lanes
            if lane.is_busy or self._next_in(lane) is not None or lane.next != lane.stop
        ]

    def _lane_of(self, frame: int) -> Lane:
        return next(lane for lane in reversed(self._lanes) if lane.start <= frame)

    def _next_in(self, lane: Lane) -> int | None:
        end = self._certain if lane.stop is None else min(lane.stop, self._certain)
        frame = lane.next
        while frame < end and self._is_painted(frame):
            frame += 1
        lane.next = frame
        return frame if frame < end else None
