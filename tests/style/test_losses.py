import pytest
import torch
from torch.autograd import gradcheck

from vidstyle.style.losses import (
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
    losses = [tv_loss(image).item() for image in (flat, board, ramp)]
    assert losses == pytest.approx([0, 2, 0.01], abs=1e-7)


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
        tv_loss,
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


@pytest.mark.parametrize("loss", [tv_loss, range_loss])
def test_each_sample_has_its_own_loss(loss):
    images = torch.rand(3, 3, 4, 5) * 2
    alone = torch.cat([loss(images[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(loss(images), alone)
