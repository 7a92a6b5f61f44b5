"""The speed of the optimisation on this machine, and what the machine could do at best.

A network and sizes in, rates out. Pictures are drawn, not read: speed does not depend
on what they show. Nothing here is tuned to look well: rates are medians of whole steps.
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
    block_of,
    check_range,
)
from vidstyle.devices import choose_device, count_operations, memory_errors_named
from vidstyle.networks.energy import natural_pictures
from vidstyle.networks.load import load_network
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.batch import BatchOptimization
from vidstyle.optimize.objective import Objective
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import content_target, style_target
from vidstyle.records import Listener

WARM_UP: Final = 5  # steps that are not counted: they allocate, and choose algorithms
PRODUCT_S: Final = 0.02  # least duration of a product that says how fast they are
PRODUCTS: Final = 10  # products of which the fastest is taken: it is to be a ceiling
LARGEST_PRODUCT: Final = 8192  # rows; more are no faster, and fill the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast frames of one size are optimised, so many beside one another."""

    width: int
    height: int
    batch: int  # frames that one step moves
    steps_per_s: float  # of the whole loop
    evaluation_share: float  # of a step's time; the rest is the optimiser's
    gflop: float  # in the convolutions of one step, forward and back to the pixels
    gflop_per_s: float  # the same by the time of the whole step
    of_matrix_rate: float  # gflop_per_s by the device's own rate of matrix products
    over_single: float  # how many times as fast as the same frames one by one
    operations_per_step: int  # on a GPU each is a kernel, or a few; without views
    host_reads_per_step: int  # times that the host waits for a value from the device


class Bench:
    """A network on a device, ready to be timed."""

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
        """Check the numbers and load the network, unless it is loaded.

        ``sizes`` are widths and heights; ``batch`` frames are timed after one alone.
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
        self._deepest = max((one.layer for one in used), key=network.layers.index)
        self._ceiling = matrix_rate(self._device, network.precision) / 1e9

    def facts(self) -> dict[str, Any]:
        """Collect what is timed, and the ceiling."""
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
        """Time the loop in each size for one frame, and for a batch if that is more."""
        for width, height in self._sizes:
            single_s = 0.0
            macs = count_macs(self._network, self._deepest, height=height, width=width)
            for frames in sorted({1, self._batch}):
                with memory_errors_named(f"{frames} frame(s) of {width}x{height}"):
                    loop, objective, images = self._load(width, height, frames)
                    step_s, evaluation_s = self._time(loop, objective, images)
                    operations, host_reads = count_operations(loop.step)
                single_s = single_s or step_s
                # A multiplication and a sum each; and the way back to the pixels costs
                # one more way forward, since no weight wants a gradient.
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
        """Measure the median seconds of a whole step, and of its evaluation alone."""
        # In turns, so that whatever else the machine does slows both alike.
        works = loop.step, partial(objective.evaluate, images)
        times = [
            [seconds(work, self._device) for work in works]
            for _ in range(WARM_UP + self._steps)
        ]
        step_s, evaluation_s = map(median, zip(*times[WARM_UP:], strict=True))
        return step_s, evaluation_s

    def _load(
        self, width: int, height: int, batch: int
    ) -> tuple[BatchOptimization, Objective, Tensor]:
        """Make the loop as a clip has it, and its objective for itself."""
        pictures = F.interpolate(natural_pictures(), (height, width), mode="bicubic")
        image, painting = pictures[:1].to(self._device), pictures[1:2].to(self._device)
        style = style_target(self._network, painting, self._config)
        content = content_target(self._network, image, self._config)
        held: dict[str, Any] = {"warped": image}
        held["consistency"] = torch.ones_like(image[:, :1])
        setup = self._network, style, self._config
        weight = VideoConfig().temporal_weight
        loop = BatchOptimization(*setup, slots=batch, temporal_weight=weight)
        objective = Objective(*setup, temporal_weight=weight)
        images = image.repeat(batch, 1, 1, 1)
        objective.allocate(images)
        steps = WARM_UP + self._steps + 2  # a last one reads whether all is well
        task = FrameTask(frame=0, start=image, content=content, steps=steps, **held)
        for slot in range(batch):
            loop.load(slot, task)
            objective.set_slot(slot, content, **held)
        return loop, objective, images


def as_table(facts: dict[str, Any], rates: Iterable[Rate]) -> Iterator[str]:
    """Write what is timed, and then a line for each rate, as it comes."""
    line = (
        "{network} to {deepest} on {device} in {precision}, {threads} thread(s); "
        "medians of {steps} steps; ceiling {matrix_gflop_per_s:.0f} GFLOP/s"
    )
    yield line.format(**facts)
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
    """Count the multiply-adds of a network's convolutions down to its deepest layer.

    They are those of one image forward, at the real size of each layer.
    """
    used = network.layers[: network.layers.index(deepest) + 1]
    kernels = [weight for weight in network.parameters() if weight.dim() == 4]
    halved = [block_of(layer) - 1 for layer in used]
    return sum(
        kernel.numel() * (height >> times) * (width >> times)
        for times, kernel in zip(halved, kernels, strict=False)
    )


def matrix_rate(device: torch.device, precision: Precision) -> float:
    """Measure how many operations a second a device makes in large matrix products.

    In as many threads and as exactly as its convolutions.
    """
    side, before = 256, torch.get_float32_matmul_precision()
    if precision == "tf32":
        torch.set_float32_matmul_precision("high")
    try:
        while True:
            one = torch.rand(side, side, device=device)
            one = one.bfloat16() if precision == "bf16" else one
            best = min(_product_s(one, device) for _ in range(PRODUCTS))
            if best >= PRODUCT_S or side >= LARGEST_PRODUCT:
                return 2.0 * side**3 / best
            side *= 2
    finally:
        torch.set_float32_matmul_precision(before)


def _product_s(matrix: Tensor, device: torch.device) -> float:
    return seconds(lambda: matrix @ matrix, device)


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Time one piece of work until the device has finished it."""
    _wait_for(device)
    start = time.perf_counter()
    work()
    _wait_for(device)
    return time.perf_counter() - start


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
