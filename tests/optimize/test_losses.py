from functools import partial

import pytest
import torch
from torch.autograd import gradcheck

from vidstyle.optimize.losses import (
    SMOOTHING,
    gram_matrix,
    range_loss,
    squared_error,
    temporal_loss,
    tv_loss,
)


def test_gram_matrix_of_known_features():
    features = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 1, 2)
    assert torch.equal(gram_matrix(features), torch.tensor([[[2.5, 5.5], [5.5, 12.5]]]))


def test_gram_matrix_does_not_grow_with_the_picture():
    features = torch.rand(2, 5, 4, 6)
    tiled = features.repeat(1, 1, 3, 2)
    torch.testing.assert_close(gram_matrix(tiled), gram_matrix(features))


def test_gram_matrix_is_symmetric_and_forgets_where_things_are():
    features = torch.rand(1, 4, 3, 5)
    gram = gram_matrix(features)
    torch.testing.assert_close(gram, gram.transpose(1, 2))
    moved = features.flatten(2)[..., torch.randperm(15)].reshape(1, 4, 3, 5)
    torch.testing.assert_close(gram_matrix(moved), gram)


def test_total_variation_of_flat_checkered_and_ramped_pictures():
    flat = torch.full((1, 3, 4, 6), 0.3)
    board = (torch.arange(4)[:, None] + torch.arange(6)) % 2
    board = board.float().expand(1, 3, 4, 6)
    ramp = (torch.arange(6) / 10).expand(1, 3, 4, 6)
    # Of 6 differences across a row the last is 0, and of 4 down a column.
    means = torch.tensor([0, 5 / 6 + 3 / 4, 5 / 6 * 0.01])
    losses = torch.cat([tv_loss(image, 2) for image in (flat, board, ramp)])
    torch.testing.assert_close(losses, means)
    # A pixel of the board has both differences, or one in the last row or column.
    root = (15 * 2**0.5 + 5 + 3) / 24
    absolute = torch.cat([tv_loss(image, 1) for image in (flat, board, ramp)])
    torch.testing.assert_close(
        absolute, torch.tensor([0, root, 5 / 6 * 0.1]), atol=SMOOTHING, rtol=0
    )


def test_total_variation_of_power_one_prefers_an_edge_to_a_ripple():
    ramp = torch.linspace(0, 1, 8).expand(1, 3, 4, 8)
    edge = (torch.arange(8) >= 4).float().expand(1, 3, 4, 8)
    ratio = tv_loss(edge, 1) / tv_loss(ramp, 1)
    assert 1 < ratio < 1.2  # the same height, up at once or little by little
    assert tv_loss(edge, 2) == pytest.approx(7 * tv_loss(ramp, 2).item())
    ripple = 0.1 * (torch.arange(8) % 2).float().expand(1, 3, 4, 8)
    both = edge + ripple
    assert tv_loss(both, 1) / tv_loss(edge, 1) > 1.3
    assert tv_loss(both, 2) / tv_loss(edge, 2) < 1.1


def test_total_variation_takes_the_edges_of_colors_together():
    edge = (torch.arange(6) >= 3).float().expand(4, 6)
    apart = torch.stack([edge, edge.roll(1, 1).clamp(0, 1), edge.roll(-1, 1)])[None]
    apart = apart[..., 1:-1]  # what was rolled around
    together = edge.expand(1, 3, 4, 6)[..., 1:-1]
    assert tv_loss(together, 1) < 0.7 * tv_loss(apart, 1)
    torch.testing.assert_close(tv_loss(together, 2), tv_loss(apart, 2))


def test_temporal_loss_counts_trusted_pixels_over_all_pixels():
    images, warped = torch.full((1, 3, 2, 4), 0.5), torch.full((1, 3, 2, 4), 0.3)
    consistency = torch.zeros(1, 1, 2, 4)
    consistency[..., 0] = 1  # a quarter of the pixels
    expected = 0.25 * 0.2**2
    assert temporal_loss(images, warped, consistency).item() == pytest.approx(expected)


def test_range_loss_is_zero_inside_and_square_outside():
    inside = torch.tensor([0.0, 0.5, 1.0, 0.25]).reshape(1, 1, 2, 2)
    outside = torch.tensor([-0.2, 0.5, 1.3, 0.25]).reshape(1, 1, 2, 2)
    assert range_loss(inside).item() == 0
    assert range_loss(outside).item() == pytest.approx((0.04 + 0.09) / 4)


@pytest.mark.parametrize(
    "loss",
    [
        partial(tv_loss, beta=1),
        partial(tv_loss, beta=2),
        partial(tv_loss, beta=2.5),
        range_loss,
        lambda images: temporal_loss(
            images, torch.zeros_like(images), torch.ones_like(images[:, :1])
        ),
        lambda images: squared_error(gram_matrix(images), torch.ones(1, 3, 3)),
    ],
)
def test_gradients_are_those_of_the_numbers(loss):
    images = torch.rand(2, 3, 4, 5, dtype=torch.float64) * 2 - 0.4
    assert gradcheck(loss, images.requires_grad_())


@pytest.mark.parametrize("loss", [partial(tv_loss, beta=1), range_loss])
def test_each_sample_has_its_own_loss(loss):
    images = torch.rand(3, 3, 4, 5) * 2
    alone = torch.cat([loss(images[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(loss(images), alone)
