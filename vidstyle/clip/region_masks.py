"""The masks of a clip's regions, frame by frame.

A mask is a still picture, a picture propagated along the flow, or a clip. Masks that
change over time are computed once, before any frame is painted, and stored in
``mask-N`` in the work directory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vidstyle.clip.prefetch import MotionEstimator
from vidstyle.clip.reader import FrameReader, SelectedFrames, expected_span
from vidstyle.clip.results import frame_shape
from vidstyle.color import Mask, flatten_masks, moved_mask, soft_mask, soften
from vidstyle.config import FlowQuality, Region, VideoConfig, check_mask_shape
from vidstyle.errors import ConfigError, VideoOpenError, counted
from vidstyle.images import resize_frame
from vidstyle.motion.consistency import photometric_consistency
from vidstyle.motion.flow import estimate_motions
from vidstyle.motion.shots import ShotDetector
from vidstyle.records import Frame, Listener, Notice, TimedFrame, VideoInfo
from vidstyle.stylize.image import read_mask
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.work_dir import FrameStore

READY = "ready"  # name of the facts stored with a complete mask: where and why it ends


@dataclass(slots=True, kw_only=True)
class _RegionMask:
    """The mask of one region: a picture or a clip."""

    path: Path
    clip: VideoInfo | None
    picture: Mask | None
    changes: bool  # whether it changes over time, and is in the store
    store: FrameStore
    facts: Mapping[str, Any] = field(default_factory=dict)  # as stored

    def at(self, index: int, size: tuple[int, int]) -> Mask:
        if self.picture is not None and not self.changes:
            return self.picture
        end = self.facts.get("end")
        if end is not None and index >= end:
            return np.zeros(size, np.float32)
        # A mask shorter than the clip keeps its last frame.
        levels = self.store.stylized(min(index, self.facts.get("last", index)))
        return np.asarray(levels[..., 0] / 255, np.float32)

    def put(self, index: int, mask: Mask) -> None:
        """Store a frame's mask, in 8 bits."""
        levels = (mask * 255).round().astype(np.uint8)
        self.store.put_stylized(index, np.repeat(levels[..., None], 3, axis=2))


@dataclass
class RegionMasks:
    """The masks of a clip's regions, frame by frame."""

    regions: Sequence[Region]
    reader: FrameReader
    config: VideoConfig
    store: FrameStore  # of the run; those of changing masks are in its folder
    motion: MotionEstimator = estimate_motions
    _masks: list[_RegionMask] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Check the files early.

        Raises ImageOpenError if one is neither a picture nor a clip, ConfigError if its
        aspect ratio is not the clip's or it is black.
        """
        height, width = self.size
        for number, (path, _) in enumerate(self.regions, start=1):
            clip = None
            with suppress(VideoOpenError):  # it is a picture
                clip = probe(path)
                tall, wide = clip.height, clip.width
                check_mask_shape(path, tall, wide, height=height, width=width)
            mask = _RegionMask(
                path=path,
                clip=clip,
                picture=None if clip else read_mask(path, height=height, width=width),
                changes=clip is not None or self.config.mask_motion == "flow",
                store=FrameStore(self.store.work_dir / f"mask-{number}"),
            )
            self._masks.append(mask)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the painted frames."""
        return frame_shape(self.reader.info, self.config.style.long_side)

    def moved_to(self, store: FrameStore) -> "RegionMasks":
        """Return the same for a copy of the work directory; reads no mask files."""
        masks = [
            replace(mask, store=FrameStore(store.work_dir / mask.store.work_dir.name))
            for mask in self._masks
        ]
        moved = copy(self)
        moved.store, moved._masks = store, masks
        return moved

    @property
    def last_frames(self) -> set[int]:
        """The frames whose masks are held until the end of the clip."""
        return {mask.facts["last"] for mask in self._masks if "last" in mask.facts}

    def open(self, manifest: Mapping[str, Any], listener: Listener) -> None:
        """Compute the masks that change over time, unless an earlier run has.

        The listener is warned if one does not fit the clip. Raises ConfigError if a
        mask clip is black throughout.
        """
        changing = [mask for mask in self._masks if mask.changes]
        for mask in changing:
            mask.store.open(manifest)
        missing = [mask for mask in changing if mask.store.facts(READY) is None]
        self._propagate([mask for mask in missing if mask.picture is not None])
        for mask in missing:
            if mask.clip is not None:
                self._read(mask, mask.clip)
        for mask in changing:
            mask.facts = mask.store.facts(READY) or {}
            for misfit in self._misfits(mask):
                text = f"the mask {mask.path} {misfit}"
                listener(Notice(text=text, is_warning=True))

    def at(self, index: int) -> list[Mask]:
        """Return the visible part of each region's mask in a frame."""
        size = self.size
        return flatten_masks([mask.at(index, size) for mask in self._masks])

    def _misfits(self, mask: _RegionMask) -> Iterator[str]:
        """Describe how a mask does not fit the clip."""
        info, clip = self.reader.info, mask.clip
        if (cut_s := mask.facts.get("cut_s")) is not None:
            yield (
                f"ends with its shot: after the cut at {cut_s:.2f} s its region is "
                "unknown, so it is empty; use a clip as the mask to cover other shots"
            )
        if clip is not None and clip.kind == "video" and clip.fps != info.fps:
            rates = f"{float(clip.fps):.4g} fps and the clip {float(info.fps):.4g} fps"
            yield f"has {rates}; frames are matched one to one"
        _, stop = expected_span(info, self.config)
        last = mask.facts.get("last")
        if last is not None and stop is not None and last + 1 < stop:
            count = counted(last + 1, "frame")
            yield f"has {count}, fewer than the clip; its last frame is held"

    def _read(self, mask: _RegionMask, clip: VideoInfo) -> None:
        """Store the frames of a mask clip, and the index of the last one."""
        start, stop = expected_span(self.reader.info, self.config)
        height, width = self.size
        last, is_seen = 0, False
        for timed in read_frames(clip, on_warning=lambda _: None):
            last = timed.index
            frame = soft_mask(timed.frame, height=height, width=width)
            if last <= start:  # what earlier frames show is not used
                is_seen = False
            is_seen = is_seen or bool(frame.any())
            mask.put(last, frame)
            if stop is not None and last + 1 >= stop:
                break
        if not is_seen:
            frames = f"{start}:{'' if stop is None else stop}"
            raise ConfigError(
                f"the mask {mask.path} is black in every frame of {frames}; paint its "
                "region white, or choose other --frames."
            )
        mask.store.put_facts(READY, {"last": last})

    def _propagate(self, masks: Sequence[_RegionMask]) -> None:
        """Store mask pictures propagated along the flow, and where they end."""
        if not masks:
            return

        def keep(index: int, moved: Sequence[Mask]) -> None:
            for mask, frame in zip(masks, moved, strict=True):
                mask.put(index, frame)

        cut = propagate_masks(
            [mask.picture for mask in masks if mask.picture is not None],
            SelectedFrames(self.reader, self.config),
            flow=self.config.flow,
            keep=keep,
            motion=self.motion,
        )
        ends: dict[str, float] = {}
        if cut is not None:
            cut_s = cut.time_s - self.reader.info.start_s
            ends = {"end": cut.frame, "cut_s": cut_s}
        for mask in masks:
            mask.store.put_facts(READY, ends)


class Cut(NamedTuple):
    """The first frame of a shot."""

    frame: int
    time_s: float  # on the source's clock


def propagate_masks(
    masks: Sequence[Mask],
    frames: Iterable[TimedFrame],
    *,
    flow: FlowQuality,
    keep: Callable[[int, Sequence[Mask]], None],
    motion: MotionEstimator = estimate_motions,
) -> Cut | None:
    """Propagate masks along the flow until the first cut, which is returned.

    ``keep`` is called with each frame's index and masks, even for a few frames after
    the cut, until it is certain.
    """
    height, width = masks[0].shape
    # Borders are softened for ``keep`` only: warped again and again, they would fray.
    moved = [np.asarray(mask > 0.5, np.float32) for mask in masks]
    detector = ShotDetector()
    firsts = list[Cut]()  # each frame, as if its shot began with it
    before: Frame | None = None
    for timed in frames:
        frame = resize_frame(timed.frame, height=height, width=width)
        firsts.append(Cut(timed.index, timed.time_s))
        if cuts := detector.push(frame):
            return firsts[cuts[0]]
        if before is not None:
            move, _ = motion(before, frame, quality=flow)
            trusted = move.consistency * photometric_consistency(before, frame, move)
            moved = [moved_mask(mask, move.flow_backward, trusted) for mask in moved]
        keep(timed.index, [soften(mask) for mask in moved])
        before = frame
    cuts = detector.finish()
    return firsts[cuts[0]] if cuts else None
