from dataclasses import replace

import pytest
import torch
from random_network import TINY, random_weights
from torch import Tensor, nn
from torchvision.models import vgg as torchvision_vgg

from vidstyle.config import Pooling
from vidstyle.errors import ConfigError
from vidstyle.networks import SLIM, published_weights
from vidstyle.networks.vgg import FeatureNetwork, Topology
from vidstyle.networks.weights import torchvision_names

INDICES = {
    "vgg16": {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 18, "relu5_1": 25},
    "vgg19": {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 20, "relu5_1": 29},
}
"""Where torchvision keeps the default style layers, as the papers' code has it."""


def network(topology: Topology = TINY, pooling: Pooling = "average") -> FeatureNetwork:
    return FeatureNetwork(topology, random_weights(topology), pooling=pooling)


def images(count: int = 1, height: int = 16, width: int = 16, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, height, width, generator=generator)


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_vgg_is_as_wide_as_torchvisions(name: str) -> None:
    expected = getattr(torchvision_vgg, name)
    with torch.device("meta"):
        theirs = expected(weights=None, init_weights=False).state_dict()
    topology = published_weights(name).topology
    names = torchvision_names(topology)
    for ours, shape in topology.weight_shapes.items():
        assert theirs[names[ours]].shape == shape
    assert set(names.values()) == {key for key in theirs if key.startswith("features")}


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_each_layer_is_torchvisions_at_its_index(name: str, pooling: Pooling) -> None:
    published = published_weights(name).topology
    topology = replace(  # an eighth as wide, to be quick
        published,
        blocks=tuple(tuple(n // 8 for n in block) for block in published.blocks),
    )
    weights = random_weights(topology)
    config = torchvision_vgg.cfgs["D" if name == "vgg16" else "E"]
    theirs = torchvision_vgg.make_layers([n if n == "M" else n // 8 for n in config])
    theirs.load_state_dict(
        {
            their_name.removeprefix("features."): weights[our_name]
            for our_name, their_name in torchvision_names(topology).items()
        }
    )
    pictures = images(height=32, width=48)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    signal = (pictures - mean) / std
    expected: dict[int, Tensor] = {}
    for index, module in enumerate(theirs):
        if isinstance(module, nn.ReLU):
            signal = expected[index] = signal.relu()
        elif isinstance(module, nn.MaxPool2d) and pooling == "average":
            signal = nn.functional.avg_pool2d(signal, 2)
        else:
            signal = module(signal)

    ours = FeatureNetwork(topology, weights, pooling=pooling)
    features = ours(pictures, ours.layers)
    assert list(features) == list(ours.layers)
    for maps, index in zip(features.values(), expected, strict=True):
        torch.testing.assert_close(maps, expected[index])
    for layer, index in INDICES[name].items():
        torch.testing.assert_close(features[layer], expected[index])


def test_nothing_deeper_than_asked_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[str] = []
    plain = FeatureNetwork._convolve

    def listen(self: FeatureNetwork, signal: Tensor, layer: str) -> Tensor:
        computed.append(layer)
        return plain(self, signal, layer)

    monkeypatch.setattr(FeatureNetwork, "_convolve", listen)
    features = network()(images(), ["relu2_1", "relu1_1"])
    assert list(features) == ["relu1_1", "relu2_1"]
    assert computed == ["relu1_1", "relu1_2", "relu2_1"]


def test_no_layer_asked_is_no_feature() -> None:
    assert network()(images(), []) == {}


def test_a_layer_does_not_depend_on_which_others_are_asked() -> None:
    alone = network()(images(), ["relu2_1"])["relu2_1"]
    among = network()(images(), TINY.layers)["relu2_1"]
    assert torch.equal(alone, among)


def test_unknown_layers_are_named_with_those_there_are() -> None:
    with pytest.raises(ConfigError) as caught:
        network().topology.check_layers(["relu1_1", "relu9_1", "conv1_1"])
    assert str(caught.value) == (
        "tiny has no layer relu9_1, conv1_1; it has relu1_1, relu1_2, relu2_1, relu3_1."
    )
    with pytest.raises(ConfigError, match="has no layer relu9_1"):
        network()(images(), ["relu9_1"])


def test_16_pixels_are_enough_for_relu5_1() -> None:
    features = network(SLIM)(images(height=16, width=19), ["relu1_1", "relu5_1"])
    assert features["relu1_1"].shape == (1, 16, 16, 19)
    assert features["relu5_1"].shape == (1, 256, 1, 1)


def test_a_picture_too_small_for_the_layer_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"16x15 pixels .* relu5_1, .* at least 16"):
        network(SLIM)(images(height=15, width=16), ["relu1_1", "relu5_1"])
    assert network(SLIM)(images(height=15, width=16), ["relu4_3"])


@pytest.mark.parametrize("topology", [TINY, SLIM], ids=lambda topology: topology.name)
def test_a_samples_bits_do_not_depend_on_its_neighbors(topology: Topology) -> None:
    net = network(topology).to(memory_format=torch.channels_last)
    first, others = images(1, 40, 56), images(2, 40, 56, seed=5)

    def run(neighbor: Tensor) -> tuple[Tensor, Tensor]:
        batch = torch.cat([first, neighbor.unsqueeze(0)]).requires_grad_()
        features = net(batch, net.layers)
        sum(maps.square().sum() for maps in features.values()).backward()
        assert batch.grad is not None
        return features[net.layers[-1]][0], batch.grad[0]

    for one, other in zip(run(others[0]), run(others[1]), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("topology", [TINY, SLIM], ids=lambda topology: topology.name)
def test_a_batch_agrees_with_its_samples_alone(topology: Topology) -> None:
    net = network(topology).double()
    pictures = images(3, 32, 24).double()
    together = net(pictures, net.layers)
    for index, picture in enumerate(pictures):
        alone = net(picture.unsqueeze(0), net.layers)
        for layer in net.layers:
            torch.testing.assert_close(together[layer][index], alone[layer][0])


def test_gradient_is_the_slope() -> None:
    net = network().double()
    pictures = images(height=8, width=8).double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda pixels: tuple(net(pixels, net.layers).values()), pictures
    )


def test_the_layout_of_the_weights_changes_nothing_but_rounding() -> None:
    plain, last = network(SLIM), network(SLIM).to(memory_format=torch.channels_last)
    features, others = (net(images(2, 40, 32), SLIM.layers) for net in (plain, last))
    for layer in SLIM.layers:
        torch.testing.assert_close(features[layer], others[layer], rtol=1e-4, atol=1e-5)


def test_weights_are_frozen() -> None:
    net = network()
    assert not net.training
    assert not any(weight.requires_grad for weight in net.parameters())


def test_energies_are_measured_once_for_each_layer() -> None:
    net = network()
    assert list(net.feature_energy) == list(net.gram_energy) == list(net.layers)
    assert all(energy > 0 for energy in net.feature_energy.values())
    assert net.gram_energy["relu1_1"] == network().gram_energy["relu1_1"]


def test_energies_that_come_with_the_weights_are_taken() -> None:
    stored = {
        "feature_energy": torch.arange(1.0, 5.0),
        "gram_energy": torch.arange(5.0, 9.0),
    }
    net = FeatureNetwork(TINY, random_weights(TINY) | stored)
    assert list(net.feature_energy.values()) == [1, 2, 3, 4]
    assert net.gram_energy["relu3_1"] == 8


def test_a_map_changes_what_is_handed_out_and_nothing_deeper() -> None:
    weights = random_weights(TINY)
    matrix = torch.randn(4, 4, generator=torch.Generator().manual_seed(2))
    mapped = FeatureNetwork(TINY, weights | {"relu1_1_map": matrix})
    plain = FeatureNetwork(TINY, weights)
    theirs, ours = (one(images(), TINY.layers) for one in (plain, mapped))
    expected = torch.einsum("dc,nchw->ndhw", matrix, theirs["relu1_1"])
    torch.testing.assert_close(ours["relu1_1"], expected)
    for layer in TINY.layers[1:]:
        assert torch.equal(ours[layer], theirs[layer])


def test_a_square_root_as_map_measures_as_the_wider_network_would() -> None:
    # |H G H^T| = |M G M^T| for M = (H^T H)^(1/2).
    generator = torch.Generator().manual_seed(3)
    head = torch.randn(12, 4, generator=generator, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(head.T @ head)
    root = vectors * values.sqrt() @ vectors.T
    gram = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    gram = gram @ gram.T
    wide, narrow = head @ gram @ head.T, root @ gram @ root.T
    torch.testing.assert_close(wide.square().sum(), narrow.square().sum())
