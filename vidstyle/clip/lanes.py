"""Which frame is painted next: of each shot, one whose origins are painted.

Shots run beside one another; so do, in a shot, the next key frame and those between.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Turn:
    """A frame that is to be painted, and what is painted before it."""

    frame: int
    start: int
    """First frame of its shot."""
    before: int | None = None
    """The key frame before it; None: it begins the shot."""
    after: int | None = None
    """The key frame after it; None: it is one itself."""
    is_bound: bool = True
    """Whether it takes anything from frames that are painted already."""

    @property
    def origins(self) -> list[int]:
        """Whose paint may be carried onto it: key frames, then its predecessor."""
        if not self.is_bound:
            return []
        near = self.frame - 1
        found = [each for each in (self.before, self.after) if each is not None]
        return found if self.after is None or near in found else [*found, near]

    @property
    def settles(self) -> range:
        """The frames that are needed for no other once this one is painted.

        Of two neighbouring key frames and those between them, the later key frame is
        painted first.
        """
        if self.before is None:
            return range(0)
        end = self.frame if self.after is None else self.after
        is_last = self.frame == max(end - 1, self.before + 1)
        return range(self.before, end if is_last else self.before)


@dataclass(slots=True)
class Lane:
    """A shot: each key frame follows the one before, and then those between come."""

    start: int
    key: int | None = None
    """The newest key frame that was planned."""
    turns: dict[int, Turn] = field(default_factory=dict)
    """Planned, by frame, in the order in which they are painted."""
    busy: set[int] = field(default_factory=set)
    """Frames that are being painted."""
    stop: int | None = None
    """One past the last frame; None while the reader has not come that far."""

    @property
    def is_open(self) -> bool:
        """Whether it has, or may still get, a frame to paint."""
        is_planned = self.stop is not None and self.key == self.stop - 1
        return bool(self.turns or self.busy) or not is_planned

    def ready(self, unpainted: Collection[int] = ()) -> Turn | None:
        """Find the first planned frame whose origins are neither planned nor these."""
        waits, turns = {*self.turns, *unpainted}, self.turns.values()
        return next((turn for turn in turns if waits.isdisjoint(turn.origins)), None)


class Lanes:
    """All lanes of a clip, one a shot, as far as the reader has come.

    A frame that was painted by an earlier run is passed over.
    """

    def __init__(
        self,
        is_painted: Callable[[int], bool],
        *,
        spacing: int = 1,
        keys: Collection[int] = (),
        is_bound: bool = True,
    ) -> None:
        """Start with none.

        Args:
            is_painted: Whether an earlier run has painted a frame.
            spacing: Frames from a key frame to the next; the last one of a shot is one.
            keys: More of them.
            is_bound: Whether frames take anything from one another.
        """
        self._is_bound = is_bound
        self._is_painted, self._spacing, self._keys = is_painted, spacing, sorted(keys)
        self._lanes: list[Lane] = []
        self._uses = Counter[int]()

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
        """Hand out a frame whose origins are painted, of the earliest lane there is.

        Returns:
            None: none is ready.
        """
        for lane in self._lanes:
            if turn := lane.ready(lane.busy):
                lane.busy.add(turn.frame)
                return lane.turns.pop(turn.frame)
        return None

    def following(self, turn: Turn) -> Turn | None:
        """Return what a lane goes on with once what was handed out is painted."""
        return self._lane(turn.start).ready()

    def release(self, turn: Turn) -> None:
        """Let a frame's lane go on, since the frame is painted."""
        self._lane(turn.start).busy.remove(turn.frame)
        self._uses -= Counter(turn.origins)

    @property
    def open_starts(self) -> list[int]:
        """The starts of the lanes that have, or may still get, a frame to paint."""
        return [lane.start for lane in self._lanes if lane.is_open]

    def needs(self, index: int) -> bool:
        """Whether a frame takes, or may take, its paint from one with an index."""
        is_newest = (each.is_open and each.key == index for each in self._lanes)
        return self._uses[index] > 0 or any(is_newest)

    def _lane(self, start: int) -> Lane:
        return next(lane for lane in reversed(self._lanes) if lane.start == start)
