"""Optical flow on motion with a known answer."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from pictures import View

from vidstyle.config import FlowQuality
from vidstyle.images import frame_to_image
from vidstyle.motion.flow import estimate_flow, estimate_motion, estimate_motions
from vidstyle.motion.warp import flow_to_tensor, warp
from vidstyle.records import Motion

QUALITIES: tuple[FlowQuality, ...] = ("fast", "medium", "quality")


def end_point_error(
    flow: npt.NDArray[np.float32], truth: npt.NDArray[np.float64], margin: int
) -> float:
    error = np.linalg.norm(flow - truth, axis=-1)
    return float(error[margin:-margin, margin:-margin].mean())


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_square_that_moves_right_has_positive_x(
    view: View, quality: FlowQuality
) -> None:
    start = np.zeros((96, 128, 3), np.uint8)
    end = start.copy()
    square = view(height=32, width=32, seed=1)
    start[32:64, 40:72] = square
    end[32:64, 45:77] = square

    flow = estimate_flow(start, end, quality=quality)

    assert flow.dtype == np.float32
    assert flow.shape == (96, 128, 2)
    inside = np.median(flow[38:58, 46:66], axis=(0, 1))
    np.testing.assert_allclose(inside, [5, 0], atol=0.6 if quality == "fast" else 0.1)


def test_content_that_moves_down_has_positive_y(view: View) -> None:
    flow = estimate_flow(
        view(height=64, width=64), view(height=64, width=64, y=3), quality="medium"
    )

    np.testing.assert_allclose(np.median(flow, axis=(0, 1)), [0, 3], atol=0.1)


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("shape", [(16, 16), (65, 63), (90, 160)])
@pytest.mark.parametrize("moved", [(2.0, 0.0), (0.5, -0.25), (-1.5, 1.0)])
def test_shifts_are_in_pixels_at_any_size(
    view: View, quality: FlowQuality, shape: tuple[int, int], moved: tuple[float, float]
) -> None:
    height, width = shape
    start = view(height=height, width=width)
    end = view(height=height, width=width, x=moved[0], y=moved[1])

    flow = estimate_flow(start, end, quality=quality)

    # Medium is off by 0.06 at most here; fast, which stops at a quarter, by 0.15.
    limit = 0.2 if quality == "fast" else 0.1
    assert end_point_error(flow, np.array(moved), min(12, height // 4)) < limit


@pytest.mark.parametrize(("turn", "zoom"), [(3.0, 1.0), (0.0, 1.05), (-2.0, 0.97)])
def test_turns_and_zooms_are_followed(view: View, turn: float, zoom: float) -> None:
    height, width = 120, 160
    start = view(height=height, width=width)
    end = view(height=height, width=width, turn=turn, zoom=zoom)
    y, x = np.mgrid[:height, :width].astype(float)
    x, y = x - (width - 1) / 2, y - (height - 1) / 2
    along, across = zoom * np.cos(np.deg2rad(turn)), zoom * np.sin(np.deg2rad(turn))
    truth = np.stack([along * x - across * y - x, across * x + along * y - y], axis=-1)

    flow = estimate_flow(start, end, quality="medium")

    assert np.abs(truth).max() > 2
    assert end_point_error(flow, truth, 12) < 0.15


def test_quality_is_finer_than_fast(view: View) -> None:
    start = view(height=90, width=160, grain=1.5)
    end = view(height=90, width=160, x=1.3, y=0.6, grain=1.5)

    errors = [
        end_point_error(
            estimate_flow(start, end, quality=quality), np.array([1.3, 0.6]), 8
        )
        for quality in QUALITIES
    ]

    assert errors[2] < 0.7 * errors[0]


def test_a_frame_has_not_moved_from_itself(view: View) -> None:
    frame = view(height=60, width=80)

    assert not estimate_flow(frame, frame, quality="medium").any()


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("shape", [(16, 300), (300, 16), (1, 1), (31, 640), (33, 17)])
def test_low_and_narrow_frames_are_no_accident(
    view: View, quality: FlowQuality, shape: tuple[int, int]
) -> None:
    frame = view(height=shape[0], width=shape[1])

    flow = estimate_flow(frame, frame[:, ::-1], quality=quality)

    assert flow.shape == (*shape, 2)
    assert np.isfinite(flow).all()


def test_threads_do_not_share_anything(view: View) -> None:
    earlier = view(height=90, width=160)
    laters = [view(height=90, width=160, x=x) for x in (1, 4, -2, 3)] * 3

    def estimate(later: npt.NDArray[np.uint8]) -> Motion:
        return estimate_motion(earlier, later, quality="medium")

    alone = [estimate(later) for later in laters]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(estimate, laters))

    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.flow_backward, other.flow_backward)
        np.testing.assert_array_equal(one.consistency, other.consistency)


def test_frames_of_two_shapes_are_refused(view: View) -> None:
    with pytest.raises(ValueError, match=r"\(32, 40, 3\) and \(32, 41, 3\)"):
        estimate_flow(
            view(height=32, width=40), view(height=32, width=41), quality="fast"
        )


def test_motion_warps_the_earlier_frame_onto_the_later(view: View) -> None:
    earlier = view(height=120, width=160)
    later = view(height=120, width=160, x=4.5, y=-2)

    motion = estimate_motion(earlier, later, quality="medium")

    images = frame_to_image(earlier), frame_to_image(later)
    warped = warp(images[0], flow_to_tensor(motion.flow_backward))
    inner = (..., slice(12, -12), slice(12, -12))
    still = (images[0] - images[1])[inner].square().mean()
    assert (warped - images[1])[inner].square().mean() < 0.01 * still
    np.testing.assert_allclose(
        np.median(motion.flow_backward, axis=(0, 1)), [-4.5, 2], atol=0.1
    )
    assert 0.9 < motion.trusted_share < 1


def test_motion_back_is_the_motion_of_the_frames_swapped(view: View) -> None:
    earlier, later = view(height=60, width=80), view(height=60, width=80, x=3)
    _, back = estimate_motions(earlier, later, quality="medium")
    swapped = estimate_motion(later, earlier, quality="medium")
    np.testing.assert_array_equal(back.flow_backward, swapped.flow_backward)
    np.testing.assert_array_equal(back.consistency, swapped.consistency)
