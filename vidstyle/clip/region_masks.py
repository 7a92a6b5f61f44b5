"""The masks of a clip's regions, frame by frame.

A mask is a picture, which stays where it is or is carried along by the flow, or a clip.
Masks that change are made once, before anything is painted, and kept in ``mask-N``
below the work directory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vidstyle.clip.prefetch import MotionEstimator
from vidstyle.clip.reader import FrameReader, SelectedFrames, expected_span
from vidstyle.color import Mask, flatten_masks, moved_mask, soft_mask, soften
from vidstyle.config import FlowQuality, Region, VideoConfig, check_mask_shape
from vidstyle.errors import ConfigError, VideoOpenError
from vidstyle.images import resize_frame
from vidstyle.motion.consistency import photometric_consistency
from vidstyle.motion.flow import estimate_motions
from vidstyle.motion.shots import ShotDetector
from vidstyle.records import Frame, Listener, Notice, TimedFrame, VideoInfo
from vidstyle.stylize.image import read_mask
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.work_dir import FrameStore

READY = "ready"
"""Name of the stored facts on masks that are all there: where they end, and why."""


@dataclass(slots=True, kw_only=True)
class _RegionMask:
    """The mask of one region; a picture, unless it is a clip."""

    path: Path
    clip: VideoInfo | None
    picture: Mask | None
    changes: bool
    """Whether it is another in each frame, and kept in the store."""
    store: FrameStore
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Where the frames in the store end, and why."""

    def at(self, index: int, *, height: int, width: int) -> Mask:
        """Return the mask in a frame."""
        if self.picture is not None and not self.changes:
            return self.picture
        if index >= self.facts.get("end", index + 1):
            return np.zeros((height, width), np.float32)
        # A mask that ends before the clip does stays as it was.
        levels = self.store.stylized(min(index, self.facts.get("last", index)))
        return np.asarray(levels[..., 0] / 255, np.float32)

    def put(self, index: int, mask: Mask) -> None:
        """Keep a frame's mask, in 8 bits."""
        levels = (mask * 255).round().astype(np.uint8)
        self.store.put_stylized(index, np.repeat(levels[..., None], 3, axis=2))


@dataclass(frozen=True, kw_only=True)
class RegionMasks:
    """The masks of a clip's regions, frame by frame."""

    regions: Sequence[Region]
    reader: FrameReader
    config: VideoConfig
    store: FrameStore
    """The run's; masks that change are kept below it."""
    height: int
    width: int
    motion: MotionEstimator = estimate_motions

    @property
    def _size(self) -> dict[str, int]:
        return {"height": self.height, "width": self.width}

    @cached_property
    def _masks(self) -> list[_RegionMask]:
        """Open the files of the masks."""
        masks = []
        for number, path in enumerate((each.mask for each in self.regions), start=1):
            clip = _probed(path)
            mask = _RegionMask(
                path=path,
                clip=clip,
                picture=None if clip else read_mask(path, **self._size),
                changes=clip is not None or self.config.mask_motion == "flow",
                store=FrameStore(self.store.work_dir / f"mask-{number}"),
            )
            if clip is not None:
                size = clip.height, clip.width
                check_mask_shape(path, *size, height=self.height, width=self.width)
            masks.append(mask)
        return masks

    def check(self) -> None:
        """Check the files before the work.

        Raises:
            ImageOpenError: If one is neither a picture nor a clip.
            ConfigError: If one has another shape than the clip, or is black.
        """
        _ = self._masks

    def open(
        self, manifest: Mapping[str, Any], *, restart: bool, listener: Listener
    ) -> None:
        """Make the masks that change, unless an earlier run has made them.

        The listener is told where one does not fit the clip.

        Raises:
            ConfigError: If one that is a clip is black throughout.
        """
        changing = [mask for mask in self._masks if mask.changes]
        for mask in changing:
            mask.store.open(manifest, restart=restart)
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
        return flatten_masks([mask.at(index, **self._size) for mask in self._masks])

    def _misfits(self, mask: _RegionMask) -> Iterator[str]:
        """Yield where a mask does not fit the clip."""
        info, clip = self.reader.info, mask.clip
        if (cut_s := mask.facts.get("cut_s")) is not None:
            yield (
                f"ends with its shot: after the cut at {cut_s:.2f} s nobody knows "
                "where its region is, so it is empty there; a mask that is a clip can "
                "say it"
            )
        if clip is not None and clip.kind == "video" and clip.fps != info.fps:
            rates = f"{float(clip.fps):.4g} frames a second and the clip "
            yield f"has {rates}{float(info.fps):.4g}; they are taken one for one"
        _, stop = expected_span(info, self.config)
        last = mask.facts.get("last")
        if last is not None and stop is not None and last + 1 < stop:
            yield f"has {last + 1} frames and the clip has more; it stays as it ends"

    def _read(self, mask: _RegionMask, clip: VideoInfo) -> None:
        """Keep the frames of a mask that is a clip, and which is the last."""
        start, stop = expected_span(self.reader.info, self.config)
        last, is_seen = 0, False
        for timed in read_frames(clip, on_warning=lambda _: None):
            last = timed.index
            frame = soft_mask(timed.frame, **self._size)
            is_seen = (is_seen and last > start) or bool(frame.any())
            mask.put(last, frame)
            if stop is not None and last + 1 >= stop:
                break
        if not is_seen:
            raise ConfigError(
                f"the mask {mask.path} is black in every frame that is painted; white "
                "says where its region is."
            )
        mask.store.put_facts(READY, {"last": last})

    def _propagate(self, masks: Sequence[_RegionMask]) -> None:
        """Keep pictures moved along with what they lie on, and where they end."""
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
        ends = {}
        if cut is not None:
            cut_s = cut.time_s - self.reader.info.start_s
            ends = {"end": cut.frame, "cut_s": cut_s}
        for mask in masks:
            mask.store.put_facts(READY, ends)


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
    motion: MotionEstimator = estimate_motions,
) -> Cut | None:
    """Move masks along with what they lie on, as far as the shot goes.

    After a cut nobody knows where they would be, so they end with it. ``keep`` is given
    each frame's index and its masks, also for a few frames after the cut, until it is
    certain.

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
            move, _ = motion(before, frame, quality=flow)
            trusted = move.consistency * photometric_consistency(before, frame, move)
            moved = [moved_mask(each, move.flow_backward, trusted) for each in moved]
        keep(timed.index, [soften(mask) for mask in moved])
        before = frame
    cuts = detector.finish()
    return seen[cuts[0]] if cuts else None
