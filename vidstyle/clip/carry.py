"""Temporal coherence: paint warped from a predecessor or blended from key frames."""

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
    LANCZOS,
    MATURE_AGE,
    SCENE_TOLERANCE,
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
    """What a frame takes over from its predecessor."""

    start: Tensor
    """(1, 3, H, W), initial image: the warped predecessor, filled where disoccluded."""
    warped: Tensor  # (1, 3, H, W), the warped predecessor
    binding: Tensor
    """(1, 1, H, W) in [0, 1], per-pixel weight of the temporal loss to ``warped``."""
    paint: Paint  # state of this frame's paint


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
    """Warp a stylized frame and the state of its paint onto the next frame.

    Disoccluded areas start from the source, recolored like the stylized frame: the
    warped frame would start them with a smear of the foreground. New paint has had few
    steps where a first frame's had hundreds, so it is bound weakly at first and more
    firmly with age, which lets it catch up with the paint around it. Paint is also
    replaced gradually where the scene has drifted away from the one it was made for,
    though consecutive frames look alike: in a dissolve, a fade, or a title fading in.

    ``previous`` is the stylized frame and ``working`` the ``source`` of the next, both
    in working colors; ``seen_again`` is the ``photometric_consistency`` of the two
    sources, and ``frames`` the number of frames from the one to the other.

    Source: Ruder et al. 2016, section 4, start from the warped frame everywhere and
    mask only the loss; the fill and the age are ours.
    """
    flow = flow_to_tensor(motion.flow_backward, device=device)
    warped = warp(frame_to_image(previous, device=device), flow)
    is_valid = photometric_consistency(
        paint.scene, source, motion, trusted=SCENE_TOLERANCE, untrusted=SCENE_TOLERANCE
    )
    reused = np.minimum(erode_consistency(seen_again), is_valid)
    carried = carry_paint(paint, source, motion, reused, frames=frames)
    maturity = carried.age.astype(np.float32) / np.float32(MATURE_AGE)
    bound = motion.consistency * reused * maturity
    colors = palette_map(color_statistics(working), color_statistics(previous))
    fill = frame_to_image(colors.apply(working), device=device)
    # Blended over a few pixels, so that no outline is carried along.
    share = consistency_to_tensor(reused, device=device)
    share = functional.avg_pool2d(
        share, 3, stride=1, padding=1, count_include_pad=False
    )
    return Following(
        start=fill.lerp(warped, share),
        warped=warped,
        binding=consistency_to_tensor(bound, device=device),
        paint=carried,
    )


def mix_carried(
    frame: PrefetchedFrame, pictures: Sequence[Frame], working: Frame
) -> tuple[Frame, Consistency]:
    """Blend the paint of the key frames before and after a frame, warped onto it.

    Weights are inverse to the distance in time, so that one key frame gradually becomes
    the other. Areas visible in neither come from the frame's predecessor, and those not
    visible there either from the recolored source.

    ``pictures`` are the frame's origins as stylized and ``working`` is its source, all
    in working colors. Also returns how far the blend comes from key frames: (H, W) in
    [0, 1]. ValueError: an origin has no motion.

    Source: Jamriska et al. 2019, "Stylizing video by example", propagate key frames in
    both directions and blend them; blending by time alone, wherever the key frames'
    sources match, is ours.
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
    """Warp an origin's paint onto a frame, (H, W, 3); and its validity, (H, W, 1)."""
    if origin.motion is None or origin.seen_again is None:
        raise ValueError("paint can only be carried along optical flow.")
    flow = origin.motion.flow_backward
    valid = erode_consistency(origin.seen_again)
    if origin.mask is not None:
        valid = valid * move_along(is_painted(origin.mask).astype(np.float32), flow)
    moved = move_along(picture.astype(np.float32), flow, LANCZOS)
    return moved, soften_consistency(valid)[..., np.newaxis]
