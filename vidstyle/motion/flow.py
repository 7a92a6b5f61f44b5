"""Dense optical flow between two frames, regularized by the camera motion.

Uses OpenCV's DIS (Kroeger et al. 2016), which needs no weights. ``consistency`` tells
where the flow can be trusted.
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
"""Smallest side that DIS can process: eight of its patches at quarter resolution.
Smaller frames raise an error at best; a wide one of low height crashes the process."""


def estimate_flow(start: Frame, end: Frame, *, quality: FlowQuality) -> FlowField:
    """Estimate the flow from one frame to another, defined on the pixels of ``start``.

    What is at p in ``start`` is at p + flow[p] in ``end``, so ``warp(end, flow)``
    approximates ``start``. ValueError: the frames differ in shape.
    """
    _check_shapes(start, end)
    height, width = start.shape[:2]
    # A new object per call: DIS keeps buffers that threads must not share.
    flow = _make_dis(quality).calc(
        _prepare(start),
        _prepare(end),
        None,  # type: ignore[call-overload]  # no initial flow; the stub wants one
    )
    return np.ascontiguousarray(flow[:height, :width], np.float32)


def estimate_motion(earlier: Frame, later: Frame, *, quality: FlowQuality) -> Motion:
    """Estimate the regularized motion between two frames of the same shape."""
    return estimate_motions(earlier, later, quality=quality)[0]


def estimate_motions(
    earlier: Frame, later: Frame, *, quality: FlowQuality
) -> tuple[Motion, Motion]:
    """Estimate the motion to the later frame and the one back to the earlier."""

    def estimate(start: Frame, end: Frame) -> FlowField:
        return estimate_flow(start, end, quality=quality)

    return _regular_motions(earlier, later, estimate)


def independent_motion(earlier: Frame, later: Frame) -> Motion:
    """Estimate the motion by a method not used for stylizing, for evaluation.

    Regularized as well: otherwise the flow drifts by a third of a pixel on textureless
    walls, and paint that correctly moves with its wall would be measured as flicker.
    ValueError: the frames differ in shape.

    Source: Farneback 2003, "Two-frame motion estimation based on polynomial expansion".
    """
    _check_shapes(earlier, later)

    def estimate(start: Frame, end: Frame) -> FlowField:
        pair = _gray(start), _gray(end)
        flow = cv2.calcOpticalFlowFarneback(*pair, None, 0.5, 5, 15, 5, 7, 1.5, 0)  # type: ignore[call-overload]
        return np.asarray(flow, np.float32)

    return _regular_motions(earlier, later, estimate)[0]


def _check_shapes(start: Frame, end: Frame) -> None:
    if start.shape != end.shape:
        raise ValueError(
            f"flow needs two frames of one shape, not {start.shape} and {end.shape}."
        )


def _regular_motions(
    earlier: Frame, later: Frame, estimate: Callable[[Frame, Frame], FlowField]
) -> tuple[Motion, Motion]:
    before, after = _gray(earlier), _gray(later)
    backward = regularize_flow(estimate(later, earlier), after, before)
    forward = regularize_flow(estimate(earlier, later), before, after)
    return (
        Motion(flow_backward=backward, consistency=consistency(backward, forward)),
        Motion(flow_backward=forward, consistency=consistency(forward, backward)),
    )


def _make_dis(quality: FlowQuality) -> cv2.DISOpticalFlow:
    if quality == "fast":
        return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    if quality == "quality":
        dis.setFinestScale(0)
        dis.setVariationalRefinementIterations(10)
    return dis


def _prepare(frame: Frame) -> npt.NDArray[np.uint8]:
    """Convert to luma and pad to ``LEAST_SIDE`` at the right and the bottom."""
    gray = _gray(frame)
    below = max(0, LEAST_SIDE - gray.shape[0])
    right = max(0, LEAST_SIDE - gray.shape[1])
    padded = cv2.copyMakeBorder(gray, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(padded, np.uint8)


def _gray(frame: Frame) -> npt.NDArray[np.uint8]:
    """Convert (H, W, 3) to (H, W) luma."""
    gray = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
    return np.asarray(gray, np.uint8)


GRID: Final = 48
"""Sampling points along the longer side for fitting the camera motion."""

FIT: Final = 0.5
"""RANSAC's inlier threshold of that fit, in pixels."""

LEAST_AGREEMENT: Final = 0.3
"""Smallest share of inliers for which the fit is accepted."""

REST: Final = 0.05
"""Pixels below which the camera is static: its jitter is ignored."""

CLEAR: Final = 1.0
"""Pixels up to which a fit is ambiguous. If no motion at all also explains a share of
``PLAIN`` of the frame, an object moves in front of something textureless, and not the
camera."""

PLAIN: Final = 0.75

WINDOW: Final = 9
"""Side of the square window in which two motions are compared, in pixels."""

AS_WELL: Final = 1.5
"""Factor on the flow's residual up to which another motion fits as well: flow also fits
the noise, so its residual is too small."""

NOISE: Final = 2.0
"""Residual below which there is no evidence, in levels squared."""

SEAM: Final = 3.0
"""Standard deviation of the blend between two motions, in pixels."""

Gray = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]


def regularize_flow(flow: FlowField, start: Gray, end: Gray) -> FlowField:
    """Replace a flow by the camera motion wherever that explains the frames as well.

    On a textureless wall any motion explains the frames, and dense flow follows noise
    or whatever moves nearby. The brush strokes painted on that wall would crawl. The
    frames are luma, (H, W); without a global motion, ``flow`` itself is returned.
    """
    first, second = start.astype(np.float32), end.astype(np.float32)
    limit = AS_WELL * _residual(flow, first, second) + NOISE
    static = np.zeros_like(flow)
    camera = _fit_camera(flow, first)
    if camera is None or np.abs(camera).max() > CLEAR:
        is_static = _residual(static, first, second) <= limit
        if is_static.mean() > PLAIN:
            return _blend(flow, static, is_static)
    if camera is None:
        return flow
    return _blend(flow, camera, _residual(camera, first, second) <= limit)


def _fit_camera(flow: FlowField, start: Plane) -> FlowField | None:
    """Fit translation, rotation and zoom to a flow at the points with most texture."""
    height, width = flow.shape[:2]
    step = max(1, max(height, width) // GRID)
    texture = cv2.blur(np.square(cv2.Laplacian(start, cv2.CV_32F)), (WINDOW, WINDOW))
    rows, columns = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    rows, columns = rows.ravel(), columns.ravel()
    strength = np.asarray(texture)[rows, columns]
    chosen = strength >= np.median(strength)
    points = np.stack([columns[chosen], rows[chosen]], axis=-1).astype(np.float32)
    targets = points + flow[rows[chosen], columns[chosen]]
    fitted: tuple[Any, Any] = cv2.estimateAffinePartial2D(
        points, targets, method=cv2.RANSAC, ransacReprojThreshold=FIT
    )
    affine, inliers = fitted  # affine is None if it fails, unlike what its stub says
    if affine is None or inliers.mean() < LEAST_AGREEMENT:
        return None
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    camera = (grid @ affine[:, :2].T + affine[:, 2] - grid).astype(np.float32)
    return np.zeros_like(flow) if np.abs(camera).max() < REST else camera


def _residual(flow: FlowField, start: Plane, end: Plane) -> Plane:
    """Compute the local mean squared difference of ``start`` and the warped ``end``."""
    squared = np.square(move_along(end, flow, cv2.INTER_CUBIC) - start)
    return np.asarray(cv2.blur(squared, (WINDOW, WINDOW)), np.float32)


def _blend(
    flow: FlowField, other: FlowField, is_other: npt.NDArray[np.bool_]
) -> FlowField:
    """Blend smoothly: a hard seam would become a motion boundary."""
    share = cv2.GaussianBlur(is_other.astype(np.float32), (0, 0), SEAM)[..., np.newaxis]
    return np.asarray(share * other + (1 - share) * flow, np.float32)
