from pathlib import Path

import pytest
import torch

from vidstyle.config import TrainingConfig
from vidstyle.errors import ConfigError, OutputError, WeightsError
from vidstyle.networks.load import load_network
from vidstyle.networks.slim import SLIM, slim
from vidstyle.networks.weights import read_weights, write_weights
from vidstyle.training import train as module
from vidstyle.training.distill import JUDGED
from vidstyle.training.photos import find_photos, hold_out
from vidstyle.training.rescale import rescaled_weights
from vidstyle.training.student import Student
from vidstyle.training.teachers import NetworkTeacher
from vidstyle.training.train import judge, load_teacher, train_network

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JUDGE_SIDE", 64)
    monkeypatch.setattr(module, "USUAL_SIDE", 64)


def tiny(encoder: Path, **settings: int) -> TrainingConfig:
    values = {"steps": 2, "batch": 2, "crop": 32, **settings}
    return TrainingConfig(teacher=str(encoder), device="cpu", **values)  # type: ignore[arg-type]


def test_what_is_written_paints(photos: Path, encoder: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine.npz"
    judgment = train_network(photos, output, tiny(encoder))
    assert set(judgment.errors) == set(JUDGED)
    assert judgment.held_out == 2
    assert all(0 < error < 2 for error in judgment.errors.values())
    assert set(judgment.weak_channels) == set(SLIM.layers)
    network = load_network("auto", device=CPU, weights=output)
    assert network.name == "slim"
    usual = [photo[0] for photo in module.read_photos(find_photos(photos), side=64)]
    features = network(torch.stack(usual), ["relu2_1"])["relu2_1"]
    assert network.feature_energy["relu2_1"] == pytest.approx(
        float(features.square().mean((1, 2, 3)).median()), rel=0.3
    )
    assert not list(tmp_path.glob("*.training"))


def test_a_network_gives_its_own_features_without_error(
    photos: Path, tmp_path: Path
) -> None:
    path = tmp_path / "same.npz"
    write_weights(path, slim().state_dict())
    training, held_out = hold_out(find_photos(photos))
    judgment = judge(path, NetworkTeacher(slim()), training, held_out, CPU)
    assert all(error < 1e-3 for error in judgment.errors.values())


def test_an_untrained_network_has_large_errors(photos: Path, tmp_path: Path) -> None:
    student = Student({}, torch.Generator().manual_seed(0))
    training, held_out = hold_out(find_photos(photos))
    student.spread_out(next(module.read_photos(training, side=64)))
    path = tmp_path / "untrained.npz"
    usual = module.read_photos(training[:2], side=64)
    write_weights(path, rescaled_weights(student, usual))
    judgment = judge(path, NetworkTeacher(slim()), training[:4], held_out, CPU)
    assert judgment.errors["relu5_1"] > 0.1


def test_a_result_of_another_kind_is_refused_before_the_work(
    photos: Path, encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"must end in \.npz"):
        train_network(photos, tmp_path / "mine.pth", tiny(encoder))
    with pytest.raises(OutputError, match="does not exist"):
        train_network(photos, tmp_path / "none" / "mine.npz", tiny(encoder))


def test_an_unknown_teacher_is_a_missing_file() -> None:
    with pytest.raises(WeightsError, match="cannot read the teacher vgg23"):
        load_teacher("vgg23", CPU)


def test_the_files_precision_is_half(
    photos: Path, encoder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "mine.npz"
    train_network(photos, output, tiny(encoder))
    weights = read_weights(output, SLIM)
    for name in SLIM.weight_shapes:
        assert torch.equal(weights[name], weights[name].half().float())
    assert output.stat().st_size < 3e6
