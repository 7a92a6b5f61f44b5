"""Benchmark the optimization loop, and compare it with the device's peak throughput.

Pictures are generated, since the speed does not depend on their content. Rates are
medians over whole steps of the loop that stylizes clips.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from vidstyle.config import (
    MIN_SIDE,
    DeviceName,
    NetworkName,
    Precision,
    StyleConfig,
    VideoConfig,
    check_range,
)
from vidstyle.devices import choose_device, count_operations, memory_errors_named
from vidstyle.errors import counted
from vidstyle.networks import load_network
from vidstyle.networks.energy import natural_pictures
from vidstyle.networks.vgg import FeatureNetwork, block_of
from vidstyle.optimize.batch import BatchOptimization
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import content_target, style_target
from vidstyle.records import Listener

WARM_UP: Final = 5  # steps not timed: they allocate memory and select algorithms
PRODUCT_S: Final = 0.02  # least duration of a matrix product that is timed
PRODUCTS: Final = 10  # products timed; the fastest is the peak
LARGEST_PRODUCT: Final = 8192  # rows; larger ones are no faster, and fill the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The speed of the loop for one frame size and batch size."""

    width: int
    height: int
    batch: int  # frames per step
    steps_per_s: float  # of the whole loop
    evaluation_share: float  # of losses and gradients in a step's time; rest: optimizer
    gflop: float  # convolutions of one step, forward and backward to the pixels
    gflop_per_s: float  # gflop divided by the time of the whole step
    of_matrix_rate: float  # gflop_per_s divided by the device's matrix product rate
    over_single: float  # speedup over the same frames one by one
    operations_per_step: int  # about the kernel launches on a GPU; views not counted
    host_reads_per_step: int  # device-to-host synchronizations


class Bench:
    """A network on a device, ready for timing."""

    def __init__(
        self,
        *,
        sizes: Sequence[tuple[int, int]],
        batch: int,
        steps: int,
        network: NetworkName | FeatureNetwork,
        device: DeviceName,
        precision: Precision = "auto",
        listener: Listener,
    ) -> None:
        """Check the arguments and load the network, if given by name.

        ``sizes`` are (width, height); each is timed for one frame, then for ``batch``.
        """
        for width, height in sizes:
            check_range("width in sizes", width, least=MIN_SIDE)
            check_range("height in sizes", height, least=MIN_SIDE)
        check_range("batch", batch, least=1)
        check_range("steps", steps, least=1)
        self._sizes, self._batch, self._steps = sizes, batch, steps
        name = "auto" if isinstance(network, FeatureNetwork) else network
        self._config = StyleConfig(network=name, device=device, precision=precision)
        self._device = choose_device(device)
        if not isinstance(network, FeatureNetwork):
            network = load_network(
                network, device=self._device, precision=precision, listener=listener
            )
        self._network = network
        used = [*self._config.style_layers, *self._config.content_layers]
        self._deepest = max((layer for layer, _ in used), key=network.layers.index)
        self._ceiling = matrix_rate(self._device, network.precision) / 1e9

    def facts(self) -> dict[str, Any]:
        """Collect the conditions of the benchmark, and the peak throughput."""
        return {
            "network": self._network.name,
            "deepest": self._deepest,
            "device": str(self._device),
            "precision": self._network.precision,
            "threads": torch.get_num_threads(),
            "steps": self._steps,
            "matrix_gflop_per_s": self._ceiling,
        }

    def rates(self) -> Iterator[Rate]:
        """Time the loop for each size, with one frame and with a batch."""
        for width, height in self._sizes:
            single_s = 0.0
            macs = count_macs(self._network, self._deepest, height=height, width=width)
            for frames in sorted({1, self._batch}):
                with memory_errors_named(f"{frames} frame(s) of {width}x{height}"):
                    loop, objective, images = self._load(width, height, frames)
                    step_s, evaluation_s = self._time(loop, objective, images)
                    operations, host_reads = count_operations(loop.step)
                if frames == 1:
                    single_s = step_s
                # A multiply-add is two operations. The backward pass costs as much as
                # the forward pass, since weights need no gradients.
                gflop = 2 * 2 * macs * frames / 1e9
                yield Rate(
                    width=width,
                    height=height,
                    batch=frames,
                    steps_per_s=1 / step_s,
                    evaluation_share=evaluation_s / step_s,
                    gflop=gflop,
                    gflop_per_s=gflop / step_s,
                    of_matrix_rate=gflop / step_s / self._ceiling,
                    over_single=frames * single_s / step_s,
                    operations_per_step=operations,
                    host_reads_per_step=host_reads,
                )

    def _time(
        self, loop: BatchOptimization, objective: Objective, images: Tensor
    ) -> tuple[float, float]:
        """Return the median seconds of a whole step, and of its evaluation alone."""
        # Interleaved, so that other load on the machine affects both equally.
        evaluate = partial(objective.evaluate, images)
        step_times, evaluation_times = list[float](), list[float]()
        for _ in range(WARM_UP + self._steps):
            step_times.append(seconds(loop.step, self._device))
            evaluation_times.append(seconds(evaluate, self._device))
        return median(step_times[WARM_UP:]), median(evaluation_times[WARM_UP:])

    def _load(
        self, width: int, height: int, batch: int
    ) -> tuple[BatchOptimization, Objective, Tensor]:
        """Set up the loop as for a clip's later frames, and a separate objective."""
        pictures = F.interpolate(natural_pictures(), (height, width), mode="bicubic")
        image, painting = pictures[:1].to(self._device), pictures[1:2].to(self._device)
        style = style_target(self._network, painting, self._config)
        content = content_target(self._network, image, self._config)
        consistency = torch.ones_like(image[:, :1])
        temporal: dict[str, Any] = {"warped": image, "consistency": consistency}
        setup = self._network, style, self._config
        weight = VideoConfig().temporal_weight
        loop = BatchOptimization(*setup, slots=batch, temporal_weight=weight)
        objective = Objective(*setup, temporal_weight=weight)
        images = image.repeat(batch, 1, 1, 1)
        objective.allocate(images)
        # More than are run, since the last step synchronizes with the device.
        steps = WARM_UP + self._steps + 2
        task = FrameTask(frame=0, start=image, content=content, steps=steps, **temporal)
        for slot in range(batch):
            loop.load(slot, task)
            objective.set_slot(slot, content, **temporal)
        return loop, objective, images


def as_table(facts: dict[str, Any], rates: Iterable[Rate]) -> Iterator[str]:
    """Format the conditions, then one line per rate as it is measured."""
    threads = counted(facts["threads"], "thread")
    steps = counted(facts["steps"], "step")
    yield (
        f"{facts['network']} to {facts['deepest']} on {facts['device']} in "
        f"{facts['precision']}, {threads}; medians of {steps}; ceiling "
        f"{facts['matrix_gflop_per_s']:.0f} GFLOP/s"
    )
    yield "     size  batch   steps/s  evaluation   GFLOP/s  of ceiling   N x 1"
    for rate in rates:
        size = f"{rate.width}x{rate.height}"
        yield (
            f"{size:>9}  {rate.batch:>5}  {rate.steps_per_s:>8.2f}  "
            f"{rate.evaluation_share:>10.0%}  {rate.gflop_per_s:>8.1f}  "
            f"{rate.of_matrix_rate:>10.0%}  {rate.over_single:>6.2f}"
        )


def count_macs(
    network: FeatureNetwork, deepest: str, *, height: int, width: int
) -> int:
    """Count the multiply-adds of one image's forward pass up to the deepest layer.

    Only convolutions count, each at the size of its feature map.
    """
    used = network.layers[: network.layers.index(deepest) + 1]
    kernels = [weight for weight in network.parameters() if weight.dim() == 4]
    halvings = [block_of(layer) - 1 for layer in used]
    return sum(
        kernel.numel() * (height >> halving) * (width >> halving)
        for halving, kernel in zip(halvings, kernels, strict=False)
    )


def matrix_rate(device: torch.device, precision: Precision) -> float:
    """Measure a device's throughput in large matrix products, in operations per second.

    Uses the same number of threads and the same precision as the convolutions.
    """
    previous = torch.get_float32_matmul_precision()
    if precision == "tf32":
        torch.set_float32_matmul_precision("high")
    side = 256
    try:
        while True:
            matrix = torch.rand(side, side, device=device)
            if precision == "bf16":
                matrix = matrix.bfloat16()
            product = partial(torch.matmul, matrix, matrix)
            best = min(seconds(product, device) for _ in range(PRODUCTS))
            if best >= PRODUCT_S or side >= LARGEST_PRODUCT:
                return 2.0 * side**3 / best
            side *= 2
    finally:
        torch.set_float32_matmul_precision(previous)


def seconds(call: Callable[[], object], device: torch.device) -> float:
    """Time a call until the device has finished its work."""
    _synchronize(device)
    start = time.perf_counter()
    call()
    _synchronize(device)
    return time.perf_counter() - start


def _synchronize(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
