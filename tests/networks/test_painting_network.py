"""Networks that paint in one pass: what they begin as, and their files."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vidstyle.config import PainterShape
from vidstyle.errors import OutputError, WeightsError
from vidstyle.networks.painter import PaintingNetwork, read_painter, write_painter

CPU = torch.device("cpu")


@pytest.fixture
def trained() -> PaintingNetwork:
    torch.manual_seed(1)
    painter = PaintingNetwork("unet", 4)
    torch.nn.init.normal_(painter.end.weight)
    painter.card["clip"] = "clip.mp4"
    return painter


@pytest.mark.parametrize("shape", ["residual", "unet"])
@pytest.mark.parametrize("size", [(16, 16), (17, 33)])
def test_untrained_changes_nothing(shape: PainterShape, size: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size)
    torch.testing.assert_close(PaintingNetwork(shape, 4)(image), image)


@pytest.mark.parametrize("shape", ["residual", "unet"])
def test_gradient_reaches_every_weight(shape: PainterShape) -> None:
    painter = PaintingNetwork(shape, 4)
    for weight in painter.parameters():
        torch.nn.init.normal_(weight)
    painter(torch.rand(1, 3, 24, 32)).square().sum().backward()
    for name, weight in painter.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize("shape", ["residual", "unet"])
def test_half_precision_paints_nearly_the_same(shape: PainterShape) -> None:
    torch.manual_seed(0)
    painter, image = PaintingNetwork(shape, 8), torch.rand(1, 3, 32, 48)
    torch.nn.init.normal_(painter.end.weight, std=0.02)
    wanted = painter(image)
    with torch.autocast("cpu", torch.bfloat16):
        half = painter(image)
    assert half.dtype == torch.float32
    assert (wanted - image).abs().mean() > 0.05
    # bfloat16 holds 8 bits; a dozen layers add up their rounding.
    assert (half - wanted).abs().mean() < 0.02 * (wanted - image).abs().mean()


def test_file_holds_weights_and_card(tmp_path: Path, trained: PaintingNetwork) -> None:
    write_painter(path := tmp_path / "look.safetensors", trained)
    read, image = read_painter(path, CPU), torch.rand(1, 3, 16, 24)
    assert read.card == trained.card
    assert read.card["clip"] == "clip.mp4"
    assert torch.equal(read(image), trained(image))


def test_other_files_are_named(tmp_path: Path, trained: PaintingNetwork) -> None:
    path = tmp_path / "look.safetensors"
    with pytest.raises(WeightsError, match="cannot read"):
        read_painter(path, CPU)
    path.write_bytes(b"PK" * 50)
    with pytest.raises(WeightsError, match="not a safetensors file"):
        read_painter(path, CPU)
    save_file({"a": torch.ones(2)}, path)
    with pytest.raises(WeightsError, match="is not a painting network"):
        read_painter(path, CPU)
    save_file({"a": torch.ones(2)}, path, trained.card)
    with pytest.raises(WeightsError, match="is not a painting network"):
        read_painter(path, CPU)
    with pytest.raises(OutputError, match="cannot write"):
        write_painter(tmp_path / "none" / "look.safetensors", trained)
