"""A painting network learns: its loss falls, and it can stop and go on."""

import pytest
import torch
from torch import Tensor

from vidstyle.config import StyleConfig
from vidstyle.errors import OptimizationError
from vidstyle.networks.painter import PaintingNetwork
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.targets import style_target
from vidstyle.optimize.training import Pair, Training, move_roughly

pytestmark = pytest.mark.slow

CONFIG = StyleConfig(network="slim", device="cpu")


@pytest.fixture
def pair(network: FeatureNetwork, pictures: Tensor) -> Pair:
    return Pair(
        contents=pictures[:2],
        flow=torch.zeros(1, 2, 32, 48),
        consistency=torch.ones(1, 1, 32, 48),
        styles={1: style_target(network, pictures[2:3], CONFIG)},
    )


def training(network: FeatureNetwork) -> tuple[Training, PaintingNetwork]:
    torch.manual_seed(0)
    painter = PaintingNetwork("residual", 4)
    return Training(painter, network, CONFIG, temporal_weight=1), painter


def test_loss_falls(network: FeatureNetwork, pair: Pair) -> None:
    learning, painter = training(network)
    losses = [
        float(torch.stack(list(learning.step(pair, 0).values())).sum())
        for _ in range(12)
    ]
    assert losses[-1] < 0.9 * losses[0]
    assert not torch.equal(painter(pair.contents[:1]), pair.contents[:1])


def test_first_terms_are_those_of_the_frames(
    network: FeatureNetwork, pair: Pair
) -> None:
    """An untrained network changes nothing: the content is kept, the paint is not."""
    learning, _ = training(network)
    terms = learning.step(pair, 0)
    assert terms["content"].max() < 1e-9
    assert terms["temporal"][0] == 0
    wanted = (pair.contents[1] - pair.contents[0]).square().mean()
    torch.testing.assert_close(terms["temporal"][1], wanted, rtol=1e-4, atol=0)


def test_reduced_picture_is_painted_too(network: FeatureNetwork, pair: Pair) -> None:
    pair.styles[0.5] = pair.styles[1]  # type: ignore[index]
    both, of_both = training(network)
    both.step(pair, 0)
    del pair.styles[1]  # type: ignore[attr-defined]
    half, of_half = training(network)
    half.step(pair, 0)
    assert of_half.end.weight.grad is not None
    assert of_half.end.weight.grad.abs().sum() > 0
    assert not torch.equal(of_both.end.weight.grad, of_half.end.weight.grad)


def test_interrupted_training_goes_on(network: FeatureNetwork, pair: Pair) -> None:
    whole, wanted = training(network)
    for _ in range(4):
        whole.step(pair, 0.5)
    first, _ = training(network)
    for _ in range(2):
        first.step(pair, 0.5)
    second, painter = training(network)
    second.load({name: each.clone() for name, each in first.state().items()})
    for _ in range(2):
        second.step(pair, 0.5)
    assert second.steps == 4
    for name, weight in wanted.state_dict().items():
        assert torch.equal(painter.state_dict()[name], weight), name


def test_loss_that_is_no_number_is_told(network: FeatureNetwork, pair: Pair) -> None:
    learning, painter = training(network)
    torch.nn.init.constant_(painter.end.bias, float("nan"))
    with pytest.raises(OptimizationError, match="is not finite"):
        learning.step(pair, 0)


def test_whole_pixels_move_exactly() -> None:
    image, flow = torch.rand(1, 3, 8, 10), torch.zeros(1, 2, 8, 10)
    flow[:, 0], flow[:, 1] = 2, -1
    moved, inside = move_roughly(image, flow)
    wanted = image[..., :-1, 2:]
    torch.testing.assert_close(moved[..., 1:, :-2], wanted, rtol=0, atol=1e-5)
    assert inside[..., 1:, :-2].min() == 1
    assert inside[..., 0, :].max() == inside[..., -2:].max() == 0
