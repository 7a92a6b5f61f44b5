from pathlib import Path

import pytest

from vidstyle.config import StyleConfig
from vidstyle.explore import networks as module
from vidstyle.explore.networks import networks
from vidstyle.explore.paint import TrialPainter
from vidstyle.networks.load import NetworkStatus
from vidstyle.records import ignore


def status(name: str, path: Path | None, *, built_in: bool = False) -> NetworkStatus:
    return NetworkStatus(
        name=name, layers=(), built_in=built_in, path=path, size_mb=528.4, url=None
    )


@pytest.fixture
def _only_vgg19(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [
        status("slim", None, built_in=True),
        status("vgg16", None),
        status("vgg19", Path("vgg19.pt")),
    ]
    monkeypatch.setattr(module, "network_status", lambda: there)
    monkeypatch.setattr(module, "find_resnet", lambda: None)


@pytest.mark.usefixtures("_only_vgg19")
def test_what_is_there_is_tried_with_each_pooling_and_the_rest_named():
    experiment = networks(
        Path("c.png"),
        StyleConfig(network="vgg16", weights=Path("w"), pooling="max"),
        style=Path("s.png"),
    )

    assert [trial.column for trial in experiment.trials] == [
        "slim, average pooling",
        "vgg19, average pooling",
        "vgg19, max pooling",
    ]
    configs = [trial.config for trial in experiment.trials]
    assert [(one.network, one.pooling) for one in configs] == [
        ("slim", "average"),
        ("vgg19", "average"),
        ("vgg19", "max"),
    ]
    assert {one.weights for one in configs} == {None}
    assert experiment.skipped == (
        "vgg16: its weights are not here; vidstyle networks --fetch vgg16 gets them "
        "(a download of 528 MB).",
        "resnet50: its weights are not here; name torchvision's file, or random.",
    )


def test_resnet_paints_as_it_is_and_smoothed(files, config, monkeypatch):
    there = [status("slim", None, built_in=True)]
    monkeypatch.setattr(module, "network_status", lambda: there)
    experiment = networks(
        files / "photo.png", config, style=files / "painting.png", resnet="random"
    )

    slim, plain, smoothed = TrialPainter(experiment.trials, ignore).paint(batch=3)

    assert experiment.skipped == ()
    assert [one.network for one in (slim, plain, smoothed)] == [
        *("slim", "resnet50", "resnet50"),
    ]
    assert smoothed.trial.column == "resnet50 of random weights, smoothed"
    assert plain.trace[0].report.loss != smoothed.trace[0].report.loss
    for outcome in (plain, smoothed):
        assert outcome.best_loss < outcome.trace[0].report.loss
