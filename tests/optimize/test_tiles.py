"""Seen in tiles, a picture has the same losses and gradients, in less memory."""

import pytest
import torch
from random_network import TINY, random_weights

from vidstyle.config import StyleConfig
from vidstyle.config.parsers import parse_layers
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize import tiles
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.targets import content_target, style_target

TINY_LAYERS = {
    "style_layers": parse_layers("relu1_2,relu2_1:2,relu3_1"),
    "content_layers": parse_layers("relu2_1"),
}


def evaluate(network, pictures, settings):
    """Evaluate two pictures of which the second gets its style in a region."""
    config = StyleConfig(**settings)
    style = style_target(network, pictures[2:], config)
    objective = Objective(network, style, config, temporal_weight=20)
    objective.allocate(pictures[:2])
    mask = torch.zeros_like(pictures[:1, :1])
    mask[..., 5:, :50] = 1
    for slot in range(2):
        objective.set_slot(
            slot,
            content_target(network, pictures[2:], config),
            mask=mask if slot else None,
            warped=pictures[2:],
            consistency=mask,
        )
    return objective.evaluate(pictures[:2])


@pytest.mark.parametrize(
    ("name", "size", "settings"),
    [
        ("slim", (83, 66), {}),
        ("slim", (17, 133), {"balance": "gradients", "optimizer": "adam"}),
        ("tiny", (31, 45), TINY_LAYERS),
        ("tiny", (45, 6), {**TINY_LAYERS, "style_loss": "wasserstein"}),
    ],
)
def test_tiles_change_no_gradient(network, monkeypatch, name, size, settings):
    if name == "tiny":
        network = FeatureNetwork(TINY, random_weights(TINY))
    generator = torch.Generator().manual_seed(1)
    pictures = torch.rand(3, 3, *size, generator=generator)
    whole = evaluate(network, pictures, settings)
    seen = []
    extract_tile = tiles.Extractor.extract_tile
    monkeypatch.setattr(
        tiles.Extractor,
        "extract_tile",
        lambda *args: seen.append(args) or extract_tile(*args),
    )
    monkeypatch.setattr(tiles, "CPU_SHARE", 0)
    monkeypatch.setattr(tiles, "TILE_BYTES", 1)
    tiled = evaluate(network, pictures, settings)
    assert len({tile for _, _, tile in seen}) > 2
    assert tiled.losses.allclose(whole.losses, rtol=1e-5)
    difference = (tiled.gradients - whole.gradients).flatten(1).norm(dim=1)
    assert (difference < 1e-5 * whole.gradients.flatten(1).norm(dim=1)).all()


def test_each_pixel_of_a_layer_is_owned_once():
    view = tiles.Extractor(
        network=FeatureNetwork(TINY, random_weights(TINY)), layers=["relu3_1"]
    )
    for height, width in [(4, 5), (7, 90), (63, 41)]:
        for layer in ("relu1_1", "relu2_1", "relu3_1"):
            *_, high, wide = view.network.layer_shape(layer, (1, 3, height, width))
            owned = torch.zeros(high, wide)
            parts = view._tiles(height, width, 1)
            for tile in parts:
                owned[tile.owned(layer)] += 1
            assert (owned == 1).all()
            assert sum(tile.share(layer) for tile in parts) == pytest.approx(1)
