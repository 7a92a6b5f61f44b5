"""Scheduling: the order of frames, and which can be painted in parallel.

A frame is ready when the frames it takes paint from are painted. Shots are independent;
within a shot, the next key frame and the frames between key frames run in parallel.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Turn:
    """A frame to paint, and the frames it depends on."""

    frame: int
    start: int  # first frame of its shot
    before: int | None = None  # the key frame before it; None: first of its shot
    after: int | None = None  # the key frame after it; None: it is a key frame
    is_bound: bool = True  # whether it takes paint from other frames

    @property
    def origins(self) -> list[int]:
        """Frames it may take paint from: key frames, then its predecessor."""
        if not self.is_bound:
            return []
        keys = [key for key in (self.before, self.after) if key is not None]
        previous = self.frame - 1
        if self.after is None or previous in keys:
            return keys
        return [*keys, previous]

    @property
    def settles(self) -> range:
        """The frames that no other frame needs once this one is painted.

        A key frame is painted before the frames between it and the previous one, so the
        last of these, if there are any, completes them.
        """
        if self.before is None:
            return range(0)
        end = self.frame if self.after is None else self.after
        last_painted = max(end - 1, self.before + 1)
        return range(self.before, end) if self.frame == last_painted else range(0)


@dataclass(slots=True)
class Lane:
    """One shot: each key frame follows the previous one, then the frames between."""

    start: int
    key: int | None = None  # the latest key frame planned
    turns: dict[int, Turn] = field(default_factory=dict)  # by frame, as to be painted
    busy: set[int] = field(default_factory=set)  # frames being painted
    stop: int | None = None  # one past the last frame; None: not known yet

    @property
    def is_open(self) -> bool:
        """Whether it has, or may still get, frames to paint."""
        is_planned = self.stop is not None and self.key == self.stop - 1
        return bool(self.turns or self.busy) or not is_planned

    def ready(self, unpainted: Collection[int] = ()) -> Turn | None:
        """Find the first turn with no origin that is planned or in ``unpainted``."""
        pending = {*self.turns, *unpainted}
        for turn in self.turns.values():
            if pending.isdisjoint(turn.origins):
                return turn
        return None


class Lanes:
    """The lanes of a clip, one per shot, as far as it has been read.

    Frames painted by an earlier run are skipped.
    """

    def __init__(
        self,
        is_painted: Callable[[int], bool],
        *,
        spacing: int = 1,
        keys: Collection[int] = (),
        is_bound: bool = True,
    ) -> None:
        """Start without lanes.

        ``is_painted`` says which frames an earlier run has painted. Key frames are
        ``spacing`` apart; ``keys`` and the last frame of a shot are key frames, too.
        ``is_bound``: frames take paint from one another.
        """
        self._is_painted, self._is_bound = is_painted, is_bound
        self._spacing, self._keys = spacing, keys
        self._lanes: list[Lane] = []
        self._uses = Counter[int]()  # turns not painted yet that take from each frame

    def extend(self, starts: list[int], *, certain: int, is_complete: bool) -> None:
        """Plan the frames that have been read; arguments as in ``IngestState``."""
        for start in starts[len(self._lanes) :]:
            if self._lanes:
                self._lanes[-1].stop = start
            self._lanes.append(Lane(start))
        if is_complete and self._lanes:
            self._lanes[-1].stop = certain
        for lane in self._lanes:
            while (key := self._next_key(lane)) < certain and key != lane.key:
                self._plan(lane, key)

    def _next_key(self, lane: Lane) -> int:
        if lane.key is None:
            return lane.start
        more = (key for key in self._keys if key > lane.key)
        key = min([lane.key + self._spacing, *more])
        return key if lane.stop is None else min(key, lane.stop - 1)

    def _plan(self, lane: Lane, key: int) -> None:
        turns = [Turn(key, lane.start, lane.key, is_bound=self._is_bound)]
        if lane.key is not None:
            between = range(lane.key + 1, key)
            turns += [Turn(index, lane.start, lane.key, key) for index in between]
        for turn in turns:
            if not self._is_painted(turn.frame):
                lane.turns[turn.frame] = turn
                self._uses.update(turn.origins)
        lane.key = key

    def take(self) -> Turn | None:
        """Take the next ready turn, of the earliest lane that has one."""
        for lane in self._lanes:
            if turn := lane.ready(lane.busy):
                lane.busy.add(turn.frame)
                return lane.turns.pop(turn.frame)
        return None

    def following(self, turn: Turn) -> Turn | None:
        """Return the lane's next turn after those being painted."""
        return self._lane(turn.start).ready()

    def release(self, turn: Turn) -> None:
        """Mark a turn's frame as painted."""
        self._lane(turn.start).busy.remove(turn.frame)
        self._uses -= Counter(turn.origins)

    @property
    def open_starts(self) -> list[int]:
        """Starts of the lanes that have, or may still get, frames to paint."""
        return [lane.start for lane in self._lanes if lane.is_open]

    def needs(self, index: int) -> bool:
        """Return whether another frame takes, or may take, paint from a frame."""
        if self._uses[index] > 0:
            return True
        return any(lane.is_open and lane.key == index for lane in self._lanes)

    def _lane(self, start: int) -> Lane:
        return next(lane for lane in reversed(self._lanes) if lane.start == start)
