"""The camera: a flow in, the same flow with plain and resting places put right out.

On a plain wall any motion explains the frames, and dense flow follows the noise there,
or whatever moves nearby. A painting has strokes on that wall, and they would crawl. So
where the motion of the whole picture explains a place as well, it is taken instead.
"""

from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from vidstyle.records import FlowField

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


def settle(flow: FlowField, start: Grey, end: Grey) -> FlowField:
    """Replace a flow by the camera's motion wherever that explains the frames as well.

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
    height, width = start.shape
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    moved = cv2.remap(
        end,
        columns + flow[..., 0],
        rows + flow[..., 1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    squared = np.square(np.asarray(moved) - start)
    return np.asarray(cv2.blur(squared, (WINDOW, WINDOW)), np.float32)


def _blend(
    flow: FlowField, other: FlowField, is_other: npt.NDArray[np.bool_]
) -> FlowField:
    """Cross-fade, lest each seam between two equal motions be an edge of motion."""
    share = cv2.GaussianBlur(is_other.astype(np.float32), (0, 0), SEAM)[..., np.newaxis]
    return np.asarray(share * other + (1 - share) * flow, np.float32)
