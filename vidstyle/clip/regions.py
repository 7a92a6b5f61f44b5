"""Stylize a clip in one pass, or in one pass per region, composited.

Passes are independent: a region's pixels do not depend on another region's painting.
In the work directory, the passes after the first have subfolders ``region-N``, and the
composited frames are in ``composed``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from vidstyle.clip.frame_tasks import FrameOptimizer
from vidstyle.clip.ingest import Ingest, IngestState, MaskOf
from vidstyle.clip.lanes import Lanes
from vidstyle.clip.painter import FramePainter, Painter
from vidstyle.clip.prefetch import Prefetcher
from vidstyle.clip.region_masks import RegionMasks
from vidstyle.color import Mask, complement, composite, fitted_mask
from vidstyle.config import EvolutionConfig, VideoConfig
from vidstyle.records import Event, Frame, FrameReport, Listener
from vidstyle.stylize import Stylizer
from vidstyle.stylize.image import Paintings
from vidstyle.video.work_dir import EVOLUTION, FrameStore

MakeFramePainter = Callable[[Stylizer, FrameStore, VideoConfig], FramePainter]
"""Makes the frame painter of a pass."""


class PassPainter(Protocol):
    """Paints all frames of a pass, such as ``Painter`` or ``SpreadPainter``."""

    def paint(self, ingest: Ingest) -> IngestState:
        """Paint all frames read; return the final state of the ingest."""


MakePassPainter = Callable[[int, Listener], PassPainter]
"""Makes the painter of a pass by its 0-based number."""


@dataclass(frozen=True, slots=True)
class RegionPasses:
    """The passes of a run over its clip: one, or one for each region."""

    paintings: Paintings
    masks: RegionMasks
    evolution: EvolutionConfig | None  # the frame to record; None: do not record
    make_painter: MakeFramePainter = FrameOptimizer
    given: Mapping[int, Frame] = field(default_factory=dict)  # by the user, by index

    @property
    def stores(self) -> list[FrameStore]:
        """The store of each pass; the first is the run's own."""
        first, passes = self.masks.store, len(self._regions)
        later = [first.work_dir / f"region-{n}" for n in range(2, passes + 1)]
        return [first, *map(FrameStore, later)]

    @property
    def _regions(self) -> list[int | None]:
        """The region of each pass; None, the rest of the frame, comes first."""
        rest = [None] if self.paintings.has_rest else []
        return [*rest, *range(len(self.masks.regions))]

    def paint(
        self, manifest: Mapping[str, Any], listener: Listener, make: MakePassPainter
    ) -> tuple[IngestState, FrameStore]:
        """Paint all passes and composite them.

        Returns the state of the ingest, and the store with the finished frames and the
        recorded evolution.
        """
        stores, found = self.stores, IngestState()
        self.open(manifest)
        self.masks.open(manifest, listener)
        if not self.masks.regions:
            return self._paint_pass(0, make(0, listener)), stores[0]
        listener = partial(_count_all_passes, listener, len(stores))
        for number in range(len(stores)):
            found = self._paint_pass(number, make(number, listener))
        if recorded := stores[0].facts(EVOLUTION):
            visible = self._visible(recorded["frame"])
            _compose_evolution(stores, visible, self._composed)
        return found, self._composed

    def open(self, manifest: Mapping[str, Any]) -> None:
        """Create the folders of all passes."""
        for store in self.stores:
            store.open(manifest)
        if self.masks.regions:
            self._composed.open(manifest)

    def drop_damaged(self) -> int:
        """Delete damaged frames; count them. The last pass composites again."""
        *others, last = self.stores
        damaged = sum(store.drop_damaged() for store in others)
        composed = [self._composed] if self.masks.regions else []
        return damaged + last.drop_damaged(*composed)

    @property
    def _composed(self) -> FrameStore:
        return FrameStore(self.masks.store.work_dir / "composed")

    def _paint_pass(self, number: int, painter: PassPainter) -> IngestState:
        """Run all stages once over the clip: read, prefetch, paint, store."""
        masks, store, mask = self.masks, self.stores[number], self._mask_of(number)
        height, width = masks.size
        with Ingest(
            masks.reader, masks.config, store, height=height, width=width, mask=mask
        ) as ingest:
            return painter.paint(ingest)

    def _mask_of(self, number: int) -> MaskOf:
        """Return the function that gives a pass's mask of a frame."""
        if not self.masks.regions:
            return lambda _: None
        return lambda index: self._visible(index)[number]

    def painter(
        self, stylizer: Stylizer, number: int, listener: Listener, *, drops: bool = True
    ) -> Painter:
        """Make the painter of a pass; that of the last pass composites each frame."""
        stores = self.stores
        store, config = stores[number], self.masks.config
        keys = set(self.given)
        if self.evolution is not None and self.evolution.frame is not None:
            keys.add(self.evolution.frame)
        is_composing = bool(self.masks.regions) and number == len(stores) - 1

        def compose(index: int, stylized: Frame, source: Frame) -> None:
            pictures = [*(other.stylized(index) for other in stores[:-1]), stylized]
            composed = composite(source, pictures, self._visible(index))
            self._composed.put_stylized(index, composed)

        return Painter(
            Prefetcher(
                store,
                config,
                stylizer.bank,
                motion=self.masks.motion,
                mask=self._mask_of(number),
                region=self._regions[number],
                given=self.given,
            ),
            self.make_painter(stylizer, store, config),
            store,
            listener,
            lanes=Lanes(
                store.is_painted,
                spacing=config.key_spacing,
                keys=keys,
                is_bound=not config.has_painter,
            ),
            drops=drops,
            evolution=self.evolution,
            keep=compose if is_composing else None,
        )

    def _visible(self, index: int) -> list[Mask]:
        """Return each pass's mask of a frame."""
        masks = self.masks.at(index)
        return [complement(masks), *masks] if self.paintings.has_rest else masks


def _compose_evolution(
    stores: Sequence[FrameStore], masks: Sequence[Mask], result: FrameStore
) -> None:
    """Composite the evolutions of all passes, if each has recorded one.

    Shorter recordings are stretched. The first picture of each is the source; there is
    one mask for each pass, and they sum to at most 1.
    """
    recordings = [store.evolution() or [] for store in stores]
    if not all(recordings):
        return
    source = recordings[0][0]
    height, width = source.shape[:2]
    small = [fitted_mask(mask, height=height, width=width) for mask in masks]
    length = max(map(len, recordings))
    composed = []
    for number in range(length):
        share = number / max(1, length - 1)
        shown = [
            pictures[round(share * (len(pictures) - 1))] for pictures in recordings
        ]
        composed.append(composite(source, shown, small))
    result.put_evolution(composed)


def _count_all_passes(listener: Listener, passes: int, event: Event) -> None:
    """Scale the counts of frame reports to all passes."""
    if isinstance(event, FrameReport):
        event = replace(
            event,
            frames_known=passes * event.frames_known,
            shots_known=passes * event.shots_known,
        )
    listener(event)
