"""Consistency: the flows between two frames in, where to trust the backward one out.

Polarity is fixed here for the whole program: 1 is trusted.
"""

from dataclasses import replace
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from vidstyle.records import Consistency, FlowField, Frame, Motion, Paint

SMOOTHING: Final = 0.8
"""Standard deviation of the mask's smoothing, in pixels."""

Bits = npt.NDArray[np.bool_]


def consistency(flow_backward: FlowField, flow_forward: FlowField) -> Consistency:
    """Find where a backward flow can be trusted.

    A pixel is not trusted where following the backward flow and then the forward one
    does not lead home (it was hidden in the earlier frame, or the flow is wrong), where
    the backward flow changes quickly (edges of things that move, whose place the flow
    does not know exactly), and where it comes from outside the picture.

    Args:
        flow_backward: From the later frame to the earlier.
        flow_forward: From the earlier frame to the later, of the same shape.

    Returns:
        On the later frame's pixels; smoothed a little, but 0 stays 0.

    Raises:
        ValueError: If the flows differ in shape.

    Source: Ruder et al. 2016, the tests for disocclusions and motion boundaries behind
    their short-term loss, with their constants. Departures: a flow may end half a pixel
    outside the outermost centres, which is where a picture ends, lest noise around no
    motion distrust the border of a picture at rest; and smoothing only lowers, so that
    no trust leaks into what was just uncovered.
    """
    if flow_backward.shape != flow_forward.shape:
        raise ValueError(
            "consistency needs two flows of one shape, not "
            f"{flow_backward.shape} and {flow_forward.shape}."
        )
    forward = move_along(flow_forward, flow_backward)
    homing = _leads_home(flow_backward, forward) & ~_is_motion_edge(flow_backward)
    trusted = (_comes_from_inside(flow_backward) & homing).astype(np.float32)
    return trusted * cv2.GaussianBlur(trusted, (0, 0), SMOOTHING)


def _leads_home(backward: FlowField, forward: FlowField) -> Bits:
    """Test that the flows cancel, up to a tenth of their length and 0.7 pixels."""
    lengths = _squared_length(backward) + _squared_length(forward)
    return np.asarray(_squared_length(backward + forward) < 0.01 * lengths + 0.5)


def _is_motion_edge(flow: FlowField) -> Bits:
    """Test for a gradient that is large for this length of flow."""
    gradient = np.zeros(flow.shape[:2], np.float32)
    for axis in (0, 1):
        gradient += _squared_length(np.gradient(flow, axis=axis))
    return np.asarray(gradient > 0.01 * _squared_length(flow) + 0.002)


def _squared_length(vectors: FlowField) -> npt.NDArray[np.float32]:
    across, down = np.square(vectors[..., 0]), np.square(vectors[..., 1])
    return np.asarray(across + down)


SHARP: Final = cv2.INTER_LANCZOS4
"""Interpolation over 8x8 pixels: what is moved once keeps all of its detail."""
DRY: Final = 8
"""Frames after which paint is finished; until then it is bound only in part."""
EDGE: Final = 2
"""Pixels around distrusted ones that are distrusted too: a moving thing's outline is a
mixture with what lay behind it, and would leave specks where the thing has been."""
ALIKE_TRUSTED: Final = 16
"""Levels of 255 by which a pixel may miss its source where the flow is trusted."""
ALIKE_DOUBTED: Final = 6
"""The same where it is not."""
WORN: Final = 10
"""Levels of 255 by which a place may differ from what it was painted for."""


def photometric_consistency(
    earlier: Frame,
    later: Frame,
    motion: Motion,
    *,
    trusted: float = ALIKE_TRUSTED,
    doubted: float = ALIKE_DOUBTED,
) -> Consistency:
    """Find where the later frame looks like the earlier one moved onto it.

    Consistency alone is no guide to what may be used again. Its test for motion edges
    doubts many pixels that look just as before; and along a moving outline a flow can
    be consistent and wrong, and would leave a trail of the thing's paint behind it. So
    the sources themselves are compared: a pixel must lie between the darkest and the
    brightest of the moved frame's pixels around it, which forgives a flow that is off
    by a fraction of a pixel. A change of light that concerns the whole picture is no
    difference: mean and spread of each channel are matched first, if that helps.

    Args:
        earlier: uint8 (H, W, 3).
        later: Likewise.
        motion: From the earlier to the later.
        trusted: Levels of 255 by which a pixel may miss its source where the flow is.
        doubted: The same where it is not.

    Returns:
        (H, W) in [0, 1], 1 = looks alike, 0 = does not, or was not in the picture.
    """
    moved = move_along(earlier, motion.flow_backward)
    # Where only a part becomes another, the light of the rest is the same as before.
    missed = min(
        (
            _missed(each, later)
            for each in (moved.astype(np.float32), _same_light(moved, later, motion))
        ),
        key=lambda levels: np.minimum(levels, ALIKE_TRUSTED).mean(),
    )
    limit = np.where(motion.consistency > 0.5, np.float32(trusted), np.float32(doubted))
    alike = (2 - missed / limit).clip(0, 1)
    return (alike * _comes_from_inside(motion.flow_backward)).astype(np.float32)


def _missed(moved: npt.NDArray[np.float32], later: Frame) -> npt.NDArray[np.float32]:
    """Measure by how many levels a frame leaves what is around it in the moved one."""
    square = np.ones((3, 3), np.uint8)
    wanted = later.astype(np.float32)
    above = wanted - cv2.dilate(moved, square)
    below = cv2.erode(moved, square) - wanted
    missed = np.maximum(np.maximum(above, below), 0)
    missed = np.maximum.reduce(cv2.split(missed))
    return np.asarray(cv2.blur(missed, (3, 3)), np.float32)


def _same_light(moved: Frame, later: Frame, motion: Motion) -> npt.NDArray[np.float32]:
    """Give the moved frame the later one's mean and spread, measured where trusted."""
    weight = motion.consistency.ravel() + np.float32(1e-6)
    weight /= weight.sum()
    pair = [frame.reshape(-1, 3).astype(np.float32) for frame in (moved, later)]
    means = [weight @ each for each in pair]
    spreads = [
        np.sqrt(weight @ np.square(each - mean))
        for each, mean in zip(pair, means, strict=True)
    ]
    gain = ((spreads[1] + 1) / (spreads[0] + 1)).clip(0.5, 2)
    lit = (pair[0] - means[0]) * gain + means[1]
    return np.asarray(lit.reshape(moved.shape), np.float32)


def _comes_from_inside(flow: FlowField) -> Bits:
    """Find the pixels whose flow begins in the picture, within half a pixel."""
    height, width = flow.shape[:2]
    across, down = _origins(flow)
    inside = (across >= -0.5) & (across <= width - 0.5)
    return np.asarray(inside & (down >= -0.5) & (down <= height - 0.5))


def erode_consistency(consistency: Consistency) -> Consistency:
    """Lower each pixel's trust to the least within ``EDGE`` pixels."""
    square = np.ones((2 * EDGE + 1, 2 * EDGE + 1), np.uint8)
    return np.asarray(cv2.erode(consistency, square), np.float32)


def soften_consistency(consistency: Consistency) -> Consistency:
    """Let trust change over a few pixels, so that it leaves no outline."""
    return np.asarray(cv2.blur(consistency, (3, 3)), np.float32)


def first_paint(source: Frame) -> Paint:
    """Describe a first frame's paint: all of it is dry, and made for this frame."""
    return Paint(np.full(source.shape[:2], DRY, np.uint8), source)


def carry_paint(
    paint: Paint, source: Frame, motion: Motion, kept: Consistency, *, frames: int = 1
) -> Paint:
    """Move paint along over so many frames.

    What is not kept is new: of age 0, and made for ``source``.
    """
    flow, is_kept = motion.flow_backward, kept > 0.5
    grown = move_along(paint.age, flow, cv2.INTER_NEAREST).astype(np.int16) + frames
    age = np.where(is_kept, np.minimum(grown, DRY), 0).astype(np.uint8)
    scene = move_along(paint.scene, flow, SHARP)
    scene = np.where(is_kept[..., np.newaxis], scene, source)
    return Paint(age, scene, goal=paint.goal)


def mask_paint(paint: Paint, painted: npt.NDArray[np.bool_]) -> Paint:
    """Keep the ages where there is paint (H, W); what comes from elsewhere is new."""
    return replace(paint, age=np.where(painted, paint.age, 0).astype(np.uint8))


def move_along(
    plane: npt.NDArray[Any], flow: FlowField, interpolation: int = cv2.INTER_LINEAR
) -> npt.NDArray[Any]:
    """Move (H, W[, 3]) along a flow: ``out[p] = plane[p + flow[p]]``; borders repeat.

    For measuring only: what is painted is moved by ``warp``.
    """
    across, down = _origins(flow)
    border = cv2.BORDER_REPLICATE
    return np.asarray(cv2.remap(plane, across, down, interpolation, borderMode=border))


def _origins(flow: FlowField) -> tuple[npt.NDArray[np.float32], ...]:
    """Return where each pixel comes from: x and y, (H, W) each."""
    height, width = flow.shape[:2]
    across, down = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    return across + flow[..., 0], down + flow[..., 1]
