"""Where a flow is to be trusted, on scenes whose hidden parts are known."""

import numpy as np
import numpy.typing as npt
import pytest
from pictures import View

from vidstyle.config import FlowQuality
from vidstyle.motion.consistency import consistency
from vidstyle.motion.flow import estimate_motion


def uniform(x: float, y: float, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    return np.broadcast_to(np.array([x, y], np.float32), (*shape, 2)).copy()


def square_at(view: View, x: int) -> npt.NDArray[np.uint8]:
    frame = view(height=120, width=200)
    frame[30:90, x : x + 60] = view(height=60, width=60, seed=5)
    return frame


def test_flows_that_cancel_are_trusted_but_where_they_leave() -> None:
    flow_forward = uniform(3, -2, (20, 30))

    mask = consistency(-flow_forward, flow_forward)

    assert mask.shape == (20, 30)
    assert mask.dtype == np.float32
    assert (mask[:, :3] == 0).all()  # came in from the left
    assert (mask[-2:] == 0).all()  # and from below
    assert (mask[:15, 6:] == 1).all()


def test_no_motion_is_trusted_up_to_the_border() -> None:
    rest = uniform(0, 0, (16, 16))

    assert (consistency(rest, rest) == 1).all()
    shaking = uniform(0.3, -0.4, (16, 16))
    assert (consistency(shaking, -shaking) == 1).all()


def test_half_a_pixel_beyond_the_outermost_centers_is_outside() -> None:
    leaving = uniform(-0.6, 0, (16, 16))

    mask = consistency(leaving, -leaving)

    assert (mask[:, 0] == 0).all()
    assert (mask[:, 4:] == 1).all()


def test_a_flow_that_does_not_lead_home_is_not_trusted() -> None:
    flow_backward = uniform(2, 0, (24, 24))

    # Squared distance from home against 0.01 * (4 + |v|^2) + 0.5, by hand.
    home = consistency(flow_backward, uniform(-1.3, 0, (24, 24)))
    lost = consistency(flow_backward, uniform(-1.2, 0, (24, 24)))

    assert (home[:, :16] == 1).all()  # 0.49 < 0.557
    assert (lost == 0).all()  # 0.64 > 0.554


def test_forward_flow_is_read_where_the_backward_flow_lands() -> None:
    flow_backward = uniform(8, 0, (24, 48))
    flow_forward = uniform(-8, 0, (24, 48))
    flow_forward[:, 24:] = 0

    mask = consistency(flow_backward, flow_forward)

    assert (mask[:, :12] == 1).all()
    assert (mask[:, 17:] == 0).all()


def test_an_edge_of_motion_is_not_trusted() -> None:
    flow = uniform(0, 0, (20, 30))
    flow[:, 15:, 0] = 0.2  # gradient 0.1 at the edge: 0.01 > 0.01 * 0.04 + 0.002
    faint = uniform(0, 0, (20, 30))
    faint[:, 15:, 0] = 0.08  # gradient 0.04: 0.0016 < 0.002

    mask = consistency(flow, -flow)

    assert (mask[:, 14:16] == 0).all()
    assert (mask[:, :11] == 1).all()
    assert (mask[:, 19:] == 1).all()
    assert (consistency(faint, -faint) == 1).all()


def test_smoothing_stays_in_range_and_raises_nothing() -> None:
    flow = uniform(0, 0, (20, 30))
    flow[10, 15] = 5

    mask = consistency(flow, flow)

    assert mask.min() == 0
    assert mask.max() == 1
    assert ((mask > 0) & (mask < 1)).any()
    assert mask[10, 15] == 0


def test_flows_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        consistency(uniform(0, 0, (16, 16)), uniform(0, 0, (16, 17)))


@pytest.mark.parametrize("quality", ["medium", "quality"])
@pytest.mark.parametrize("moved", [8, -8])
def test_what_a_square_uncovers_is_not_trusted(
    view: View, quality: FlowQuality, moved: int
) -> None:
    start = 70
    motion = estimate_motion(
        square_at(view, start), square_at(view, start + moved), quality=quality
    )

    rows = motion.consistency[40:80]
    end = start + moved
    uncovered = slice(start, end) if moved > 0 else slice(end + 60, start + 60)
    assert rows[:, uncovered].mean() < 0.1
    # The place of the flow's own edge is uncertain, but far less than the motion.
    covering = slice(end + 72, None) if moved > 0 else slice(0, end - 12)
    assert rows[:, covering].mean() > 0.95
    assert rows[:, end + 12 : end + 48].mean() > 0.95


@pytest.mark.parametrize(
    ("x", "y", "entering"),
    [
        (6, 0, np.s_[:, :6]),
        (-6, 0, np.s_[:, -6:]),
        (0, 5, np.s_[:5]),
        (0, -5, np.s_[-5:]),
    ],
)
def test_what_a_pan_brings_in_is_not_trusted(
    view: View, x: int, y: int, entering: tuple[slice, ...]
) -> None:
    motion = estimate_motion(
        view(height=120, width=160),
        view(height=120, width=160, x=x, y=y),
        quality="medium",
    )

    mask = motion.consistency
    assert mask[entering].mean() < 0.02
    strip = mask[entering].size
    assert mask.sum() > 0.97 * (mask.size - strip)
