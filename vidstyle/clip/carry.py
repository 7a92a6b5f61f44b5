"""Paint carried from frame to frame: from one predecessor, or from both sides."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from vidstyle.clip.prefetch import Origin, PrefetchedFrame
from vidstyle.color import color_statistics, is_painted, palette_map
from vidstyle.images import frame_to_image
from vidstyle.motion.consistency import (
    DRY,
    SHARP,
    WORN,
    carry_paint,
    erode_consistency,
    move_along,
    photometric_consistency,
    soften_consistency,
)
from vidstyle.motion.warp import consistency_to_tensor, flow_to_tensor, warp
from vidstyle.records import Consistency, Frame, Motion, Paint

Plane = npt.NDArray[np.float32]


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
    frames: int = 1,
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
        frames: From the predecessor to the successor.
        device: Where to compute.

    Source: Ruder et al. 2016, section 4, start from the warped frame everywhere and
    mask only the loss; the fill and the age are ours.
    """
    flow = flow_to_tensor(motion.flow_backward, device=device)
    warped = warp(frame_to_image(previous, device=device), flow)
    still = photometric_consistency(
        paint.scene, source, motion, trusted=WORN, doubted=WORN
    )
    reused = np.minimum(erode_consistency(seen_again), still)
    carried = carry_paint(paint, source, motion, reused, frames=frames)
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


def mix_carried(
    frame: PrefetchedFrame,
    pictures: Sequence[Frame],
    working: Frame,
) -> tuple[Frame, Consistency]:
    """Mix the paint of the key frames on both sides of a frame, moved onto it.

    The nearer one counts for more, so that each becomes the other little by little.
    What neither shows comes from the frame's predecessor; and what that does not show
    either is the source in the colors of the stylized frame.

    Args:
        frame: Has a motion from each of its origins.
        pictures: Each origin as stylized, in working colors.
        working: The frame's source, likewise.

    Returns:
        The mixture, and how far it comes from key frames: (H, W) in [0, 1].

    Source: Jamriska et al. 2019, "Stylizing video by example", carry key frames to both
    sides and blend them; mixing by time alone, wherever the key frames' sources are
    seen again, is ours.
    """
    colors = palette_map(color_statistics(working), color_statistics(pictures[0]))
    image = colors.apply(working).astype(np.float32)
    mixed, total = np.zeros_like(image), np.zeros_like(image[..., :1])
    held = total.copy()
    for origin, picture in zip(frame.origins, pictures, strict=True):
        moved, share = _carried(origin, picture)
        if origin.index not in {frame.turn.before, frame.turn.after}:
            image += share * (moved - image)
            continue
        weight = share / np.float32(abs(frame.index - origin.index))
        mixed += weight * moved
        total += weight
        held = np.maximum(held, share)
    image += held * (mixed / np.maximum(total, 1e-6) - image)
    return np.asarray(image.clip(0, 255).round(), np.uint8), held[..., 0]


def _carried(origin: Origin, picture: Frame) -> tuple[Plane, Plane]:
    """Move an origin's paint onto a frame: (H, W, 3); and (H, W, 1), where it belongs.

    Raises:
        ValueError: If the origin has no motion.
    """
    if origin.motion is None or origin.seen_again is None:
        raise ValueError("paint can only be carried along optical flow.")
    flow, seen = origin.motion.flow_backward, erode_consistency(origin.seen_again)
    if origin.mask is not None:
        seen = seen * move_along(is_painted(origin.mask).astype(np.float32), flow)
    moved = move_along(picture.astype(np.float32), flow, SHARP)
    return moved, soften_consistency(seen)[..., np.newaxis]
