"""A clip in one pass; or each of its regions in a pass of its own, put together.

A pass sees nothing of the others, so that a region's pixels do not depend on what
another is painted with. The passes' work lies below the work directory: all but the
first in ``region-N``, and what is put together in ``composed``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from vidstyle.clip.ingest import Ingest, IngestState
from vidstyle.clip.painter import Painter
from vidstyle.clip.prefetch import RegionPass
from vidstyle.clip.region_masks import RegionMasks
from vidstyle.color.masks import Mask, complement, composite, fitted_mask
from vidstyle.config import EvolutionConfig
from vidstyle.records import Event, Frame, FrameReport, Listener
from vidstyle.stylize.stylizer import Stylizer
from vidstyle.video.work_dir import FrameStore


def paint_passes(
    stylizer: Stylizer,
    masks: RegionMasks,
    manifest: Mapping[str, Any],
    *,
    evolution: EvolutionConfig | None,
    restart: bool,
    listener: Listener,
) -> tuple[IngestState, FrameStore]:
    """Paint every region of a clip, and what is in none if there is a painting for it.

    Args:
        stylizer: Of the run.
        masks: Of the regions, none of them for a clip in one pass; their store is open.
        manifest: Of the run.
        evolution: Which frame's learning to record; None: none's.
        restart: Throw away what an interrupted run has left.
        listener: Is told every step and every finished frame.

    Returns:
        What the reader has found, and where the finished frames are, and what was
        recorded of the learning.
    """
    masks.open(manifest, restart=restart, listener=listener)
    regions = range(-1 if stylizer.bank.has_rest else 0, len(masks.regions))
    stores = pass_stores(masks.store, len(regions))
    if not masks.regions:
        found = _paint(
            stylizer, masks, stores[0], evolution=evolution, listener=listener
        )
        return found, stores[0]
    result = FrameStore(masks.store.work_dir / "composed")
    for store in (*stores[1:], result):
        store.open(manifest, restart=restart)

    def put_together(index: int, painted: Frame, source: Frame) -> None:
        pictures = [*(store.stylized(index) for store in stores[:-1]), painted]
        visible = _visible(masks.at(index), regions)
        result.put_stylized(index, composite(source, pictures, visible))

    def mask_for(place: int) -> Callable[[int], Mask]:
        return lambda index: _visible(masks.at(index), regions)[place]

    found = IngestState()
    for place, (region, store) in enumerate(zip(regions, stores, strict=True)):
        part = RegionPass(
            region=None if region < 0 else region,
            mask=mask_for(place),
            keep=put_together if store is stores[-1] else None,
        )
        tell = partial(_tell_of_all, listener, len(regions))
        found = _paint(
            stylizer, masks, store, evolution=evolution, listener=tell, part=part
        )
    learned = [pictures for store in stores if (pictures := store.evolution())]
    if evolution is not None and len(learned) == len(stores):
        index = found.first if evolution.frame is None else evolution.frame
        visible = _visible(masks.at(index), regions)
        result.put_evolution(_learned_together(learned, visible))
    return found, result


def _paint(
    stylizer: Stylizer,
    masks: RegionMasks,
    store: FrameStore,
    *,
    evolution: EvolutionConfig | None,
    listener: Listener,
    part: RegionPass | None = None,
) -> IngestState:
    """Take the clip through the batch once."""
    config, height, width = masks.config, masks.height, masks.width
    painter = Painter(
        stylizer, store, config, evolution=evolution, listener=listener, region=part
    )
    mask = None if part is None else part.mask
    with Ingest(
        masks.info, config, store, height=height, width=width, mask=mask
    ) as ingest:
        return painter.paint(ingest)


def _learned_together(
    learned: Sequence[Sequence[Frame]], masks: Sequence[Mask]
) -> list[Frame]:
    """Put together how each region of a frame was learned, picture by picture.

    Of a pass that has fewer pictures than another, some are shown for longer.

    Args:
        learned: The pictures of each pass; the first of them is the source.
        masks: One for each; together at most 1.
    """
    source = learned[0][0]
    height, width = source.shape[:2]
    small = [fitted_mask(mask, height=height, width=width) for mask in masks]
    most = max(len(pictures) for pictures in learned)
    together = []
    for place in range(most):
        share = place / max(1, most - 1)
        shown = [pictures[round(share * (len(pictures) - 1))] for pictures in learned]
        together.append(composite(source, shown, small))
    return together


def pass_stores(store: FrameStore, passes: int) -> list[FrameStore]:
    """Return where each pass keeps its frames; without regions there is one."""
    later = [store.work_dir / f"region-{number}" for number in range(2, passes + 1)]
    return [store, *(FrameStore(path) for path in later)]


def _visible(masks: list[Mask], regions: range) -> list[Mask]:
    return [complement(masks), *masks] if regions[0] < 0 else masks


def _tell_of_all(listener: Listener, passes: int, event: Event) -> None:
    """Count the frames of all passes."""
    if isinstance(event, FrameReport):
        event = replace(event, frames_known=passes * event.frames_known)
    listener(event)
