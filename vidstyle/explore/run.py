"""Run an experiment; finished trials are stored, so that it can be resumed."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby
from math import isfinite, nan
from pathlib import Path
from typing import Final

from vidstyle.clip.manifest import (
    DIGITS,
    describe_machine,
    describe_pictures,
    describe_style,
)
from vidstyle.config import StyleConfig
from vidstyle.devices import choose_device
from vidstyle.errors import OutputError
from vidstyle.explore import Experiment, Trial
from vidstyle.explore.results import (
    NAMES,
    PICTURE,
    differing,
    everything,
    write_results,
)
from vidstyle.images import check_outputs, read_picture
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
from vidstyle.video.work_dir import MANIFEST, FrameStore

MEASURED_IN: Final = "slim"  # the network that measures distances for all trials
TERMS: Final = "content", "style", "tv", "range"  # weighted terms of the loss
# Columns of a trace; all counted from the start of the batch.
TRACED: Final = "step", "evaluations", "seconds", "loss", *TERMS


def run_experiment(
    experiment: Experiment,
    folder: Path,
    listener: Listener,
    *,
    work_dir: Path | None = None,
    restart: bool = False,
) -> Facts:
    """Run all trials of an experiment and write the results to a folder.

    Returns the content of ``data.json``. An interrupted run resumes with the missing
    trials, which are stored in ``work_dir`` (see ``waiting_place`` for the default),
    and produces the same files, except for the measured seconds.
    """
    if not folder.parent.is_dir():
        raise OutputError(f"cannot make the folder {folder}: its parent is missing.")
    for text in experiment.skipped:
        listener(Notice(text=f"skipped: {text}", is_warning=True))
    painter = TrialPainter(experiment.trials, listener)
    store = FrameStore(work_dir or waiting_place(folder))
    with store.claimed():
        store.open(describe(experiment, painter.networks), restart=restart)
        outcomes = painter.paint(store, batch=experiment.batch)
        facts = everything(experiment, outcomes, distances_in=MEASURED_IN)
        write_results(experiment.kind, facts, store.stylized, folder, listener)
        store.remove()
    return facts


def waiting_place(folder: Path) -> Path:
    """Return the default work directory, beside the folder of results."""
    if folder.name in {"", ".."}:  # a folder given as "." or ".."
        folder = folder.resolve()
    return folder.with_name(f"{folder.name}.vidstyle")


def check_folder(
    folder: Path,
    work_dir: Path,
    inputs: Sequence[Path],
    *,
    pictures: int,
    overwrite: bool,
) -> None:
    """Raise OutputError if an experiment may not write its results to a folder."""
    results = [folder]
    if folder.exists():
        if not folder.is_dir():
            raise OutputError(f"{folder} is a file; name a folder with --output.")
        names = *NAMES, *(PICTURE.format(number + 1) for number in range(pictures))
        results = [folder / name for name in names]
    # A run that was interrupted while writing its results may overwrite them.
    is_resumed = (work_dir / MANIFEST).is_file()
    check_outputs(results, inputs=inputs, overwrite=overwrite or is_resumed)


def describe(experiment: Experiment, networks: Sequence[str]) -> Facts:
    """Describe an experiment for the manifest, in values readable in an error."""
    trials, base = experiment.trials, experiment.config
    own = [(t.row, t.column, differing(t.config, base)) for t in trials]
    settings = describe_style(base)
    del settings["min_steps"], settings["pyramid"]  # no effect, see comparable
    digest = hashlib.sha256(json.dumps(own).encode()).hexdigest()[:DIGITS]
    return {
        "experiment": experiment.kind.name,
        **settings,
        "content": describe_pictures([*dict.fromkeys(t.content for t in trials)]),
        "painting": describe_pictures([*dict.fromkeys(t.style for t in trials)]),
        "rows": [*dict.fromkeys(t.row for t in trials if t.row)],
        "columns": [*dict.fromkeys(t.column for t in trials if t.column)],
        "trials": f"{len(trials)} with SHA-256 {digest}...",
        "batch": experiment.batch,
        "networks": networks,
        **describe_machine(choose_device(base.device)),
    }


class TrialPainter:
    """Optimizes the pictures of all trials, and measures the results."""

    def __init__(self, trials: Sequence[Trial], listener: Listener) -> None:
        """Read the pictures, and load each network once.

        The listener gets trials as frames, counted from 0.
        """
        once = cache(listener)  # deduplicates the notices that all trials repeat

        def tell(event: Event) -> None:
            (once if isinstance(event, Notice) else listener)(event)

        self._trials, self._listener = trials, tell
        read = cache(read_picture)
        self._frames = [working_frame(read(t.content), t.config) for t in trials]
        self._networks = dict[tuple[object, ...], FeatureNetwork]()
        for trial in trials:
            read(trial.style)  # report an unreadable painting before the work
            key, config = _network_key(trial.config), trial.config
            if key not in self._networks:
                self._networks[key] = load_for(config, tell)
            layers = (*config.content_layers, *config.style_layers)
            self._networks[key].check_layers([layer for layer, _ in layers])
        self.networks = sorted({network.name for network in self._networks.values()})
        self._distance_network = load_distance_network(
            MEASURED_IN, device=trials[0].config.device, listener=tell
        )

    def paint(self, store: FrameStore, *, batch: int = 1) -> list[Facts]:
        """Run all trials that the store does not hold, and store their pictures.

        ``batch`` trials of the same settings are optimized together. If one of them is
        missing, the whole batch is repeated, since the batch size affects rounding.
        Returns the outcome of each trial. Its ``best_loss`` (nan if no step was taken)
        is that of the picture, unless gradients were balanced: then the picture is the
        last iterate.
        """
        total, done = len(self._trials), dict[int, Facts]()
        for number in range(total):
            facts = store.facts(_name(number))
            if facts is not None and store.is_painted(number):
                done[number] = facts
        chunks = [c for c in self._chunks(batch) if not done.keys() >= set(c)]
        left = sum(map(len, chunks))
        if left < total:
            text = f"resuming: {total - left} of {total} pictures already painted"
            self._listener(Notice(text=text))
        height, width, _ = self._frames[0].shape
        plan = Plan(
            height=height,
            width=width,
            frames=total,
            done=total - left,
            next_steps=max(1, *(trial.config.steps for trial in self._trials)),
            unit="picture",
        )
        self._listener(plan)
        for chunk in chunks:
            for number, facts, picture in self._painted(chunk):
                done[number] = facts
                store.put_facts(_name(number), facts)
                store.put_stylized(number, picture)  # last: marks the trial as done
                steps = facts["steps"]
                report = FrameReport(frame=number, steps=steps, frames_known=total)
                self._listener(report)
        return [done[number] for number in range(total)]

    def _chunks(self, size: int) -> Iterator[list[int]]:
        """Split trials into batches of equal settings and shape, in order."""
        for _, group in groupby(
            range(len(self._trials)),
            lambda number: (self._trials[number].config, self._frames[number].shape),
        ):
            alike = list(group)
            for start in range(0, len(alike), size):
                yield alike[start : start + size]

    def _painted(self, chunk: Sequence[int]) -> Iterator[tuple[int, Facts, Frame]]:
        """Optimize a batch of trials with the same settings.

        ``steps`` limits the evaluations of the loss, not the steps, so that optimizers
        with several evaluations per step have no advantage.
        """
        config = self._trials[chunk[0]].config
        network = self._networks[_network_key(config)]
        height, width, _ = self._frames[chunk[0]].shape
        size = {"height": height, "width": width}
        stills = []
        for number in chunk:
            stylizer = read_paintings(
                self._trials[number].style, config, **size, listener=self._listener
            ).load(self._listener, network)
            stills.append(Still(number, stylizer, self._frames[number]))
        traces: dict[int, list[tuple[float, ...]]] = {number: [] for number in chunk}
        start = time.perf_counter()

        def on_step(report: StepReport) -> None:
            seconds, rows = time.perf_counter() - start, traces[report.frame]
            if report.step == 1:  # again, if the batch was retried at a smaller size
                rows.clear()
            work = report.evaluations - (rows[-1][1] if rows else 0)
            left = max(0, config.steps - report.evaluations)
            self._listener(replace(report, work=work, work_left=left))
            losses = report.loss, *(report.losses[term] for term in TERMS)
            rows.append((report.step, report.evaluations, round(seconds, 4), *losses))

        painting = paint_stills(
            stills, len(chunk), on_step, most_evaluations=config.steps
        )
        for (number, _, content), picture, _ in [*painting]:
            rows = traces[number]
            trace = {name: [row[i] for row in rows] for i, name in enumerate(TRACED)}
            meter = FrameMeter(
                self._trials[number].style, self._distance_network, **size
            )
            distances, _ = meter.distances(picture, content, begins_shot=True)
            facts = {
                "network": network.name,
                "best_loss": min(filter(isfinite, trace["loss"]), default=nan),
                "content_distance": distances.content,
                "style_distance": distances.style,
                "steps": len(rows),
                "evaluations": max(trace["evaluations"], default=0),
                "seconds": round(max(trace["seconds"], default=0.0), 3),
                "trace": trace,
            }
            yield number, facts, picture


def _network_key(config: StyleConfig) -> tuple[object, ...]:
    """Return the settings that identify a loaded network."""
    files = config.network, config.weights, config.pooling
    return (*files, config.device, config.precision)


def _name(number: int) -> str:
    return f"trial-{number + 1:06d}"
