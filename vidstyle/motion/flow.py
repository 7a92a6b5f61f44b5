"""Optical flow: two frames in, how far each pixel moved between them out.

By DIS (Kroeger et al. 2016) as OpenCV has it, which needs no weights. It does not say
where to believe the flow; ``consistency`` does.
"""

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from vidstyle.config import FlowQuality
from vidstyle.motion.consistency import consistency, move_along
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

    Plain and resting places move with the camera. The frames are of one shape.
    """
    return estimate_motions(earlier, later, quality=quality)[0]


def estimate_motions(
    earlier: Frame, later: Frame, *, quality: FlowQuality
) -> tuple[Motion, Motion]:
    """Find the motion to the later frame, and the one from it back to the earlier."""

    def estimate(start: Frame, end: Frame) -> FlowField:
        return estimate_flow(start, end, quality=quality)

    return _regular_motions(earlier, later, estimate)


def independent_motion(earlier: Frame, later: Frame) -> Motion:
    """Find the motion by a method that no frame is painted with, to judge by it.

    Plain and resting places move with the camera here, too: without that, the flow
    wanders over plain walls by a third of a pixel, and paint there would be told to
    flicker though it moves with its wall. The frames are of one shape.

    Source: Farneback 2003, "Two-frame motion estimation based on polynomial expansion".
    """
    if earlier.shape != later.shape:
        raise ValueError(
            f"flow needs two frames of one shape, not {earlier.shape} and "
            f"{later.shape}."
        )

    def estimate(start: Frame, end: Frame) -> FlowField:
        pair = _grey(start), _grey(end)
        flow = cv2.calcOpticalFlowFarneback(*pair, None, 0.5, 5, 15, 5, 7, 1.5, 0)  # type: ignore[call-overload]
        return np.asarray(flow, np.float32)

    return _regular_motions(earlier, later, estimate)[0]


def _regular_motions(
    earlier: Frame, later: Frame, estimate: Callable[[Frame, Frame], FlowField]
) -> tuple[Motion, Motion]:
    before, after = _grey(earlier), _grey(later)
    there = regularize_flow(estimate(later, earlier), after, before)
    back = regularize_flow(estimate(earlier, later), before, after)
    return (
        Motion(flow_backward=there, consistency=consistency(there, back)),
        Motion(flow_backward=back, consistency=consistency(back, there)),
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


GRID: Final = 48
"""Places along the longer side at which the camera's motion is read."""

FIT: Final = 0.5
"""Pixels by which a place may miss the camera's motion and count for it."""

LEAST_AGREEMENT: Final = 0.3
"""Share of the places that has to agree on a camera's motion for there to be one."""

REST: Final = 0.05
"""Pixels below which a camera is at rest; its shake is not to be painted."""

CLEAR: Final = 1.0
"""Pixels from which a moving camera shows. If rest still explains ``PLAIN`` of the
picture, what moves is no camera but a thing in front of something plain."""

PLAIN: Final = 0.75
"""Share of the picture."""

WINDOW: Final = 9
"""Side of the squares in which two motions are compared, in pixels."""

AS_WELL: Final = 1.5
"""Factor on the flow's misfit up to which the camera's motion explains a place as well:
flow fits the noise too, which makes its misfit too small."""

NOISE: Final = 2.0
"""Misfit in levels squared that says nothing."""

SEAM: Final = 3.0
"""Standard deviation of the blending between the two motions, in pixels."""

Grey = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]


def regularize_flow(flow: FlowField, start: Grey, end: Grey) -> FlowField:
    """Replace a flow by the camera's motion wherever that explains the frames as well.

    On a plain wall any motion explains the frames, and dense flow follows the noise
    there, or whatever moves nearby. A painting has strokes on that wall, and they would
    crawl.

    Args:
        flow: From ``start`` to ``end``.
        start: uint8 (H, W).
        end: Likewise.

    Returns:
        A new flow; the same where there is no common motion to take.
    """
    one, other = start.astype(np.float32), end.astype(np.float32)
    limit = AS_WELL * _misfit(flow, one, other) + NOISE
    rest = np.zeros_like(flow)
    camera = _fit_camera(flow, one)
    if camera is None or np.abs(camera).max() > CLEAR:
        explained = _misfit(rest, one, other) <= limit
        if explained.mean() > PLAIN:
            return _blend(flow, rest, explained)
    if camera is None:
        return flow
    return _blend(flow, camera, _misfit(camera, one, other) <= limit)


def _fit_camera(flow: FlowField, start: Plane) -> FlowField | None:
    """Fit a shift, a turn and a zoom to a flow, at the places with the most texture."""
    height, width = flow.shape[:2]
    step = max(1, max(height, width) // GRID)
    texture = cv2.blur(np.square(cv2.Laplacian(start, cv2.CV_32F)), (WINDOW, WINDOW))
    rows, columns = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    rows, columns = rows.ravel(), columns.ravel()
    strength = np.asarray(texture)[rows, columns]
    chosen = strength >= np.median(strength)
    places = np.stack([columns[chosen], rows[chosen]], axis=-1).astype(np.float32)
    landings = places + flow[rows[chosen], columns[chosen]]
    found: tuple[Any, Any] = cv2.estimateAffinePartial2D(
        places, landings, method=cv2.RANSAC, ransacReprojThreshold=FIT
    )
    affine, agrees = found  # None where it finds nothing, unlike what its stub says
    if affine is None or agrees.mean() < LEAST_AGREEMENT:
        return None
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    camera = (grid @ affine[:, :2].T + affine[:, 2] - grid).astype(np.float32)
    return np.zeros_like(flow) if np.abs(camera).max() < REST else camera


def _misfit(flow: FlowField, start: Plane, end: Plane) -> Plane:
    """Square the difference of ``start`` and ``end`` moved back; mean over squares."""
    squared = np.square(move_along(end, flow, cv2.INTER_CUBIC) - start)
    return np.asarray(cv2.blur(squared, (WINDOW, WINDOW)), np.float32)


def _blend(
    flow: FlowField, other: FlowField, is_other: npt.NDArray[np.bool_]
) -> FlowField:
    """Cross-fade, lest each seam between two equal motions be an edge of motion."""
    share = cv2.GaussianBlur(is_other.astype(np.float32), (0, 0), SEAM)[..., np.newaxis]
    return np.asarray(share * other + (1 - share) * flow, np.float32)
