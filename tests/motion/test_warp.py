"""Warping along flows with a known answer."""

import numpy as np
import pytest
import torch
from pictures import View
from torch import Tensor

from vidstyle.images import frame_to_image, image_to_frame
from vidstyle.motion.warp import consistency_to_tensor, flow_to_tensor, warp


def uniform(images: Tensor, x: float, y: float) -> Tensor:
    count, _, height, width = images.shape
    return torch.tensor([x, y]).view(1, 2, 1, 1).expand(count, 2, height, width)


def mean_gradient(image: Tensor) -> float:
    right = image[..., :-1, 1:] - image[..., :-1, :-1]
    down = image[..., 1:, :-1] - image[..., :-1, :-1]
    return torch.hypot(right, down).mean().item()


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, 3, 20, 33, generator=torch.Generator().manual_seed(0))


def test_no_flow_changes_no_bit(images: Tensor) -> None:
    assert torch.equal(warp(images, uniform(images, 0, 0)), images)


@pytest.mark.parametrize(("x", "y"), [(3, 0), (0, -2), (-7, 5), (40, 0), (2, 19)])
def test_whole_pixels_shift_exactly_and_repeat_the_border(
    images: Tensor, x: int, y: int
) -> None:
    rows = (torch.arange(20) + y).clamp(0, 19)
    columns = (torch.arange(33) + x).clamp(0, 32)

    warped = warp(images, uniform(images, x, y))

    assert torch.equal(warped, images[:, :, rows][..., columns])


@pytest.mark.parametrize("x", [40.5, -40.5, 1e9, -1e9, 5000.3])
def test_far_outside_is_the_border(images: Tensor, x: float) -> None:
    border = images[..., -1:] if x > 0 else images[..., :1]

    across = warp(images, uniform(images, x, 0))
    down = warp(images.mT.contiguous(), uniform(images.mT, 0, x))

    torch.testing.assert_close(across, border.expand_as(images))
    torch.testing.assert_close(down.mT, border.expand_as(images))


def test_each_pixel_and_each_image_has_its_own_flow() -> None:
    images = torch.zeros(2, 3, 16, 16)
    images[0, :, 4, 9] = 1
    images[1, :, 12, 2] = 1
    flow = torch.zeros(2, 2, 16, 16)
    flow[0, :, 8, 3] = torch.tensor([6.0, -4.0])
    flow[1, :, 8, 3] = torch.tensor([-1.0, 4.0])

    warped = warp(images, flow)

    assert (warped[:, :, 8, 3] == 1).all()
    assert warped[0].sum() == warped[1].sum() == 6  # the copy, and where it came from


@pytest.mark.parametrize(("x", "y"), [(0.5, 0.0), (-0.3, 0.7), (2.25, -1.6)])
def test_smooth_waves_are_sampled_between_pixels(x: float, y: float) -> None:
    rows, columns = torch.meshgrid(
        torch.arange(48.0), torch.arange(64.0), indexing="ij"
    )

    def wave(rows: Tensor, columns: Tensor) -> Tensor:
        value = 0.5 + 0.2 * torch.sin(1.1 * columns + 0.4) + 0.2 * torch.cos(0.9 * rows)
        return value.expand(1, 3, 48, 64)

    warped = warp(wave(rows, columns), uniform(wave(rows, columns), x, y))

    inner = (..., slice(10, -10), slice(10, -10))
    difference = (warped - wave(rows + y, columns + x))[inner].abs().max()
    assert difference < 1 / 512  # less than rounding to 8 bits


def test_an_image_of_one_color_keeps_it() -> None:
    images = torch.full((1, 3, 16, 16), 0.3)
    flow = 30 * torch.randn(1, 2, 16, 16, generator=torch.Generator().manual_seed(1))

    torch.testing.assert_close(warp(images, flow), images)


def test_nothing_leaves_the_range(images: Tensor) -> None:
    binary = images.round()

    warped = warp(binary, uniform(binary, 0.5, 0.5))

    assert warped.min() == 0
    assert warped.max() == 1


@pytest.mark.slow
def test_sixty_warps_neither_blur_nor_ring(view: View) -> None:
    image = frame_to_image(view(height=120, width=160, grain=0.8))
    stored = image
    for _ in range(60):
        warped = warp(stored, uniform(stored, 0.5, 0.3))
        stored = frame_to_image(image_to_frame(warped))

    moved, truth = stored[..., 20:-40, 20:-52], image[..., 38:-22, 50:-22]

    assert mean_gradient(moved) == pytest.approx(mean_gradient(truth), rel=0.1)
    assert moved.mean().item() == pytest.approx(truth.mean().item(), rel=0.005)
    still = (image[..., 20:-40, 20:-52] - truth).square().mean()
    assert (moved - truth).square().mean() < 0.05 * still


def test_more_pixels_than_a_chunk_are_all_sampled(
    images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = torch.randn(2, 2, 20, 33, generator=torch.Generator().manual_seed(2))
    whole = warp(images, flow)
    monkeypatch.setattr("vidstyle.motion.warp.CHUNK", 101)

    assert torch.equal(warp(images, flow), whole)


def test_a_flow_of_another_shape_is_refused(images: Tensor) -> None:
    with pytest.raises(ValueError, match=r"must be \(2, 2, 20, 33\)"):
        warp(images, torch.zeros(1, 2, 20, 33))


def test_flow_and_consistency_become_tensors() -> None:
    flow = np.zeros((4, 5, 2), np.float32)
    flow[1, 3] = (7, -2)
    mask = np.zeros((4, 5), np.float32)
    mask[2, 4] = 1

    tensor = flow_to_tensor(flow)
    assert tensor.shape == (1, 2, 4, 5)
    assert tensor[0, :, 1, 3].tolist() == [7, -2]
    trusted = consistency_to_tensor(mask)
    assert trusted.shape == (1, 1, 4, 5)
    assert trusted[0, 0, 2, 4] == 1
    flow[:], mask[:] = 9, 9
    assert tensor.max() == 7
    assert trusted.sum() == 1
