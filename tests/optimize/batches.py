"""Several frames in one batch, for tests that need no more."""

from collections.abc import Callable, Sequence

from torch import Tensor

from vidstyle.config import StyleConfig
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.batch import BatchOptimization
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import StyleTarget
from vidstyle.records import StepReport


def optimize_batch(
    network: FeatureNetwork,
    style: StyleTarget,
    config: StyleConfig,
    tasks: Sequence[FrameTask],
    *,
    temporal_weight: float = 0.0,
    on_step: Callable[[StepReport, Tensor], None] | None = None,
) -> list[Tensor]:
    """Return the best picture of each task, (1, 3, H, W), not clamped."""
    batch = BatchOptimization(
        network,
        style,
        config,
        slots=len(tasks),
        temporal_weight=temporal_weight,
    )
    results: dict[int, Tensor] = {}
    for done in batch.run(tasks):
        results[id(done.task)] = batch.result(done.slot)
        if on_step is not None and done.report is not None:
            on_step(done.report, results[id(done.task)])
    return [results[id(task)] for task in tasks]
