from pathlib import Path

import numpy as np
import pytest
import torch
from random_network import random_weights

from vidstyle.errors import ConfigError, WeightsError
from vidstyle.networks.slim import slim
from vidstyle.networks.vgg import FeatureNetwork, Topology
from vidstyle.training.teachers import TAUGHT, NetworkTeacher, read_encoder

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
CPU = torch.device("cpu")


def test_the_end_of_a_vgg19_block_stands_for_the_end_of_a_students() -> None:
    topology = Topology(
        name="narrow19",
        blocks=((2, 2), (3, 3), (4, 4, 4, 4), (5, 5, 5, 5), (6,)),
        mean=(0.5, 0.5, 0.5),
        std=(0.2, 0.2, 0.2),
    )
    network = FeatureNetwork(topology, random_weights(topology), pooling="max")
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    known = network(images, network.layers)
    features = NetworkTeacher(network).features(images)
    assert tuple(features) == TAUGHT
    assert torch.equal(features["relu3_3"], known["relu3_4"])
    assert torch.equal(features["relu4_3"], known["relu4_4"])
    assert torch.equal(features["relu4_2"], known["relu4_2"])
    assert torch.equal(features["relu1_2"], known["relu1_2"])


def test_a_network_of_the_students_own_shape_teaches_layer_by_layer() -> None:
    images = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    teacher = NetworkTeacher(slim())
    features = teacher.features(images)
    known = slim()(images, TAUGHT)
    assert all(torch.equal(features[layer], known[layer]) for layer in TAUGHT)
    assert teacher.widen("relu1_1", features["relu1_1"]) is features["relu1_1"]


def test_a_shallow_network_cannot_teach() -> None:
    topology = Topology(name="shallow", blocks=((2, 2),), mean=(0, 0, 0), std=(1, 1, 1))
    with pytest.raises((ConfigError, ValueError)):
        NetworkTeacher(FeatureNetwork(topology, random_weights(topology)))


def test_the_encoder_gives_the_real_networks_features() -> None:
    path = REFERENCE / "vgg19_small16x_conv1_1-conv5_1.npz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    teacher = read_encoder(path, CPU)
    with np.load(REFERENCE / "reference_activations_tubingen_128x96.npz") as file:
        picture = torch.from_numpy(file["input_rgb_uint8"]).permute(2, 0, 1)[None] / 255
        features = teacher.features(picture)
        for layer, least in (("relu1_1", 0.99), ("relu2_1", 0.91), ("relu3_1", 0.8)):
            theirs = np.asarray(file[f"vgg19n_{layer}"], np.float32)
            ours = teacher.widen(layer, features[layer])[0].numpy()
            found = np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]
            assert found > least


def test_the_encoder_widens_the_first_layer_of_a_block_only(encoder: Path) -> None:
    teacher = read_encoder(encoder, CPU)
    features = teacher.features(torch.rand(2, 3, 32, 48))
    assert tuple(features) == TAUGHT
    assert features["relu4_2"].shape == (2, 7, 4, 6)
    assert teacher.widen("relu4_1", features["relu4_1"]).shape == (2, 9, 4, 6)
    assert teacher.widen("relu4_2", features["relu4_2"]) is features["relu4_2"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read the teacher"),
        (b"no weights", "is damaged"),
        ({"conv0.weight": np.zeros(3)}, "is not the small encoder"),
    ],
)
def test_another_file_is_no_teacher(
    tmp_path: Path, content: bytes | dict[str, np.ndarray] | None, said: str
) -> None:
    path = tmp_path / "teacher.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.savez(path, **content)
    with pytest.raises(WeightsError, match=said):
        read_encoder(path, CPU)
