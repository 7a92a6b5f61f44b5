from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from vidstyle.records import Motion, StepReport


@pytest.mark.parametrize(
    ("trusted", "share"), [([[1, 1], [1, 1]], 1), ([[0, 1], [0.5, 0]], 0.375)]
)
def test_trusted_share_is_the_mean_consistency(
    trusted: list[list[float]], share: float
) -> None:
    motion = Motion(
        flow_backward=np.zeros((2, 2, 2), np.float32),
        consistency=np.array(trusted, np.float32),
    )
    assert motion.trusted_share == share
    assert type(motion.trusted_share) is float  # not numpy's, which no JSON takes


def test_facts_cannot_be_changed_on_their_way() -> None:
    report = StepReport(
        frame=0, step=1, steps=2, evaluations=1, read_losses=lambda: {"style": 0.5}
    )
    with pytest.raises(FrozenInstanceError):
        report.step = 2
