from pathlib import Path

import pytest
import torch

from vidstyle.config import TrainingConfig
from vidstyle.errors import OptimizationError, WorkDirError
from vidstyle.records import Event, StepReport
from vidstyle.training import distill as module
from vidstyle.training.distill import Distillation
from vidstyle.training.photos import Crops, find_photos
from vidstyle.training.teachers import read_encoder

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECKPOINT_EVERY", 2)


class Stop(Exception):  # noqa: N818
    """Raised by a listener: an interruption between two steps."""


class Trained:
    """A training of a few tiny steps."""

    def __init__(self, photos: Path, encoder: Path, **settings: float) -> None:
        values = {"steps": 5, "batch": 2, "crop": 32, "lr": 0.01, **settings}
        config = TrainingConfig(teacher=str(encoder), device="cpu", **values)  # type: ignore[arg-type]
        paths = find_photos(photos)
        crops = Crops(paths, batch=config.batch, crop=config.crop, seed=config.seed)
        self.distillation = Distillation(config, crops, read_encoder(encoder, CPU), CPU)
        self.reports: list[StepReport] = []

    def run(self, checkpoint: Path, *, stop_at: int = -1) -> "Trained":
        def listen(event: Event) -> None:
            if isinstance(event, StepReport):
                if event.step == stop_at:
                    raise Stop
                self.reports.append(event)

        self.distillation.run(checkpoint, listen)
        return self

    @property
    def state(self) -> dict[str, torch.Tensor]:
        return self.distillation.student.state_dict()


def test_errors_fall(photos: Path, encoder: Path, tmp_path: Path) -> None:
    reports = Trained(photos, encoder, steps=20).run(tmp_path / "x.training").reports
    first, last = (
        sum(report.loss for report in part) for part in (reports[:5], reports[-5:])
    )
    assert last < 0.9 * first
    assert set(reports[0].losses) == set(module.TAUGHT)


def test_an_interrupted_training_ends_in_the_same_weights(
    photos: Path, encoder: Path, tmp_path: Path
) -> None:
    straight = Trained(photos, encoder).run(tmp_path / "a.training")
    with pytest.raises(Stop):
        Trained(photos, encoder).run(tmp_path / "b.training", stop_at=4)
    resumed = Trained(photos, encoder).run(tmp_path / "b.training")
    assert [report.step for report in resumed.reports] == [3, 4, 5]
    for name, values in straight.state.items():
        assert torch.equal(values, resumed.state[name]), name


def test_another_trainings_checkpoint_is_refused(
    photos: Path, encoder: Path, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "x.training"
    Trained(photos, encoder).run(checkpoint)
    with pytest.raises(WorkDirError, match="with batch 2, not 3; use --restart"):
        Trained(photos, encoder, batch=3).run(checkpoint)


@pytest.mark.parametrize("damage", [b"", b"text"])
def test_a_damaged_checkpoint_is_refused(
    photos: Path, encoder: Path, tmp_path: Path, damage: bytes
) -> None:
    checkpoint = tmp_path / "x.training"
    checkpoint.write_bytes(damage)
    with pytest.raises(WorkDirError, match="is damaged; use --restart"):
        Trained(photos, encoder).run(checkpoint)


def test_a_loss_that_is_not_finite_is_an_error(
    photos: Path, encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptimizationError, match="use a smaller --lr"):
        Trained(photos, encoder, lr=1e30).run(tmp_path / "x.training")
