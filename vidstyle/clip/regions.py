"""Regions of a clip: each painted in a pass of its own, then put together.

A pass sees nothing of the others, so that a region's pixels do not depend on what
another is painted with. The passes' work lies below the work directory: all but the
first in ``region-N``, and what is put together in ``composed``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from vidstyle.clip.ingest import Ingest, IngestState
from vidstyle.clip.painter import Painter
from vidstyle.clip.prefetch import RegionPass
from vidstyle.clip.region_masks import ClipMasks
from vidstyle.color.masks import Mask, complement, composite, fitted_mask
from vidstyle.config import EvolutionConfig
from vidstyle.records import Event, Frame, FrameReport, Listener
from vidstyle.stylize.stylizer import Tools
from vidstyle.video.work_dir import FrameStore


def paint_regions(
    tools: Tools,
    masks: ClipMasks,
    manifest: Mapping[str, Any],
    *,
    evolution: EvolutionConfig | None,
    restart: bool,
    listener: Listener,
) -> tuple[IngestState, FrameStore]:
    """Paint every region of a clip, and what is in none if there is a painting for it.

    Args:
        tools: Of the run.
        masks: Of the regions; their store is open.
        manifest: Of the run.
        evolution: Which frame's learning to record; None: none's.
        restart: Throw away what an interrupted run has left.
        listener: Is told every step and every finished frame.

    Returns:
        What the reader has found, and where the finished frames are, and what was
        recorded of the learning.
    """
    masks.open(manifest, restart=restart, listener=listener)
    layers = range(-1 if tools.look.has_rest else 0, len(masks.regions))
    stores = pass_stores(masks.store, len(layers))
    result = FrameStore(masks.store.work_dir / "composed")
    for store in (*stores[1:], result):
        store.open(manifest, restart=restart)

    def put_together(index: int, painted: Frame, source: Frame) -> None:
        pictures = [*(store.stylized(index) for store in stores[:-1]), painted]
        visible = _visible(masks.at(index), layers)
        result.put_stylized(index, composite(source, pictures, visible))

    def mask_for(place: int) -> Callable[[int], Mask]:
        return lambda index: _visible(masks.at(index), layers)[place]

    found = IngestState()
    for place, (layer, store) in enumerate(zip(layers, stores, strict=True)):
        painter = Painter(
            tools,
            store,
            masks.config,
            evolution=evolution,
            listener=lambda event: listener(_of_all(event, len(layers))),
            layer=RegionPass(
                region=None if layer < 0 else layer,
                mask=mask_for(place),
                keep=put_together if store is stores[-1] else None,
            ),
        )
        with Ingest(
            masks.info,
            masks.config,
            store,
            height=masks.height,
            width=masks.width,
            mask=mask_for(place),
        ) as ingest:
            found = painter.paint(ingest)
    learned = [pictures for store in stores if (pictures := store.evolution())]
    if evolution is not None and len(learned) == len(stores):
        index = found.first if evolution.frame is None else evolution.frame
        visible = _visible(masks.at(index), layers)
        result.put_evolution(_learned_together(learned, visible))
    return found, result


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
    """Say where each pass keeps its frames; without regions there is one."""
    later = [store.work_dir / f"region-{number}" for number in range(2, passes + 1)]
    return [store, *(FrameStore(path) for path in later)]


def _visible(masks: list[Mask], layers: range) -> list[Mask]:
    return [complement(masks), *masks] if layers[0] < 0 else masks


def _of_all(event: Event, passes: int) -> Event:
    """Count the frames of all passes."""
    if isinstance(event, FrameReport):
        return replace(event, frames_known=passes * event.frames_known)
    return event
