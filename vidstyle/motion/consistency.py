"""Consistency masks: where a flow can be trusted, and where paint can be reused.

In every mask of the program 1 means trusted.
"""

from dataclasses import replace
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from vidstyle.records import Consistency, FlowField, Frame, Motion, Paint

SMOOTHING: Final = 0.8  # of the mask: standard deviation in pixels

Bits = npt.NDArray[np.bool_]


def consistency(flow_backward: FlowField, flow_forward: FlowField) -> Consistency:
    """Compute where a flow from the later frame back to the earlier can be trusted.

    A pixel is untrusted where backward and forward flow do not cancel (it was occluded
    in the earlier frame, or the flow is wrong), at motion boundaries (which the flow
    localizes poorly), and where the flow points outside the frame. The mask is slightly
    smoothed, but 0 stays 0. ValueError: the flows differ in shape.

    Source: Ruder et al. 2016, the tests for disocclusions and motion boundaries of
    their short-term loss, with their constants. Departures: a flow may point up to half
    a pixel beyond the outermost pixel centers, the actual edge of a frame, so that
    noise does not make the border of a static frame untrusted; and smoothing only
    lowers values, so that no trust leaks into disoccluded areas.
    """
    if flow_backward.shape != flow_forward.shape:
        raise ValueError(
            "consistency needs two flows of one shape, not "
            f"{flow_backward.shape} and {flow_forward.shape}."
        )
    forward = move_along(flow_forward, flow_backward)
    is_reliable = _cancels(flow_backward, forward) & ~_is_boundary(flow_backward)
    trusted = (_is_inside(flow_backward) & is_reliable).astype(np.float32)
    return trusted * cv2.GaussianBlur(trusted, (0, 0), SMOOTHING)


def _cancels(backward: FlowField, forward: FlowField) -> Bits:
    """Test that the flows cancel, up to a tenth of their length and 0.7 pixels."""
    lengths = _squared_length(backward) + _squared_length(forward)
    return np.asarray(_squared_length(backward + forward) < 0.01 * lengths + 0.5)


def _is_boundary(flow: FlowField) -> Bits:
    """Test for a flow gradient that is large relative to the flow."""
    gradient = np.zeros(flow.shape[:2], np.float32)
    for axis in (0, 1):
        gradient += _squared_length(np.gradient(flow, axis=axis))
    return np.asarray(gradient > 0.01 * _squared_length(flow) + 0.002)


def _squared_length(vectors: FlowField) -> npt.NDArray[np.float32]:
    # Faster than a sum over the last axis.
    return np.asarray(np.square(vectors[..., 0]) + np.square(vectors[..., 1]))


LANCZOS: Final = cv2.INTER_LANCZOS4
"""Interpolation over 8x8 pixels: a single warp loses no detail."""
MATURE_AGE: Final = 8
"""Age in frames from which paint is finished; younger paint is only partly bound."""
EDGE_RADIUS: Final = 2
"""Pixels by which untrusted areas are dilated: the outline of a moving object is mixed
with its background, and would leave specks behind."""
TRUSTED_TOLERANCE: Final = 16
"""Largest difference of matching pixels where the flow is trusted, in 8-bit levels."""
UNTRUSTED_TOLERANCE: Final = 6
"""The same where it is not."""
SCENE_TOLERANCE: Final = 10
"""Largest difference from the scene that paint was made for, in 8-bit levels."""


def photometric_consistency(
    earlier: Frame,
    later: Frame,
    motion: Motion,
    *,
    trusted: float = TRUSTED_TOLERANCE,
    untrusted: float = UNTRUSTED_TOLERANCE,
) -> Consistency:
    """Compute where the later frame looks like the earlier one warped onto it.

    Flow consistency alone does not tell what can be reused: it rejects many pixels at
    motion boundaries that have not changed, and along a moving outline a flow can be
    consistent but wrong, which would leave a trail of the object's paint. So the
    sources are compared: a pixel has to lie within the range of the 3x3 pixels around
    it in the warped frame, which tolerates subpixel errors of the flow. Global changes
    of illumination are compensated by matching each channel's mean and standard
    deviation, if that reduces the difference.

    ``trusted`` and ``untrusted`` are the largest differences, in 8-bit levels, of equal
    pixels where the flow is trusted and where it is not. The result is 0 where the
    frames differ or the flow points outside.
    """
    moved = move_along(earlier, motion.flow_backward)
    plain = _difference(moved.astype(np.float32), later)
    matched = _difference(_match_light(moved, later, motion), later)
    # If only part of the frame changes, matching would spoil the rest.
    difference = min(
        plain, matched, key=lambda levels: np.minimum(levels, TRUSTED_TOLERANCE).mean()
    )
    is_trusted = motion.consistency > 0.5
    limit = np.where(is_trusted, np.float32(trusted), np.float32(untrusted))
    similarity = (2 - difference / limit).clip(0, 1)
    return (similarity * _is_inside(motion.flow_backward)).astype(np.float32)


def _difference(
    moved: npt.NDArray[np.float32], later: Frame
) -> npt.NDArray[np.float32]:
    """Measure how far each pixel is outside its neighborhood's range in ``moved``.

    (H, W): the largest of the three channels' distances, in levels.
    """
    square = np.ones((3, 3), np.uint8)
    values = later.astype(np.float32)
    above = values - cv2.dilate(moved, square)
    below = cv2.erode(moved, square) - values
    outside = np.maximum(np.maximum(above, below), 0)
    outside = np.maximum.reduce(cv2.split(outside))  # faster than over the last axis
    return np.asarray(cv2.blur(outside, (3, 3)), np.float32)


def _match_light(moved: Frame, later: Frame, motion: Motion) -> npt.NDArray[np.float32]:
    """Match each channel's mean and deviation to the later frame's, where trusted."""
    weight = motion.consistency.ravel() + np.float32(1e-6)
    weight /= weight.sum()
    pixels = moved.reshape(-1, 3).astype(np.float32)
    target = later.reshape(-1, 3).astype(np.float32)
    mean, target_mean = weight @ pixels, weight @ target
    deviation = np.sqrt(weight @ np.square(pixels - mean))
    target_deviation = np.sqrt(weight @ np.square(target - target_mean))
    gain = ((target_deviation + 1) / (deviation + 1)).clip(0.5, 2)
    matched = (pixels - mean) * gain + target_mean
    return np.asarray(matched.reshape(moved.shape), np.float32)


def _is_inside(flow: FlowField) -> Bits:
    """Test that the flow points inside the frame, up to half a pixel beyond."""
    height, width = flow.shape[:2]
    x, y = _source_positions(flow)
    is_inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return np.asarray(is_inside)


def erode_consistency(consistency: Consistency) -> Consistency:
    """Take the minimum within ``EDGE_RADIUS`` pixels."""
    square = np.ones((2 * EDGE_RADIUS + 1, 2 * EDGE_RADIUS + 1), np.uint8)
    return np.asarray(cv2.erode(consistency, square), np.float32)


def soften_consistency(consistency: Consistency) -> Consistency:
    """Blur over 3x3 pixels, so that no outline of the mask remains visible."""
    return np.asarray(cv2.blur(consistency, (3, 3)), np.float32)


def first_paint(source: Frame) -> Paint:
    """Return the state of a first frame's paint: mature, and made for this frame."""
    return Paint(np.full(source.shape[:2], MATURE_AGE, np.uint8), source)


def carry_paint(
    paint: Paint, source: Frame, motion: Motion, kept: Consistency, *, frames: int = 1
) -> Paint:
    """Warp the state of paint by the motion over a number of frames.

    Pixels not kept become new paint: of age 0, and made for ``source``.
    """
    flow, is_kept = motion.flow_backward, kept > 0.5
    grown = move_along(paint.age, flow, cv2.INTER_NEAREST).astype(np.int16) + frames
    age = np.where(is_kept, np.minimum(grown, MATURE_AGE), 0).astype(np.uint8)
    scene = move_along(paint.scene, flow, LANCZOS)
    scene = np.where(is_kept[..., np.newaxis], scene, source)
    return Paint(age, scene, goal=paint.goal)


def mask_paint(paint: Paint, painted: Bits) -> Paint:
    """Reset the age to 0 outside a mask (H, W)."""
    return replace(paint, age=np.where(painted, paint.age, 0).astype(np.uint8))


def move_along(
    plane: npt.NDArray[Any], flow: FlowField, interpolation: int = cv2.INTER_LINEAR
) -> npt.NDArray[Any]:
    """Warp (H, W[, 3]): ``out[p] = plane[p + flow[p]]``, replicating the border.

    For measurements; use ``warp`` for stylized frames.
    """
    border = cv2.BORDER_REPLICATE
    positions = _source_positions(flow)
    return np.asarray(cv2.remap(plane, *positions, interpolation, borderMode=border))


def _source_positions(
    flow: FlowField,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return x and y, each (H, W), of where each pixel comes from."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    return x + flow[..., 0], y + flow[..., 1]
