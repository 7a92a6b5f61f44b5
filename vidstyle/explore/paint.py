"""Trials -> their pictures and losses; nothing is written here.

Trials with the same settings and size share batches, all others follow one another.
None stops early: a trial ends when it has evaluated its loss as often as ``steps``
says, so that an optimiser which looks several times before a step has no advantage.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from vidstyle.config import NetworkName, StyleConfig
from vidstyle.controls.palette import color_statistics
from vidstyle.devices import choose_device
from vidstyle.explore.trial import Outcome, Point, Trial
from vidstyle.first_frame import first_job
from vidstyle.images import image_to_frame, read_picture, resize_frame
from vidstyle.measure.distance import DistanceMeter, Distances, load_ruler
from vidstyle.preparation import load_for, prepare, working_size
from vidstyle.records import Event, Frame, FrameReport, Listener, Notice, Plan
from vidstyle.style.optimize import BatchOptimization

if TYPE_CHECKING:
    from vidstyle.networks.vgg import FeatureNetwork

RULER: Final[NetworkName] = "slim"
"""The network in which distances are measured, whichever one painted."""


class _Seeing(NamedTuple):
    """The settings that make a network another one, but for its layers."""

    network: str
    weights: Path | None
    pooling: str
    device: str

    @classmethod
    def of(cls, config: StyleConfig) -> "_Seeing":
        return cls(*(getattr(config, name) for name in cls._fields))


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A trial with its number and its content at working size."""

    number: int
    trial: Trial
    frame: Frame

    @property
    def kind(self) -> tuple[StyleConfig, tuple[int, ...], int]:
        """What trials that share a batch have in common."""
        return self.trial.whole, self.frame.shape, id(self.trial.features)


Kept = Callable[[int, Trial], Outcome | None]
"""Says what came of a trial by its number, from 0. None: it is not finished."""
Keep = Callable[[int, Outcome], None]
"""Is told what came of a trial."""


def _once(listener: Listener) -> Listener:
    """Tell a notice once, though every trial makes it."""
    told: set[Notice] = set()

    def listen(event: Event) -> None:
        if not isinstance(event, Notice):
            listener(event)
        elif event not in told:
            told.add(event)
            listener(event)

    return listen


def _read(number: int, trial: Trial) -> _Numbered:
    source = read_picture(trial.content)
    height, width = working_size(
        height=source.shape[0],
        width=source.shape[1],
        long_side=trial.config.long_side,
    )
    return _Numbered(number, trial, resize_frame(source, height=height, width=width))


def _chunks(numbered: Sequence[_Numbered], size: int) -> Iterator[list[_Numbered]]:
    """Part trials into batches without changing their order."""
    for _, group in groupby(numbered, key=lambda each: each.kind):
        alike = list(group)
        for start in range(0, len(alike), size):
            yield alike[start : start + size]


class TrialPainter:
    """Networks and measures that trials share."""

    def __init__(self, trials: Sequence[Trial], listener: Listener) -> None:
        """Read the files of trials, and load their networks.

        Args:
            trials: At least one.
            listener: Is told every step; trials count as frames, from 0.

        Raises:
            InputError: If a file or a setting cannot be used.
            WeightsError: If a network that was named has no weights.
        """
        self._listener = listener = _once(listener)
        numbered = [_read(number, trial) for number, trial in enumerate(trials)]
        for painting in dict.fromkeys(trial.style for trial in trials):
            read_picture(painting)  # what is not there is said before the work
        self._numbered = numbered
        self._meters: dict[tuple[Path, str, int], DistanceMeter] = {}
        layers: dict[_Seeing, set[str]] = {}
        loaded = [each for each in numbered if each.trial.features is None]
        for each in loaded:
            config = each.trial.config
            used = layers.setdefault(_Seeing.of(config), set())
            used |= {name for name, _ in (*config.content_layers, *config.style_layers)}
        configs = {_Seeing.of(each.trial.config): each.trial.config for each in loaded}
        self._networks: dict[_Seeing, FeatureNetwork] = {
            seeing: load_for(
                config, choose_device(config.device), listener, layers=layers[seeing]
            )
            for seeing, config in configs.items()
        }

    @property
    def networks(self) -> set[str]:
        """The names of those that were loaded."""
        return {network.name for network in self._networks.values()}

    def paint(
        self,
        *,
        batch: int = 1,
        kept: Kept = lambda _number, _trial: None,
        keep: Keep = lambda _number, _outcome: None,
    ) -> list[Outcome]:
        """Paint all trials that are not finished.

        Args:
            batch: How many that have the same settings are painted beside one another;
                if one of them is not finished, all are painted again, for pictures
                depend, in their last digits, on how many there are.
            kept: Knows which are finished.
            keep: Is told of each that is painted, before the next begins.

        Raises:
            OptimizationError: If the optimisation cannot go on.
        """
        trials = [each.trial for each in self._numbered]
        done = {
            number: outcome
            for number, trial in enumerate(trials)
            if (outcome := kept(number, trial)) is not None
        }
        chunks = [
            chunk
            for chunk in _chunks(self._numbered, batch)
            if any(each.number not in done for each in chunk)
        ]
        left = {each.number for chunk in chunks for each in chunk}
        self._announce(done=len(trials) - len(left))
        for chunk in chunks:
            for each, outcome in zip(chunk, self._painted(chunk), strict=True):
                done[each.number] = outcome
                keep(each.number, outcome)
                self._listener(
                    FrameReport(
                        frame=each.number,
                        steps=outcome.steps,
                        frames_known=len(trials),
                        all_known=True,
                    )
                )
        return [done[number] for number in range(len(trials))]

    def _announce(self, *, done: int) -> None:
        """Tell the work that lies ahead, and what is left of an earlier run."""
        first, count = self._numbered[0], len(self._numbered)
        if done:
            text = f"going on: {done} of {count} pictures are painted"
            self._listener(Notice(text=text))
        self._listener(
            Plan(
                height=first.frame.shape[0],
                width=first.frame.shape[1],
                frames=count,
                done=done,
                next_steps=max(1, *(one.trial.config.steps for one in self._numbered)),
                unit="picture",
            )
        )

    def _painted(self, chunk: Sequence[_Numbered]) -> Iterator[Outcome]:
        """Paint trials of one kind beside one another."""
        config, (height, width, _), _ = chunk[0].kind
        network = chunk[0].trial.features or self._networks[_Seeing.of(config)]
        tools = [
            prepare(
                each.trial.style,
                config,
                height=height,
                width=width,
                listener=self._listener,
                network=network,
            )
            for each in chunk
        ]
        batch = BatchOptimization(
            network, tools[0].look.plain_style(), config, slots=len(chunk)
        )
        for slot, (each, own) in enumerate(zip(chunk, tools, strict=True)):
            wish = own.look.at(0, color_statistics(each.frame))
            content = own.look.content(each.frame, wish)
            job = first_job(each.number, content, wish, own, config)
            batch.load(slot, job)
        traces = self._optimize(batch, config)
        for slot, (each, own) in enumerate(zip(chunk, tools, strict=True)):
            image = image_to_frame(batch.result(slot))
            picture = own.look.finished(image, each.frame)
            yield Outcome(
                trial=each.trial,
                network=network.name,
                picture=picture,
                trace=tuple(traces.get(slot, ())),
                distances=self._measured(picture, each),
            )

    def _optimize(
        self, batch: BatchOptimization, config: StyleConfig
    ) -> dict[int, list[Point]]:
        """Take every slot's steps; its points by the number of the slot."""
        traces: dict[int, list[Point]] = {}
        spent: dict[int, int] = {}
        start = time.perf_counter()
        running = config.steps > 0
        while running and batch.is_busy:
            reports = batch.step()
            seconds = time.perf_counter() - start
            for slot, (report, is_finished) in reports.items():
                traces.setdefault(slot, []).append(
                    Point(report=report, seconds=seconds)
                )
                # A trial ends by its evaluations: what is left is told in them.
                work = report.evaluations - spent.get(slot, 0)
                spent[slot] = report.evaluations
                left = max(0, config.steps - report.evaluations)
                self._listener(replace(report, work=work, work_left=left))
                if is_finished or report.evaluations >= config.steps:
                    batch.release(slot)
        return traces

    def _measured(self, picture: Frame, each: _Numbered) -> Distances:
        """Measure how far a picture is from its painting and its content."""
        style, device = each.trial.style, each.trial.config.device
        key = style, device, max(each.frame.shape[:2])
        if key not in self._meters:
            ruler = load_ruler(RULER, device=device, listener=self._listener)
            self._meters[key] = DistanceMeter(style, ruler, long_side=key[2])
        painted, _ = self._meters[key].measure(picture, each.frame, begins_shot=True)
        return painted
