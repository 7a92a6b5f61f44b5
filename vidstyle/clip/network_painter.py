"""Train a painting network on the clip itself, then stylize every frame with it.

It is trained on pairs of neighboring frames from the whole clip. Checkpoints are stored
in the work directory, so that an interrupted training can be resumed.
"""

import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, pairwise
from time import monotonic
from typing import Final

import torch
from torch import Tensor

from vidstyle.clip.frame_tasks import FrameOptimizer
from vidstyle.clip.painter import PaintStep
from vidstyle.clip.prefetch import MotionEstimator, PrefetchedFrame
from vidstyle.clip.reader import FrameReader, SelectedFrames
from vidstyle.color import color_statistics
from vidstyle.config import VideoConfig
from vidstyle.errors import WeightsError, WorkDirError
from vidstyle.images import frame_to_image, resize_frame
from vidstyle.motion.consistency import erode_consistency, photometric_consistency
from vidstyle.motion.fades import plain_color
from vidstyle.motion.warp import consistency_to_tensor, flow_to_tensor
from vidstyle.networks.painter import (
    PaintingNetwork,
    pack,
    read_safetensors,
    write_painter,
)
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import StyleTarget
from vidstyle.optimize.training import Pair, Training
from vidstyle.records import Consistency, FlowField, Frame, StepReport
from vidstyle.stylize import Stylizer
from vidstyle.stylize.style_bank import FrameStyle, StyleBank
from vidstyle.video.work_dir import DAMAGED, FrameStore

MOST_PAIRS: Final = 96
PAIR_BYTES: Final = 200 * 2**20
"""Memory limit of all pairs."""
BYTES_PER_PIXEL: Final = 18
"""A pair is two frames, a flow and its consistency."""
WINDOW: Final = 160_000
"""Pixels of the random crop in a training step."""
PIXELS_AT_ONCE: Final = 2**22
"""Pixels of frames stylized in parallel; each takes about 220 bytes."""
SAVE_S: Final = 30
"""Interval of checkpoints."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Two neighboring frames with their motion and targets."""

    contents: tuple[Frame, Frame]  # the content image of each
    flow: FlowField
    consistency: Consistency
    styles: Mapping[float, StyleTarget]  # by the factor that images are scaled by


class NetworkPainter(FrameOptimizer):
    """A ``FramePainter`` that trains a network first, unless one is given."""

    def __init__(
        self,
        stylizer: Stylizer,
        store: FrameStore,
        config: VideoConfig,
        *,
        reader: FrameReader,
        motion: MotionEstimator,
    ) -> None:
        """Prepare; training reads the clip once more."""
        super().__init__(stylizer, store, config)
        self._reader, self._motion = reader, motion

    def run(self, frames: Iterator[PrefetchedFrame | None]) -> Iterator[PaintStep]:
        """Train the network, reported as steps of the first frame; then stylize all."""
        first = next(frames, None)
        if first is None:
            return
        if self._config.style.painter is None:
            yield from self._train(first)
        frames = chain([first], frames)
        if self._config.style.touch_up:
            yield from super().run(frames)
        else:
            yield from self._paint(frames, pixels=first.source[..., 0].size)

    def _paint(
        self, frames: Iterable[PrefetchedFrame | None], *, pixels: int
    ) -> Iterator[PaintStep]:
        """Stylize frames in parallel on a CPU, each with its share of the cores.

        On two cores, this takes 0.4 times as long for small frames as one by one.
        """
        is_cpu = self._stylizer.device.type == "cpu"
        cores = torch.get_num_threads() if is_cpu else 1
        count = max(1, min(cores, PIXELS_AT_ONCE // pixels))
        underway = deque[tuple[PrefetchedFrame, Future[Frame]]]()
        pool = ThreadPoolExecutor(
            count, "paint", torch.set_num_threads, (cores // count,)
        )
        with pool:
            for frame in frames:
                if frame is not None:
                    underway.append((frame, pool.submit(self._stylize, frame)))
                if frame is None or len(underway) > count:
                    yield _finished(*underway.popleft())
            while underway:
                yield _finished(*underway.popleft())

    def _stylize(self, frame: PrefetchedFrame) -> Frame:
        return self._stylizer.finished(self._task(frame).start, frame.source)

    def _first(self, frame: PrefetchedFrame) -> FrameTask:
        return self._stylizer.first_task(
            frame.index, frame.source, frame.style, mask=frame.mask
        )

    def _train(self, first: PrefetchedFrame) -> Iterator[PaintStep]:
        """Train for the remaining time."""
        config, stylizer, limit_s = self._config, self._stylizer, self._limit_s
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.style.seed)
            painter = PaintingNetwork(config.network_shape).to(stylizer.device)
        stylizer.painter = painter
        training = Training(
            painter,
            stylizer.network,
            config.style,
            temporal_weight=config.temporal_weight,
        )
        spent_s = saved_s = self._resume(training)
        painter.card |= stylizer.card() | self._card(first)
        samples = self._samples(first) if spent_s < limit_s else []
        try:
            while spent_s < limit_s:
                began_s = monotonic()
                rng = random.Random(training.steps)  # noqa: S311  # no secret
                pair = self._pair(rng.choice(samples), rng)
                terms = training.step(pair, spent_s / limit_s)
                spent_s += monotonic() - began_s
                yield self._paint_step(first, training.steps, spent_s, terms)
                if spent_s - saved_s > SAVE_S:
                    self._save(training, spent_s)
                    saved_s = spent_s
        finally:
            if spent_s > saved_s:
                self._save(training, spent_s)
        write_painter(self._store.trained, painter)

    @property
    def _limit_s(self) -> float:
        return 60 * self._config.train_minutes

    def _resume(self, training: Training) -> float:
        """Load an interrupted run's checkpoint; return the seconds trained so far."""
        path = self._store.learned
        if not path.is_file():
            return 0.0
        try:
            state, card = read_safetensors(path)
            training.load(state)
            return float(card["seconds"])
        except (WeightsError, KeyError, RuntimeError, ValueError) as err:
            raise WorkDirError(DAMAGED.format(path)) from err

    def _save(self, training: Training, seconds: float) -> None:
        self._store.put_learned(pack(training.state(), {"seconds": repr(seconds)}))

    def _card(self, first: PrefetchedFrame) -> dict[str, str]:
        height, width = first.source.shape[:2]
        return {
            "clip": self._reader.info.path.name,
            "size": f"{width}x{height}",
            "minutes": f"{self._config.train_minutes:g}",
            "content-weight": f"{self._config.style.content_weight:g}",
            "feature-network": self._stylizer.network.name,
        }

    def _paint_step(
        self,
        first: PrefetchedFrame,
        steps: int,
        spent_s: float,
        terms: Mapping[str, Tensor],
    ) -> PaintStep:
        """Report a training step as one of the first frame."""

        def picture() -> Frame:
            return self._stylizer.finished(self._first(first).start, first.source)

        left = max(0, round(steps * (self._limit_s / spent_s - 1)))
        report = StepReport(
            frame=first.index,
            step=steps,
            steps=steps + left,
            evaluations=steps,
            read_losses=lambda: {
                name: float(each.mean()) for name, each in terms.items()
            },
        )
        return PaintStep(first, report, picture, is_finished=False)

    def _samples(self, first: PrefetchedFrame) -> list[Sample]:
        """Read pairs evenly spread over the clip, and estimate their motion."""
        height, width = first.source.shape[:2]
        most = PAIR_BYTES // (BYTES_PER_PIXEL * height * width)
        frames = (
            resize_frame(timed.frame, height=height, width=width)
            for timed in SelectedFrames(self._reader, self._config)
        )
        pairs = spread_pairs(frames, max(8, min(MOST_PAIRS, most)))
        if not pairs:
            pairs = [(first.source, first.source)]
        banks = {1.0: self._stylizer.bank}
        if levels := self._stylizer.coarser:
            # Half the size adds large strokes, as the optimizer's coarser levels do.
            half = min(levels, key=lambda level: abs(level.height / height - 0.5))
            banks[half.height / height] = half.bank
        weights = first.style.weights
        return [self._sample(*pair, weights, banks) for pair in pairs]

    def _sample(
        self,
        earlier: Frame,
        later: Frame,
        weights: tuple[float, ...],
        banks: Mapping[float, StyleBank],
    ) -> Sample:
        bank = banks[1.0]
        style = FrameStyle(weights, color_statistics(earlier))
        motion, _ = self._motion(earlier, later, quality=self._config.flow)
        seen = erode_consistency(photometric_consistency(earlier, later, motion))
        return Sample(
            contents=(bank.content(earlier, style), bank.content(later, style)),
            flow=motion.flow_backward,
            consistency=motion.consistency * seen,
            styles={factor: each.style(style) for factor, each in banks.items()},
        )

    def _pair(self, sample: Sample, rng: random.Random) -> Pair:
        """Take a random crop of a pair, if it is large, and copy it to the device."""
        height, width = sample.consistency.shape
        part = min(1.0, (WINDOW / (height * width)) ** 0.5)
        tall, wide = round(height * part), round(width * part)
        top, left = rng.randint(0, height - tall), rng.randint(0, width - wide)
        window = slice(top, top + tall), slice(left, left + wide)
        device = self._stylizer.device
        contents = [
            frame_to_image(content[window], device=device)
            for content in sample.contents
        ]
        return Pair(
            contents=torch.cat(contents),
            flow=flow_to_tensor(sample.flow[window], device=device),
            consistency=consistency_to_tensor(
                sample.consistency[window], device=device
            ),
            styles=sample.styles,
        )


def _finished(frame: PrefetchedFrame, picture: Future[Frame]) -> PaintStep:
    return PaintStep(frame, None, picture.result, is_finished=True)


def spread_pairs(frames: Iterable[Frame], most: int) -> list[tuple[Frame, Frame]]:
    """Take at most ``most`` pairs of neighboring frames, evenly spread over the clip.

    Skips pairs with uniformly black or white frames.
    """
    pairs = list[tuple[Frame, Frame]]()
    every = 1
    for number, pair in enumerate(pairwise(frames)):
        if number % every != 0:
            continue
        if any(plain_color(frame) is not None for frame in pair):
            continue
        pairs.append(pair)
        if len(pairs) > most:
            del pairs[1::2]
            every *= 2
    return pairs
