"""Regions of a clip: each painted in a pass of its own, then put together.

A pass sees nothing of the others, so that a region's pixels do not depend on what
another is painted with. The passes' work lies below the work directory: masks that
change in ``mask-N``, all passes but the first in ``region-N``, and what is put together
in ``composed``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vidstyle.config import Region, VideoConfig
from vidstyle.controls.masks import (
    Mask,
    carried,
    composed,
    layered,
    rest_of,
    soft_mask,
    soften,
)
from vidstyle.errors import VideoOpenError
from vidstyle.images import resize_frame
from vidstyle.ingest import Found, Ingest
from vidstyle.motion.flow import estimate_motion
from vidstyle.motion.reuse import find_again
from vidstyle.motion.shots import ShotDetector
from vidstyle.painting import Layer, Painter
from vidstyle.preparation import Tools, check_mask_shape, read_mask
from vidstyle.records import Event, Frame, FrameReport, Listener, Notice, VideoInfo
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.store import FrameStore

READY = "ready"
"""Name of the stored facts on masks that are all there."""


@dataclass(frozen=True, kw_only=True)
class ClipMasks:
    """The masks of a clip's regions, frame by frame."""

    regions: Sequence[Region]
    info: VideoInfo
    """The clip."""
    config: VideoConfig
    store: FrameStore
    """Of the run; masks that change are kept below it."""
    height: int
    width: int

    @property
    def _size(self) -> dict[str, int]:
        return {"height": self.height, "width": self.width}

    @cached_property
    def _fixed(self) -> list[Mask | None]:
        """The masks that are pictures, None for those that are clips."""
        return [
            None if _probed(each.mask) else read_mask(each.mask, **self._size)
            for each in self.regions
        ]

    def check(self) -> None:
        """Check the files before the work.

        Raises:
            ImageOpenError: If one is neither a picture nor a clip.
            ConfigError: If one has another shape than the clip, or is black.
        """
        for region, fixed in zip(self.regions, self._fixed, strict=True):
            if fixed is None and (mask := _probed(region.mask)):
                check_mask_shape(region.mask, mask.height, mask.width, **self._size)

    def open(
        self, manifest: Mapping[str, Any], *, restart: bool, listener: Listener
    ) -> None:
        """Make the masks that change, unless an earlier run has made them."""
        for number, (region, fixed) in enumerate(
            zip(self.regions, self._fixed, strict=True)
        ):
            if not self._changes(fixed):
                continue
            store = self._kept(number)
            store.open(manifest, restart=restart)
            if store.facts(READY) is not None:
                continue
            if fixed is None:
                known = self._read(region.mask, store)
            else:
                known = self._carry(region.mask, fixed, store, listener)
            store.put_facts(READY, known)

    def at(self, index: int) -> list[Mask]:
        """Say what can be seen of each region in a frame."""
        masks = []
        for number, fixed in enumerate(self._fixed):
            if fixed is None or self._changes(fixed):
                masks.append(self._load(number, index))
            else:
                masks.append(fixed)
        return layered(masks)

    def _changes(self, fixed: Mask | None) -> bool:
        return fixed is None or self.config.mask_motion == "flow"

    def _kept(self, number: int) -> FrameStore:
        return FrameStore(self.store.work_dir / f"mask-{number + 1}")

    def _load(self, number: int, index: int) -> Mask:
        store = self._kept(number)
        known = store.facts(READY) or {}
        if index >= known.get("end", index + 1):
            return np.zeros((self.height, self.width), np.float32)
        # A mask that ends before the clip does stays as it was.
        levels = store.stylized(min(index, known.get("last", index)))[..., 0]
        return np.asarray(levels / 255, np.float32)

    def _read(self, path: Path, store: FrameStore) -> dict[str, int]:
        """Store the frames of a mask that is a clip; say which is the last."""
        last, stop = 0, self.config.frames[1]
        for timed in read_frames(probe(path), on_warning=lambda _: None):
            last = timed.index
            _put(store, last, soft_mask(timed.frame, **self._size))
            if stop is not None and last + 1 >= stop:
                break
        return {"last": last}

    def _carry(
        self, path: Path, mask: Mask, store: FrameStore, listener: Listener
    ) -> dict[str, int]:
        """Move a mask along with what it lies on; say where its shot ends, if it does.

        Only its border is soft, or it would fray.
        """
        mask = np.asarray(mask > 0.5, np.float32)
        detector, cuts = ShotDetector(), list[int]()
        first, before = 0, None
        for timed in Ingest(self.info, self.config, store, **self._size).selected():
            frame = resize_frame(timed.frame, **self._size)
            cuts = detector.push(frame)
            if before is None:
                first = timed.index
            else:
                motion = estimate_motion(before, frame, quality=self.config.flow)
                trusted = motion.consistency * find_again(before, frame, motion)
                mask = carried(mask, motion.flow_backward, trusted)
            if cuts:
                break
            _put(store, timed.index, soften(mask))
            before = frame
        if not (cuts := cuts or detector.finish()):
            return {}
        end = first + cuts[0]
        text = f"the region of {path} ends with its shot, before frame {end}"
        listener(Notice(text=text, is_warning=True))
        return {"end": end}


def paint_regions(
    tools: Tools,
    masks: ClipMasks,
    manifest: Mapping[str, Any],
    *,
    restart: bool,
    listener: Listener,
) -> tuple[Found, FrameStore]:
    """Paint every region of a clip, and what is in none if there is a painting for it.

    Args:
        tools: Of the run.
        masks: Of the regions; their store is open.
        manifest: Of the run.
        restart: Throw away what an interrupted run has left.
        listener: Is told every step and every finished frame.

    Returns:
        What the reader has found, and where the finished frames are.
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
        result.put_stylized(index, composed(source, pictures, visible))

    def mask_for(place: int) -> Callable[[int], Mask]:
        return lambda index: _visible(masks.at(index), layers)[place]

    found = Found()
    for place, (layer, store) in enumerate(zip(layers, stores, strict=True)):
        painter = Painter(
            tools,
            store,
            masks.config,
            evolution=None,
            listener=lambda event: listener(_of_all(event, len(layers))),
            layer=Layer(
                region=None if layer < 0 else layer,
                mask=mask_for(place),
                keep=put_together if store is stores[-1] else None,
            ),
        )
        size = {"height": masks.height, "width": masks.width}
        with Ingest(masks.info, masks.config, store, **size) as ingest:
            found = painter.paint(ingest)
    return found, result


def pass_stores(store: FrameStore, passes: int) -> list[FrameStore]:
    """Say where each pass keeps its frames; without regions there is one."""
    later = [store.work_dir / f"region-{number}" for number in range(2, passes + 1)]
    return [store, *(FrameStore(path) for path in later)]


def _visible(masks: list[Mask], layers: range) -> list[Mask]:
    return [rest_of(masks), *masks] if layers[0] < 0 else masks


def _of_all(event: Event, passes: int) -> Event:
    """Count the frames of all passes."""
    if isinstance(event, FrameReport):
        return replace(event, frames_known=passes * event.frames_known)
    return event


def _put(store: FrameStore, index: int, mask: Mask) -> None:
    levels = (mask * 255).round().astype(np.uint8)
    store.put_stylized(index, np.repeat(levels[..., None], 3, axis=2))


def _probed(path: Path) -> VideoInfo | None:
    """Say what clip a file is; None: it is none."""
    try:
        return probe(path)
    except VideoOpenError:
        return None
