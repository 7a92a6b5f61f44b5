"""Consistency: the flows between two frames in, where to trust the backward one out.

Polarity is fixed here for the whole program: 1 is trusted.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from vidstyle.records import Consistency, FlowField

SMOOTHING: Final = 0.8
"""Standard deviation of the mask's smoothing, in pixels."""

Bits = npt.NDArray[np.bool_]


def consistency(flow_backward: FlowField, flow_forward: FlowField) -> Consistency:
    """Say where a backward flow can be trusted.

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
    height, width = flow_backward.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    landing = grid.astype(np.float32) + flow_backward  # (H, W, 2)
    forward = np.asarray(
        cv2.remap(
            flow_forward,
            landing[..., 0],
            landing[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.float32,
    )
    inside = (landing >= -0.5) & (landing <= np.array([width - 0.5, height - 0.5]))
    trusted = (
        inside.all(axis=-1)
        & _leads_home(flow_backward, forward)
        & ~_is_motion_edge(flow_backward)
    ).astype(np.float32)
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
    return np.asarray(np.square(vectors).sum(axis=-1))
