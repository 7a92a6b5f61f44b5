"""A clip in one pass; or each of its regions in a pass of its own, put together.

A pass sees nothing of the others, so that a region's pixels do not depend on what
another is painted with. The passes' work lies below the work directory: all but the
first in ``region-N``, and what is put together in ``composed``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from vidstyle.clip.frame_tasks import FrameOptimizer
from vidstyle.clip.ingest import Ingest, IngestState
from vidstyle.clip.painter import FramePainter, Painter
from vidstyle.clip.prefetch import Prefetcher, RegionPass
from vidstyle.clip.region_masks import RegionMasks
from vidstyle.color import Mask, complement, composite, fitted_mask
from vidstyle.config import EvolutionConfig, VideoConfig
from vidstyle.records import Event, Frame, FrameReport, Listener
from vidstyle.stylize.image import Paintings
from vidstyle.stylize.stylizer import Stylizer
from vidstyle.video.work_dir import FrameStore

MakeFramePainter = Callable[[Stylizer, FrameStore, VideoConfig, bool], FramePainter]
"""Makes what paints the frames of a pass; the last: whether only a region of them."""


class PassPainter(Protocol):
    """Paints a pass, such as ``Painter``; workers are another."""

    def paint(self, ingest: Ingest) -> IngestState:
        """Paint all frames that a reader delivers; return what it has found."""


MakePassPainter = Callable[[int, Listener], PassPainter]
"""Makes what paints the pass with a number, from 0."""


@dataclass(frozen=True, slots=True)
class RegionPasses:
    """The passes of a run over its clip: one, or one for each region."""

    paintings: Paintings
    masks: RegionMasks
    evolution: EvolutionConfig | None  # which frame's learning to record; None: none's
    make_painter: MakeFramePainter = FrameOptimizer
    given: Mapping[int, Frame] = field(default_factory=dict)  # by the user; by index

    @property
    def stores(self) -> list[FrameStore]:
        """Where each pass keeps its frames; that of the run comes first."""
        first, passes = self.masks.store, len(self._regions)
        later = [first.work_dir / f"region-{n}" for n in range(2, passes + 1)]
        return [first, *map(FrameStore, later)]

    @property
    def _regions(self) -> list[int | None]:
        """What each pass paints; None, what is in no region, comes first."""
        rest = [None] if self.paintings.has_rest else []
        return [*rest, *range(len(self.masks.regions))]

    def paint(
        self,
        manifest: Mapping[str, Any],
        listener: Listener,
        make: MakePassPainter,
    ) -> tuple[IngestState, FrameStore]:
        """Paint every region, and what is in none if there is a painting for it.

        Returns what the reader has found, and the store that has the finished frames
        and what was recorded of the learning.
        """
        masks, stores = self.masks, self.stores
        masks.open(manifest, listener)
        if not masks.regions:
            return self._paint_pass(0, make(0, listener)), stores[0]
        for store in (*stores[1:], result := self._composed):
            store.open(manifest)
        found = IngestState()
        listener = partial(_tell_of_all, listener, len(stores))
        for place in range(len(stores)):
            found = self._paint_pass(place, make(place, listener))
        if self.evolution is not None:
            wanted = self.evolution.frame
            index = found.first if wanted is None else wanted
            _compose_learned(stores, self._visible(index), result)
        return found, result

    @property
    def _composed(self) -> FrameStore:
        return FrameStore(self.masks.store.work_dir / "composed")

    def _paint_pass(self, place: int, painter: PassPainter) -> IngestState:
        """Take all frames through the stages once: read, prefetch, paint, store."""
        masks, part, store = self.masks, self._part(place), self.stores[place]
        (height, width), mask = masks.size, None if part is None else part.mask
        reader, config = masks.reader, masks.config
        with Ingest(
            reader, config, store, height=height, width=width, mask=mask
        ) as ingest:
            return painter.paint(ingest)

    def _part(self, place: int) -> RegionPass | None:
        if not self.masks.regions:
            return None
        return RegionPass(
            region=self._regions[place], mask=lambda index: self._visible(index)[place]
        )

    def painter(self, stylizer: Stylizer, place: int, listener: Listener) -> Painter:
        """Make what paints the frames of a pass; the last one puts each together."""
        stores, part = self.stores, self._part(place)
        store, config = stores[place], self.masks.config

        def put_together(index: int, stylized: Frame, source: Frame) -> None:
            pictures = [*(each.stylized(index) for each in stores[:-1]), stylized]
            composed = composite(source, pictures, self._visible(index))
            self._composed.put_stylized(index, composed)

        return Painter(
            Prefetcher(
                store, config, stylizer.bank, self.masks.motion, part, self.given
            ),
            self.make_painter(stylizer, store, config, part is not None),
            store,
            listener,
            evolution=self.evolution,
            keep=put_together if part and store is stores[-1] else None,
        )

    def _visible(self, index: int) -> list[Mask]:
        """Return the mask of each pass in a frame."""
        masks = self.masks.at(index)
        return [complement(masks), *masks] if self.paintings.has_rest else masks


def _compose_learned(
    stores: Sequence[FrameStore], masks: Sequence[Mask], result: FrameStore
) -> None:
    """Put together how each region of a frame was learned, if all were.

    A pass that has fewer pictures than another shows some of them for longer. The first
    picture of each is the source; there is a mask for each pass, together at most 1.
    """
    learned = [store.evolution() or [] for store in stores]
    if not all(learned):
        return
    height, width = (source := learned[0][0]).shape[:2]
    small = [fitted_mask(mask, height=height, width=width) for mask in masks]
    most = max(len(pictures) for pictures in learned)
    together = []
    for place in range(most):
        share = place / max(1, most - 1)
        shown = [pictures[round(share * (len(pictures) - 1))] for pictures in learned]
        together.append(composite(source, shown, small))
    result.put_evolution(together)


def _tell_of_all(listener: Listener, passes: int, event: Event) -> None:
    """Count the frames of all passes."""
    if isinstance(event, FrameReport):
        event = replace(
            event,
            frames_known=passes * event.frames_known,
            shots_known=passes * event.shots_known,
        )
    listener(event)
