"""A painted frame and how things moved -> where the next starts, what binds it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vidstyle.controls.palette import color_statistics, palette_map
from vidstyle.images import frame_to_image
from vidstyle.motion.reuse import DRY, Age, grow, widen_distrust
from vidstyle.motion.warp import consistency_to_tensor, flow_to_tensor, warp
from vidstyle.records import Consistency, Frame, Motion


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


def first_age(frame: Frame) -> Age:
    """Say of a frame that follows no other that all its paint is dry."""
    return np.full(frame.shape[:2], DRY, np.uint8)


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
        seen_again: What ``find_again`` says of the two.
        device: Where to compute.

    Source: Ruder et al. 2016, section 4, start from the warped frame everywhere and
    mask only the loss; the fill and the age are ours.
    """
    flow = flow_to_tensor(motion.flow_backward, device=device)
    warped = warp(frame_to_image(previous, device=device), flow)
    reused = widen_distrust(seen_again)
    grown = grow(age, reused, motion)
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
