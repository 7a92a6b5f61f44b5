"""Paint frames by optimisation: where each one starts, and what it should become."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vidstyle.clip.painter import PaintStep
from vidstyle.clip.prefetch import PrefetchedFrame
from vidstyle.color.masks import guide_image, is_painted
from vidstyle.color.palette import color_statistics, palette_map
from vidstyle.config import VideoConfig
from vidstyle.images import frame_to_image
from vidstyle.motion.consistency import (
    DRY,
    carry_paint,
    erode_consistency,
    mask_paint,
    photometric_consistency,
)
from vidstyle.motion.warp import consistency_to_tensor, flow_to_tensor, warp
from vidstyle.optimize.pyramid import random_image
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import content_target
from vidstyle.records import Consistency, Frame, Motion, Paint
from vidstyle.stylize.stylizer import Stylizer
from vidstyle.video.work_dir import FrameStore

CUT_SHARE = 0.25
"""Less of the flow trusted than this: the frame is treated as the first of a shot."""
WORN = 10
"""Levels of 255 by which a place may differ from what it was painted for."""
WET = 5
"""A frame takes all its steps from one part in so many of new paint on."""
ENERGIES = "energies"
"""Name of the stored facts: by first frame, what content errors are divided by."""


@dataclass(frozen=True, slots=True)
class Following:
    """What a frame takes from its predecessor."""

    start: Tensor
    """(1, 3, H, W): the predecessor moved along, and filled in where it is not."""
    warped: Tensor
    """(1, 3, H, W): the predecessor moved along."""
    binding: Tensor
    """(1, 1, H, W) in [0, 1]: how firmly each pixel is held to ``warped``."""
    paint: Paint
    """This frame's."""


def follow(
    previous: Frame,
    paint: Paint,
    source: Frame,
    *,
    working: Frame,
    motion: Motion,
    seen_again: Consistency,
    device: torch.device,
) -> Following:
    """Bring a stylized frame, with paint of some age, onto its successor's source.

    Where nothing is seen again, something new comes into sight. There the frame starts
    from the source in the colors of the stylized frame: from the warped frame it would
    start with a smear of what is in front. New paint has had a few steps where a first
    frame's had hundreds; so it is bound more firmly from frame to frame, and has time
    to become as painted as what surrounds it. Paint also goes, little by little, where
    the scene is no longer what it was made for, though neighbouring frames look alike:
    in a dissolve, a fade, a title that fades in.

    Args:
        previous: The stylized frame, in working colors.
        paint: What is known of its paint.
        source: The successor's.
        working: The same in working colors.
        motion: From the predecessor to the successor.
        seen_again: The ``photometric_consistency`` of the two sources.
        device: Where to compute.

    Source: Ruder et al. 2016, section 4, start from the warped frame everywhere and
    mask only the loss; the fill and the age are ours.
    """
    flow = flow_to_tensor(motion.flow_backward, device=device)
    warped = warp(frame_to_image(previous, device=device), flow)
    still = photometric_consistency(paint.scene, source, motion, limit=WORN)
    reused = np.minimum(erode_consistency(seen_again), still)
    carried = carry_paint(paint, source, motion, reused)
    dryness = carried.age.astype(np.float32) / np.float32(DRY)
    bound = motion.consistency * reused * dryness
    colors = palette_map(color_statistics(working), color_statistics(previous))
    fill = frame_to_image(colors.apply(working), device=device)
    # The start mixes over a few pixels, so that no outline is carried along.
    share = consistency_to_tensor(reused, device=device)
    share = functional.avg_pool2d(share, 3, 1, 1, count_include_pad=False)
    return Following(
        start=fill.lerp(warped, share),
        warped=warped,
        binding=consistency_to_tensor(bound, device=device),
        paint=carried,
    )


class FrameOptimizer:
    """A ``FramePainter`` that optimises a batch of frames.

    It remembers of each first frame what the content errors of those that follow are
    divided by.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        store: FrameStore,
        config: VideoConfig,
        guided: bool,
    ) -> None:
        """Go on with what an interrupted run remembered. ``guided``: with masks."""
        self._stylizer, self._store, self._config = stylizer, store, config
        self._energies: dict[str, Mapping[str, float]] = store.facts(ENERGIES) or {}
        self._batch = stylizer.batch(
            config.batch, temporal_weight=config.temporal_weight, guided=guided
        )

    def run(self, frames: Iterator[PrefetchedFrame | None]) -> Iterator[PaintStep]:
        """Optimise frames until there are no more."""
        entered: dict[int, PrefetchedFrame] = {}

        def tasks() -> Iterator[FrameTask | None]:
            for frame in frames:
                if frame is not None:
                    entered[frame.index] = frame
                yield None if frame is None else self._task(frame)

        for done in self._batch.run(tasks()):
            frame = entered[done.task.frame]
            picture = partial(self._picture, done.slot, frame.source)
            if done.is_finished and done.report is not None:
                frame.paint = replace(frame.paint, loss=done.report.own_loss)
            yield PaintStep(frame, done.report, picture, is_finished=done.is_finished)
            if done.is_finished:
                del entered[frame.index]

    def _picture(self, slot: int, source: Frame) -> Frame:
        return self._stylizer.finished(self._batch.result(slot), source)

    def _task(self, frame: PrefetchedFrame) -> FrameTask:
        """Put together what is optimised for a frame."""
        if frame.is_blank:
            return self._blank(frame)
        motion = frame.motion
        is_cut = motion is not None and motion.trusted_share < CUT_SHARE
        if is_cut:
            frame.previous = None
        if frame.previous is None:
            return self._first(frame)
        return self._following(frame, *frame.previous)

    def _blank(self, frame: PrefetchedFrame) -> FrameTask:
        """Leave a frame as it is."""
        image = frame_to_image(frame.source, device=self._stylizer.device)
        content = content_target(self._stylizer.network, image, self._config.style)
        return FrameTask(frame=frame.index, start=image, content=content, steps=0)

    def _first(self, frame: PrefetchedFrame) -> FrameTask:
        """Begin a shot."""
        index = frame.index
        task = self._stylizer.first_task(
            index, frame.source, frame.style, mask=frame.mask, noise=index
        )
        self._energies[str(index)] = dict(task.content.energies)
        self._store.put_facts(ENERGIES, self._energies)
        return task

    def _following(
        self, frame: PrefetchedFrame, previous: Frame, paint: Paint
    ) -> FrameTask:
        """Go on in a shot from its newest picture, and describe the paint."""
        task = self._unbound(frame, previous)
        if frame.motion is None or frame.seen_again is None:
            frame.paint = paint
            return task
        if frame.mask_before is not None:  # elsewhere there is no paint to keep
            paint = mask_paint(paint, is_painted(frame.mask_before))
        bank = self._stylizer.bank
        bound = follow(
            bank.to_working(previous),
            paint,
            frame.source,
            working=bank.to_working(frame.source),
            motion=frame.motion,
            seen_again=frame.seen_again,
            device=self._stylizer.device,
        )
        frame.paint = bound.paint
        is_warped = self._config.next_init == "previous-warped"
        return replace(
            task,
            start=bound.start if is_warped else task.start,
            steps=round(task.steps * (2 - frame.motion.trusted_share)),
            least_steps=self._least_steps(bound.paint),
            goal=math.nan if self._config.style.balance == "gradients" else paint.loss,
            warped=bound.warped,
            consistency=bound.binding,
        )

    def _least_steps(self, paint: Paint) -> int:
        """Give new paint the time that it needs, however little of the frame it is."""
        config = self._config
        wet = float((paint.age < DRY).mean())
        wanted = round(config.next_steps * min(1, WET * wet))
        return max(config.next_min_steps, wanted)

    def _unbound(self, frame: PrefetchedFrame, previous: Frame) -> FrameTask:
        """Make the task of a frame that nothing holds to its predecessor."""
        stylizer, config = self._stylizer, self._config
        device = stylizer.device
        image = frame_to_image(frame.content, device=device)
        energies = self._energies_of(frame.index)
        match config.next_init:
            case "content":
                start = image.clone()
            case "random":
                start = random_image(image, seed=config.style.seed, index=frame.index)
            case _:
                working = stylizer.bank.to_working(previous)
                start = frame_to_image(working, device=device)
        mask = frame.mask
        return FrameTask(
            frame=frame.index,
            start=start,
            content=content_target(stylizer.network, image, config.style, energies),
            steps=config.next_steps,
            style=stylizer.bank.style(frame.style),
            mask=None if mask is None else guide_image(mask, device=device),
        )

    def _energies_of(self, index: int) -> Mapping[str, float]:
        """Return those of the newest first frame at or before this one."""
        first = max(known for key in self._energies if (known := int(key)) <= index)
        return self._energies[str(first)]
