"""Trials -> their pictures and losses; finished ones wait in a work directory."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby
from math import isfinite, nan
from typing import Final

from vidstyle.config import StyleConfig
from vidstyle.explore.experiments import Trial
from vidstyle.images import read_picture
from vidstyle.measure.distance import Facts, FrameMeter, load_distance_network
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
from vidstyle.stylize.image import Still, paint_stills, read_paintings
from vidstyle.stylize.style_bank import working_frame
from vidstyle.stylize.stylizer import load_for
from vidstyle.video.work_dir import FrameStore

MEASURED_IN: Final = "slim"  # the network of distances, whichever one painted
TERMS: Final = "content", "style", "tv", "range"  # of the loss, each with its weight
Trace = dict[str, list[float]]
"""Over the steps: step, evaluations, seconds since the batch began, loss, and terms."""


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

    def paint(self, store: FrameStore, *, batch: int = 1) -> list[Facts]:
        """Paint all trials that the store does not hold, and put them there.

        So many that have the same settings are painted beside one another; if one of
        such a batch is not finished, all are painted again, for pictures depend, in
        their last digits, on how many there are.

        Returns:
            What came of each trial. ``best_loss``, nan if no step was taken, is the
            picture's, unless gradients were balanced: then that is the newest.
        """
        total, done = len(self._trials), dict[int, Facts]()
        for number in range(total):
            facts = store.facts(_name(number))
            if facts is not None and store.is_painted(number):
                done[number] = facts
        chunks = [one for one in self._chunks(batch) if not done.keys() >= set(one)]
        left = sum(map(len, chunks))
        if left < total:
            text = f"going on: {total - left} of {total} pictures are painted"
            self._listener(Notice(text=text))
        height, width, _ = self._frames[0].shape
        steps = max(1, *(trial.config.steps for trial in self._trials))
        plan = Plan(height=height, width=width, frames=total, unit="picture")
        self._listener(replace(plan, done=total - left, next_steps=steps))
        for chunk in chunks:
            for number, facts, picture in self._painted(chunk):
                done[number] = facts
                store.put_facts(_name(number), facts)
                store.put_stylized(number, picture)  # it shows that the trial is done
                steps = facts["steps"]
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

    def _painted(self, chunk: Sequence[int]) -> Iterator[tuple[int, Facts, Frame]]:
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
            stylizer = read_paintings(
                self._trials[one].style, config, **size, listener=self._listener
            ).load(self._listener, network)
            stills.append(Still(one, stylizer, self._frames[one]))
        start = time.perf_counter()

        def on_step(report: StepReport) -> None:
            seconds = round(time.perf_counter() - start, 4)
            self._trace(traces[report.frame], report, seconds, config.steps)

        painting = paint_stills(
            stills, len(chunk), on_step, most_evaluations=config.steps
        )
        for (number, _, content), picture, _ in [*painting]:
            style, trace = self._trials[number].style, traces[number]
            meter = FrameMeter(style, self._distance_network, **size)
            distances, _ = meter.distances(picture, content, begins_shot=True)
            facts = {
                "network": network.name,
                "best_loss": min(filter(isfinite, trace["loss"]), default=nan),
                "content_distance": distances.content,
                "style_distance": distances.style,
                "steps": len(trace["loss"]),
                "evaluations": max(trace["evaluations"], default=0),
                "seconds": round(max(trace["seconds"], default=0.0), 3),
                "trace": trace,
            }
            yield number, facts, picture

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


def _name(number: int) -> str:
    return f"trial-{number + 1:06d}"
