"""The masks of a clip's regions, frame by frame.

A mask is a picture, which stays where it is or is carried along by the flow, or a clip.
Masks that change are made once, before anything is painted, and kept in ``mask-N``
below the work directory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vidstyle.clip.ingest import Ingest, expected_span
from vidstyle.color.masks import Mask, flatten_masks, moved_mask, soft_mask, soften
from vidstyle.config import FlowQuality, Region, VideoConfig
from vidstyle.errors import ConfigError, VideoOpenError
from vidstyle.images import resize_frame
from vidstyle.motion.consistency import photometric_consistency
from vidstyle.motion.flow import estimate_motion
from vidstyle.motion.shots import ShotDetector
from vidstyle.records import Frame, Listener, Notice, TimedFrame, VideoInfo
from vidstyle.stylize.inputs import check_mask_shape, read_mask
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.work_dir import FrameStore

READY = "ready"
"""Name of the stored facts on masks that are all there: where they end, and why."""


@dataclass(frozen=True, kw_only=True)
class RegionMasks:
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
    def _clips(self) -> list[VideoInfo | None]:
        """The masks that are clips, None for those that are pictures."""
        return [_probed(each.mask) for each in self.regions]

    @cached_property
    def _pictures(self) -> list[Mask | None]:
        """The masks that are pictures, None for those that are clips."""
        return [
            read_mask(each.mask, **self._size) if clip is None else None
            for each, clip in zip(self.regions, self._clips, strict=True)
        ]

    @cached_property
    def _ready(self) -> list[Mapping[str, Any]]:
        """What is known of each mask that changes, once all of them are made."""
        return [
            self._kept(each).facts(READY) or {} for each in range(len(self.regions))
        ]

    def check(self) -> None:
        """Check the files before the work.

        Raises:
            ImageOpenError: If one is neither a picture nor a clip.
            ConfigError: If one has another shape than the clip, or is black.
        """
        for picture, clip in zip(self._pictures, self._clips, strict=True):
            if picture is None and clip is not None:
                check_mask_shape(clip.path, clip.height, clip.width, **self._size)

    def open(
        self, manifest: Mapping[str, Any], *, restart: bool, listener: Listener
    ) -> None:
        """Make the masks that change, unless an earlier run has made them.

        Args:
            manifest: Of the run.
            restart: Throw away what an interrupted run has left.
            listener: Is told where a mask ends before the clip does.

        Raises:
            ConfigError: If one that is a clip is black throughout.
        """
        missing = []
        for number, picture in enumerate(self._pictures):
            if self._changes(picture):
                store = self._kept(number)
                store.open(manifest, restart=restart)
                if store.facts(READY) is None:
                    missing.append(number)
        pictures = [each for each in missing if self._pictures[each] is not None]
        if pictures:
            self._carry(pictures)
        for number in missing:
            if (clip := self._clips[number]) is not None:
                self._read(number, clip)
        for number, picture in enumerate(self._pictures):
            if self._changes(picture):
                for text in self._misfits(number, self._ready[number]):
                    listener(Notice(text=text, is_warning=True))

    def at(self, index: int) -> list[Mask]:
        """Return the visible part of each region's mask in a frame."""
        masks = []
        for number, picture in enumerate(self._pictures):
            if picture is None or self._changes(picture):
                masks.append(self._load(number, index))
            else:
                masks.append(picture)
        return flatten_masks(masks)

    def _changes(self, picture: Mask | None) -> bool:
        return picture is None or self.config.mask_motion == "flow"

    def _kept(self, number: int) -> FrameStore:
        return FrameStore(self.store.work_dir / f"mask-{number + 1}")

    def _load(self, number: int, index: int) -> Mask:
        store, known = self._kept(number), self._ready[number]
        if index >= known.get("end", index + 1):
            return np.zeros((self.height, self.width), np.float32)
        # A mask that ends before the clip does stays as it was.
        levels = store.stylized(min(index, known.get("last", index)))[..., 0]
        return np.asarray(levels / 255, np.float32)

    def _misfits(self, number: int, facts: Mapping[str, Any]) -> Iterator[str]:
        """Yield warnings where a mask does not fit the clip."""
        path, mask = self.regions[number].mask, self._clips[number]
        if (cut_s := facts.get("cut_s")) is not None:
            yield (
                f"the mask {path} ends with its shot: after the cut at {cut_s:.2f} s "
                "nobody knows where its region is, so it is empty there; a mask that "
                "is a clip can say it"
            )
        if mask is not None and mask.kind == "video" and mask.fps != self.info.fps:
            yield (
                f"the mask {path} has {float(mask.fps):.4g} frames a second and the "
                f"clip {float(self.info.fps):.4g}; they are taken one for one"
            )
        _, stop = expected_span(self.info, self.config)
        last = facts.get("last")
        if last is not None and stop is not None and last + 1 < stop:
            yield (
                f"the mask {path} has {last + 1} frames and the clip has more; it "
                "stays as it ends"
            )

    def _read(self, number: int, clip: VideoInfo) -> None:
        """Keep the frames of a mask that is a clip, and which is the last.

        Raises:
            ConfigError: If all that are needed of it are black.
        """
        start, stop = expected_span(self.info, self.config)
        store = self._kept(number)
        last, is_seen = 0, False
        for timed in read_frames(clip, on_warning=lambda _: None):
            last = timed.index
            mask = soft_mask(timed.frame, **self._size)
            is_seen = (is_seen and last > start) or bool(mask.any())
            _put(store, last, mask)
            if stop is not None and last + 1 >= stop:
                break
        if not is_seen:
            raise ConfigError(
                f"the mask {clip.path} is black in every frame that is painted; white "
                "says where its region is."
            )
        store.put_facts(READY, {"last": last})

    def _carry(self, numbers: Sequence[int]) -> None:
        """Keep pictures moved along with what they lie on, and where they end."""
        pictures = [self._pictures[number] for number in numbers]
        masks = [picture for picture in pictures if picture is not None]
        stores = [self._kept(number) for number in numbers]

        def keep(index: int, moved: Sequence[Mask]) -> None:
            for store, mask in zip(stores, moved, strict=True):
                _put(store, index, mask)

        frames = Ingest(
            self.info,
            self.config,
            self.store,
            height=self.height,
            width=self.width,
        ).selected()
        cut = propagate_masks(masks, frames, flow=self.config.flow, keep=keep)
        ends = {}
        if cut is not None:
            ends = {"end": cut.frame, "cut_s": cut.time_s - self.info.start_s}
        for store in stores:
            store.put_facts(READY, ends)


def _put(store: FrameStore, index: int, mask: Mask) -> None:
    levels = (mask * 255).round().astype(np.uint8)
    store.put_stylized(index, np.repeat(levels[..., None], 3, axis=2))


def _probed(path: Path) -> VideoInfo | None:
    """Probe a mask's file; None: it is a picture."""
    try:
        return probe(path)
    except VideoOpenError:
        return None


class Cut(NamedTuple):
    """Where a shot ends."""

    frame: int
    """The index of the next one's first."""
    time_s: float
    """When that is shown, on the source's clock."""


def propagate_masks(
    masks: Sequence[Mask],
    frames: Iterable[TimedFrame],
    *,
    flow: FlowQuality,
    keep: Callable[[int, Sequence[Mask]], None],
) -> Cut | None:
    """Move masks along with what they lie on, as far as the shot goes.

    After a cut nobody knows where they would be, so they end with it.

    Args:
        masks: Of the first frame, (H, W) each.
        frames: Of the clip, in order, from there on.
        flow: How carefully motion is measured.
        keep: Is given each frame's index and the masks that it has; also for a few
            frames after the cut, until it is certain.

    Returns:
        The cut that they end with. None: there is none.
    """
    height, width = masks[0].shape
    # Only the borders of what is kept are soft; of what is moved, they would fray.
    moved = [np.asarray(mask > 0.5, np.float32) for mask in masks]
    detector, seen = ShotDetector(), list[Cut]()
    before: Frame | None = None
    for timed in frames:
        frame = resize_frame(timed.frame, height=height, width=width)
        seen.append(Cut(timed.index, timed.time_s))
        if cuts := detector.push(frame):
            return seen[cuts[0]]
        if before is not None:
            motion = estimate_motion(before, frame, quality=flow)
            trusted = motion.consistency * photometric_consistency(
                before, frame, motion
            )
            flows = motion.flow_backward
            moved = [moved_mask(mask, flows, trusted) for mask in moved]
        keep(timed.index, [soften(mask) for mask in moved])
        before = frame
    cuts = detector.finish()
    return seen[cuts[0]] if cuts else None
