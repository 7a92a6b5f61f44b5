import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from vidstyle.errors import ConfigError
from vidstyle.networks import choose_precision, slim
from vidstyle.networks.vgg import convolutions_in, convolve_replicated


def operands(
    height: int = 5, width: int = 4, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype)

    return draw(2, 3, height, width), draw(4, 3, 3, 3), draw(4)


def plain(maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.relu(F.conv2d(F.pad(maps, (1, 1, 1, 1), mode="replicate"), weight, bias))


@pytest.mark.parametrize(
    ("height", "width"), [(5, 4), (1, 1), (1, 6), (2, 2), (33, 17)]
)
@pytest.mark.parametrize(
    "layout", [torch.contiguous_format, torch.channels_last], ids=["plain", "last"]
)
def test_values_and_gradient_are_those_of_padding_first(
    height: int, width: int, layout: torch.memory_format
) -> None:
    maps, weight, bias = operands(height, width)
    weight = weight.contiguous(memory_format=layout)
    results = []
    for convolve in (convolve_replicated, plain):
        leaf = maps.clone().requires_grad_()
        positive = convolve(leaf, weight, bias)
        (positive * positive.detach().cos()).sum().backward()
        results.append((positive, leaf.grad))
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected)


def test_gradients_of_both_orders_are_slopes() -> None:
    maps, weight, bias = operands()
    maps.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda leaf: convolve_replicated(leaf, weight, bias), maps
    )
    assert torch.autograd.gradgradcheck(
        lambda leaf: convolve_replicated(leaf, weight, bias).square(), maps
    )


def test_the_incoming_gradient_and_the_input_are_left_alone() -> None:
    maps, weight, bias = operands()
    before = maps.clone()
    positive = convolve_replicated(maps.requires_grad_(), weight, bias)
    gradient = torch.ones_like(positive)
    positive.backward(gradient)
    assert torch.equal(gradient, torch.ones_like(positive))
    assert torch.equal(maps, before)


@pytest.mark.parametrize(
    ("device", "chosen"), [("cpu", "fp32"), ("mps", "fp32"), ("cuda", "tf32")]
)
def test_auto_precision_suits_the_device(device: str, chosen: str) -> None:
    assert choose_precision("auto", torch.device(device)) == chosen
    assert choose_precision("bf16", torch.device(device)) == "bf16"


def test_tf32_is_refused_where_there_is_none() -> None:
    with pytest.raises(ConfigError, match="use --precision fp32 or bf16"):
        choose_precision("tf32", torch.device("cpu"))


def test_rounding_of_convolutions_is_put_back(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.deterministic
    for precision, allowed in (("fp32", False), ("tf32", True), ("bf16", False)):
        with convolutions_in(precision):
            assert (cudnn.allow_tf32, cudnn.deterministic) == (allowed, True)
        assert (cudnn.allow_tf32, cudnn.deterministic) == before


@pytest.mark.parametrize("precision", ["fp32", "tf32"])
def test_all_convolutions_are_rounded_alike(monkeypatch, precision) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    seen, convolve = set(), torch.nn.functional.conv2d

    def listen(*args):
        seen.add(torch.backends.cudnn.allow_tf32)
        return convolve(*args)

    monkeypatch.setattr(torch.nn.functional, "conv2d", listen)
    network = slim()
    network.precision = precision
    network(torch.rand(1, 3, 16, 16), network.layers)  # with their maps
    assert seen == {precision == "tf32"}
