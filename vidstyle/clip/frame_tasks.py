"""A prepared frame and its painted predecessor -> what is optimised for it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vidstyle.clip.prefetch import PrefetchedFrame
from vidstyle.color.masks import guide_image, is_painted
from vidstyle.color.palette import color_statistics, palette_map
from vidstyle.config import VideoConfig
from vidstyle.images import frame_to_image
from vidstyle.motion.consistency import (
    DRY,
    Age,
    advance_age,
    erode_consistency,
    mask_age,
)
from vidstyle.motion.warp import consistency_to_tensor, flow_to_tensor, warp
from vidstyle.optimize.pyramid import random_image
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import content_target
from vidstyle.records import Consistency, Frame, Motion
from vidstyle.stylize.stylizer import Stylizer
from vidstyle.video.work_dir import FrameStore

CUT_SHARE = 0.25
"""Less of the flow trusted than this: the frame is treated as the first of a shot."""
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
    age: Age
    """Of this frame's paint."""


def follow(
    previous: Frame,
    age: Age,
    source: Frame,
    *,
    motion: Motion,
    seen_again: Consistency,
    device: torch.device,
) -> Following:
    """Bring a painted frame onto its successor.

    Where nothing is seen again, something new comes into sight. There the frame starts
    from the source in the colours of the painted frame: from the warped frame it would
    start with a smear of what is in front. New paint has had a few steps where a first
    frame's had hundreds; so it is bound more firmly from frame to frame, and has time
    to become as painted as what surrounds it.

    Args:
        previous: The painted predecessor.
        age: Of its paint.
        source: This frame's content, at the same size, in its own colours.
        motion: From the predecessor to this frame.
        seen_again: What ``photometric_consistency`` says of the two.
        device: Where to compute.

    Source: Ruder et al. 2016, section 4, start from the warped frame everywhere and
    mask only the loss; the fill and the age are ours.
    """
    flow = flow_to_tensor(motion.flow_backward, device=device)
    warped = warp(frame_to_image(previous, device=device), flow)
    reused = erode_consistency(seen_again)
    grown = advance_age(age, reused, motion)
    bound = motion.consistency * reused * (grown.astype(np.float32) / np.float32(DRY))
    colors = palette_map(color_statistics(source), color_statistics(previous))
    fill = frame_to_image(colors.apply(source), device=device)
    # The start mixes over a few pixels, so that no outline is carried along.
    share = functional.avg_pool2d(
        consistency_to_tensor(reused, device=device),
        3,
        stride=1,
        padding=1,
        count_include_pad=False,
    )
    return Following(
        start=fill.lerp(warped, share),
        warped=warped,
        binding=consistency_to_tensor(bound, device=device),
        age=grown,
    )


class FrameTasks:
    """Puts together where each frame starts and what it should become.

    It remembers of each first frame what the content errors of those that follow are
    divided by.
    """

    def __init__(
        self, stylizer: Stylizer, store: FrameStore, config: VideoConfig
    ) -> None:
        """Go on with what an interrupted run remembered, if there was one.

        Args:
            stylizer: Of the run.
            store: Of the run.
            config: How.
        """
        self._stylizer, self._store, self._config = stylizer, store, config
        self._energies: dict[str, Mapping[str, float]] = store.facts(ENERGIES) or {}

    def first(self, frame: PrefetchedFrame) -> FrameTask:
        """Begin a shot."""
        index = frame.index
        task = self._stylizer.first_task(
            index, frame.source, frame.style, mask=frame.mask, noise=index
        )
        self._energies[str(index)] = dict(task.content.energies)
        self._store.put_facts(ENERGIES, self._energies)
        return task

    def blank(self, frame: PrefetchedFrame) -> FrameTask:
        """Leave a frame as it is: there is nothing to paint in it."""
        image = frame_to_image(frame.content, device=self._stylizer.device)
        content = content_target(self._stylizer.network, image, self._config.style)
        return FrameTask(frame=frame.index, start=image, content=content, steps=0)

    def following(self, frame: PrefetchedFrame, previous: Frame, age: Age) -> FrameTask:
        """Go on in a shot, unless too little of it goes on.

        Args:
            frame: With its motion; its ``age`` is set.
            previous: Its painted predecessor, as stored: 8 bits, in every run.
            age: Of that one's paint. Where it was not painted, there is none to keep.
        """
        motion = frame.motion
        if motion is not None and motion.trusted_share < CUT_SHARE:
            return self.first(frame)
        bank, device = self._stylizer.bank, self._stylizer.device
        previous = bank.to_working(previous)
        image = frame_to_image(frame.content, device=device)
        bound = None
        steps = self._config.next_steps
        if motion is not None and frame.seen_again is not None:
            if frame.mask_before is not None:
                age = mask_age(age, is_painted(frame.mask_before))
            bound = follow(
                previous,
                age,
                bank.to_working(frame.source),
                motion=motion,
                seen_again=frame.seen_again,
                device=device,
            )
            age = bound.age
            steps = round(steps * (2 - motion.trusted_share))
        frame.age = age
        mask = frame.mask
        return FrameTask(
            frame=frame.index,
            start=self._start(frame.index, image, previous, bound),
            content=content_target(
                self._stylizer.network,
                image,
                self._config.style,
                self._energies_of(frame.index),
            ),
            steps=steps,
            style=bank.style(frame.style),
            mask=None if mask is None else guide_image(mask, device=device),
            warped=bound.warped if bound else None,
            consistency=bound.binding if bound else None,
        )

    def _start(
        self, index: int, image: Tensor, previous: Frame, bound: Following | None
    ) -> Tensor:
        match self._config.next_init:
            case "previous-warped" if bound is not None:
                return bound.start
            case "content":
                return image.clone()
            case "random":
                return random_image(image, seed=self._config.style.seed, index=index)
            case _:
                return frame_to_image(previous, device=self._stylizer.device)

    def _energies_of(self, index: int) -> Mapping[str, float]:
        """Those of the newest first frame at or before this one."""
        first = max(known for key in self._energies if (known := int(key)) <= index)
        return self._energies[str(first)]
