"""Trials -> their pictures and losses; finished ones wait in a work directory."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from math import isfinite, nan
from typing import Final

from vidstyle.config import StyleConfig
from vidstyle.explore.experiments import Trial
from vidstyle.images import read_picture
from vidstyle.measure.distance import Distances, FrameMeter, load_distance_network
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.records import (
    Event,
    Frame,
    FrameReport,
    Listener,
    Notice,
    Plan,
    StepReport,
)
from vidstyle.stylize.image import Still, load_stylizer, paint_stills
from vidstyle.stylize.style_bank import working_frame
from vidstyle.stylize.stylizer import load_for
from vidstyle.video.work_dir import FrameStore

MEASURED_IN: Final = "slim"  # the network of distances, whichever one painted
TERMS: Final = "content", "style", "tv", "range"  # of the loss, each with its weight
Trace = dict[str, list[float]]
"""Over the steps: step, evaluations, seconds since the batch began, loss, and terms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a trial."""

    trial: Trial
    network: str
    picture: Frame
    trace: Trace
    distances: Distances

    @property
    def best_loss(self) -> float:
        """The lowest; nan if no step was taken.

        It is the picture's, unless gradients were balanced: then that is the newest.
        """
        return min(filter(isfinite, self.trace["loss"]), default=nan)


def put_outcome(store: FrameStore, number: int, outcome: Outcome) -> None:
    """Store an outcome; the picture comes last, and shows that it is done."""
    facts = {name: getattr(outcome, name) for name in ("network", "trace", "distances")}
    store.put_facts(f"trial-{number + 1:06d}", facts)
    store.put_stylized(number, outcome.picture)


def get_outcome(store: FrameStore, number: int, trial: Trial) -> Outcome | None:
    """Read an outcome. None: the trial is not finished."""
    facts = store.facts(f"trial-{number + 1:06d}")
    if facts is None or not store.is_painted(number):
        return None
    facts["distances"] = Distances(*facts["distances"])
    return Outcome(trial=trial, picture=store.stylized(number), **facts)


class TrialPainter:
    """Paints trials; they share networks and measures."""

    def __init__(self, trials: Sequence[Trial], listener: Listener) -> None:
        """Read the files of trials, and load their networks.

        To the listener trials count as frames, from 0.
        """
        once = cache(listener)  # every trial gives the same notices

        def tell(event: Event) -> None:
            (once if isinstance(event, Notice) else listener)(event)

        self._trials, self._listener = trials, tell
        read = cache(read_picture)
        self._frames = [working_frame(read(one.content), one.config) for one in trials]
        self._networks = dict[tuple[object, ...], FeatureNetwork]()
        for trial in trials:
            read(trial.style)  # a missing painting is reported before the work
            key, config = _network_key(trial.config), trial.config
            if key not in self._networks:
                self._networks[key] = load_for(config, tell)
            layers = (*config.content_layers, *config.style_layers)
            self._networks[key].check_layers([layer for layer, _ in layers])
        self.networks = sorted({each.name for each in self._networks.values()})
        self._distance_network = load_distance_network(
            MEASURED_IN, device=trials[0].config.device, listener=tell
        )

    def paint(
        self, *, batch: int = 1, store: FrameStore | None = None
    ) -> list[Outcome]:
        """Paint all trials that the store does not hold, and put them there.

        So many that have the same settings are painted beside one another; if one of
        such a batch is not finished, all are painted again, for pictures depend, in
        their last digits, on how many there are.
        """
        done = dict[int, Outcome]()
        for number, trial in enumerate(self._trials):
            if store is not None and (kept := get_outcome(store, number, trial)):
                done[number] = kept
        chunks = [one for one in self._chunks(batch) if not done.keys() >= set(one)]
        total, left = len(self._trials), sum(map(len, chunks))
        if left < total:
            text = f"going on: {total - left} of {total} pictures are painted"
            self._listener(Notice(text=text))
        height, width, _ = self._frames[0].shape
        steps = max(1, *(trial.config.steps for trial in self._trials))
        plan = Plan(height=height, width=width, frames=total, unit="picture")
        self._listener(replace(plan, done=total - left, next_steps=steps))
        for chunk in chunks:
            for number, outcome in self._painted(chunk):
                done[number] = outcome
                if store is not None:
                    put_outcome(store, number, outcome)
                steps = len(outcome.trace["loss"])
                report = FrameReport(frame=number, steps=steps, frames_known=total)
                self._listener(report)
        return [done[number] for number in range(total)]

    def _chunks(self, size: int) -> Iterator[list[int]]:
        """Part trials into batches without changing their order."""
        for _, group in groupby(
            range(len(self._trials)),
            lambda number: (self._trials[number].config, self._frames[number].shape),
        ):
            alike = list(group)
            for start in range(0, len(alike), size):
                yield alike[start : start + size]

    def _painted(self, chunk: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Paint trials of the same settings beside one another.

        Each ends when its loss has been evaluated as often as there are steps, so an
        optimizer that evaluates several times before a step has no advantage.
        """
        config = self._trials[chunk[0]].config
        network = self._networks[_network_key(config)]
        height, width, _ = self._frames[chunk[0]].shape
        size = {"height": height, "width": width}
        names = "step", "evaluations", "seconds", "loss", *TERMS
        traces: dict[int, Trace] = {one: {name: [] for name in names} for one in chunk}
        stills = []
        for one in chunk:
            stylizer = load_stylizer(
                self._trials[one].style,
                config,
                **size,
                listener=self._listener,
                network=network,
            )
            stills.append(Still(one, stylizer, self._frames[one]))
        start = time.perf_counter()

        def on_step(report: StepReport) -> None:
            seconds = round(time.perf_counter() - start, 4)
            self._trace(traces[report.frame], report, seconds, config.steps)

        painting = paint_stills(
            stills, len(chunk), on_step, most_evaluations=config.steps
        )
        for (number, _, content), picture, _ in [*painting]:
            trial = self._trials[number]
            meter = FrameMeter(trial.style, self._distance_network, **size)
            distances, _ = meter.distances(picture, content, begins_shot=True)
            outcome = Outcome(
                trial=trial,
                network=network.name,
                picture=picture,
                trace=traces[number],
                distances=distances,
            )
            yield number, outcome

    def _trace(
        self, trace: Trace, report: StepReport, seconds: float, evaluations: int
    ) -> None:
        """Note a step, and tell of it as a share of the evaluations."""
        if report.step == 1:  # again, where the batch was made smaller
            for values in trace.values():
                values.clear()
        work = report.evaluations - max(trace["evaluations"], default=0)
        left = max(0, evaluations - report.evaluations)
        self._listener(replace(report, work=work, work_left=left))
        terms = (report.losses[term] for term in TERMS)
        row = report.step, report.evaluations, seconds, report.loss, *terms
        for values, value in zip(trace.values(), row, strict=True):
            values.append(value)


def _network_key(config: StyleConfig) -> tuple[object, ...]:
    """List the settings that make a network another one, but for its layers."""
    files = config.network, config.weights, config.pooling
    return (*files, config.device, config.precision)
