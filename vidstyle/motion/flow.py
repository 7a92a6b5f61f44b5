"""Optical flow: two frames in, how far each pixel moved between them out.

By DIS (Kroeger et al. 2016) as OpenCV has it, which needs no weights. It does not say
where to believe the flow; ``consistency`` does.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from vidstyle.config import FlowQuality
from vidstyle.motion.camera import settle
from vidstyle.motion.consistency import consistency
from vidstyle.records import FlowField, Frame, Motion

LEAST_SIDE: Final = 32
"""Pixels that DIS needs: eight of its patches at a quarter of the size. With less it
raises at best; a low wide picture crashes the process."""


def estimate_flow(start: Frame, end: Frame, *, quality: FlowQuality) -> FlowField:
    """Find where the content of one frame went in another.

    Args:
        start: The frame whose pixels the flow describes.
        end: A frame of the same shape.
        quality: ``fast``, ``medium``, or ``quality``, which is slower by far.

    Returns:
        Content at p in ``start`` is at p + flow[p] in ``end``. So
        ``warp(end, flow)`` looks like ``start``.

    Raises:
        ValueError: If the frames differ in shape.
    """
    if start.shape != end.shape:
        raise ValueError(
            f"flow needs two frames of one shape, not {start.shape} and {end.shape}."
        )
    height, width = start.shape[:2]
    # An object of our own a call: DIS keeps buffers, and threads must not share them.
    flow = _make_dis(quality).calc(
        _prepare(start),
        _prepare(end),
        None,  # type: ignore[call-overload]  # no first guess; the stub wants one
    )
    return np.ascontiguousarray(flow[:height, :width], np.float32)


def estimate_motion(earlier: Frame, later: Frame, *, quality: FlowQuality) -> Motion:
    """Find how the content moved between two frames, and where that is certain.

    The flows are settled: plain and resting places move with the camera.

    Raises:
        ValueError: If the frames differ in shape.
    """
    grey_earlier, grey_later = (_grey(frame) for frame in (earlier, later))
    flow_backward = settle(
        estimate_flow(later, earlier, quality=quality), grey_later, grey_earlier
    )
    flow_forward = settle(
        estimate_flow(earlier, later, quality=quality), grey_earlier, grey_later
    )
    return Motion(
        flow_backward=flow_backward,
        consistency=consistency(flow_backward, flow_forward),
    )


def independent_motion(earlier: Frame, later: Frame) -> Motion:
    """Find the motion by a method that no frame is painted with, to judge by it.

    Raises:
        ValueError: If the frames differ in shape.

    Source: Farneback 2003, "Two-frame motion estimation based on polynomial expansion".
    """
    if earlier.shape != later.shape:
        raise ValueError(
            f"flow needs two frames of one shape, not {earlier.shape} and "
            f"{later.shape}."
        )
    before, after = (_grey(frame) for frame in (earlier, later))
    flow_backward, flow_forward = (
        np.asarray(
            cv2.calcOpticalFlowFarneback(*pair, None, 0.5, 5, 15, 5, 7, 1.5, 0),  # type: ignore[call-overload]
            np.float32,
        )
        for pair in ((after, before), (before, after))
    )
    return Motion(
        flow_backward=flow_backward,
        consistency=consistency(flow_backward, flow_forward),
    )


def _make_dis(quality: FlowQuality) -> cv2.DISOpticalFlow:
    fast = quality == "fast"
    preset = (
        cv2.DISOPTICAL_FLOW_PRESET_FAST if fast else cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
    )
    dis = cv2.DISOpticalFlow.create(preset)
    if quality == "quality":
        dis.setFinestScale(0)
        dis.setVariationalRefinementIterations(10)
    return dis


def _prepare(frame: Frame) -> npt.NDArray[np.uint8]:
    """Make a frame grey, and large enough by repeating its right and bottom border."""
    grey = _grey(frame)
    below = max(0, LEAST_SIDE - grey.shape[0])
    right = max(0, LEAST_SIDE - grey.shape[1])
    return np.asarray(
        cv2.copyMakeBorder(grey, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8
    )


def _grey(frame: Frame) -> npt.NDArray[np.uint8]:
    """Make (H, W) luma of a frame."""
    return np.asarray(
        cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY), np.uint8
    )
