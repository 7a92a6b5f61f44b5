import numpy as np
import pytest
import torch

from vidstyle.clip.carry import follow
from vidstyle.images import frame_to_image, image_to_frame
from vidstyle.motion.consistency import (
    EDGE_RADIUS,
    MATURE_AGE,
    SCENE_TOLERANCE,
    first_paint,
    photometric_consistency,
)
from vidstyle.records import Motion, Paint

HEIGHT, WIDTH = 32, 48
CPU = torch.device("cpu")


@pytest.fixture
def painted():
    random = np.random.default_rng(1)
    return random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.fixture
def source():
    random = np.random.default_rng(2)
    return random.integers(60, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def motion(x=0.0, consistency=None):
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = x
    ones = np.ones((HEIGHT, WIDTH), np.float32)
    return Motion(
        flow_backward=flow, consistency=ones if consistency is None else consistency
    )


def everywhere(value=1.0):
    return np.full((HEIGHT, WIDTH), value, np.float32)


def bring(painted, paint, source, **others):
    """Bring paint onto a source; unless others say so, all rests and is seen again."""
    given = {"motion": motion(), "seen_again": everywhere()} | others
    return follow(painted, paint, source, working=source, device=CPU, **given)


def test_without_motion_the_next_frame_starts_from_the_last_one_unchanged(
    painted, source
):
    following = bring(painted, first_paint(source), source)
    assert np.array_equal(image_to_frame(following.start), painted)
    assert torch.equal(following.start, following.warped)
    assert (following.binding == 1).all()
    assert (following.paint.age == MATURE_AGE).all()


def test_paint_moves_with_the_content(painted, source):
    following = bring(painted, first_paint(source), source, motion=motion(x=-4))
    moved = image_to_frame(following.warped)
    assert np.array_equal(moved[:, 4:], painted[:, :-4])


def test_what_comes_into_sight_starts_from_the_source_in_the_paints_colors(
    painted, source
):
    seen = everywhere()
    seen[:, 24:] = 0
    following = bring(painted, first_paint(source), source, seen_again=seen)
    new = following.start[..., 24 + EDGE_RADIUS :]
    # A map of colors: the source's pixels in their order, with the paint's spread.
    old = frame_to_image(source)[..., 24 + EDGE_RADIUS :]
    correlation = np.corrcoef(new.flatten(), old.flatten())[0, 1]
    assert correlation > 0.9
    assert new.std() > 2 * old.std()
    assert new.mean().item() == pytest.approx(painted.mean() / 255, abs=0.05)
    kept = 24 - EDGE_RADIUS - 1
    assert torch.equal(following.start[..., :kept], following.warped[..., :kept])
    assert following.binding[..., 24 - EDGE_RADIUS :].max() == 0
    assert (following.paint.age[:, 24:] == 0).all()


def test_new_paint_is_bound_more_firmly_from_frame_to_frame(painted, source):
    paint, bindings = Paint(np.zeros((HEIGHT, WIDTH), np.uint8), source), []
    for _ in range(MATURE_AGE + 2):
        following = bring(painted, paint, source)
        paint = following.paint
        bindings.append(following.binding.mean().item())
    assert bindings == sorted(bindings)
    assert bindings[0] == pytest.approx(1 / MATURE_AGE)
    assert bindings[-1] == 1


def test_paint_is_not_bound_where_the_flow_is_inconsistent_but_stays(painted, source):
    consistency = everywhere()
    consistency[10:20, 10:20] = 0
    following = bring(
        painted, first_paint(source), source, motion=motion(consistency=consistency)
    )
    assert following.binding[0, 0, 10:20, 10:20].max() == 0
    assert following.binding[0, 0, :10].min() == 1
    assert torch.equal(following.start, following.warped)
    assert (following.paint.age == MATURE_AGE).all()


def blocks(seed):
    coarse = np.random.default_rng(seed).uniform(30, 225, (HEIGHT // 8, WIDTH // 8, 3))
    return np.kron(coarse, np.ones((8, 8, 1)))


def test_paint_goes_where_the_scene_slowly_becomes_another(painted):
    before, after = blocks(1), blocks(1)
    after[:, 24:] = blocks(2)[:, 24:]
    source = before.astype(np.uint8)
    paint, renewed = first_paint(source), np.zeros((HEIGHT, WIDTH), bool)
    for step in range(1, 31):
        later = (before + (after - before) * step / 30).astype(np.uint8)
        # From one frame to the next, all looks alike.
        assert photometric_consistency(source, later, motion()).min() == 1
        following = bring(painted, paint, later)
        source, paint = later, following.paint
        renewed |= paint.age == 0
    assert not renewed[:, :20].any()
    changed = np.abs(after - before).max(axis=2) > 4 * SCENE_TOLERANCE
    assert renewed[changed].mean() > 0.7
    missed = np.abs(paint.scene.astype(int) - after).max(axis=2)
    changed = np.abs(after - before).max(axis=2)
    assert (
        np.mean(missed > 3 * SCENE_TOLERANCE)
        < np.mean(changed > 3 * SCENE_TOLERANCE) / 2
    )
