"""Run an experiment; finished trials are stored, so that it can be resumed."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
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
from vidstyle.errors import OutputError, counted
from vidstyle.explore import MEASURED_IN, Experiment, Trial
from vidstyle.explore.results import NAMES, PICTURE, as_facts, differing, write_results
from vidstyle.images import check_outputs, read_picture
from vidstyle.measure.distance import Facts, FrameMeter
from vidstyle.networks import load_network
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
from vidstyle.stylize import load_for
from vidstyle.stylize.image import Still, paint_stills, read_paintings
from vidstyle.stylize.style_bank import working_frame
from vidstyle.video.work_dir import MANIFEST, FrameStore

TERMS: Final = "content", "style", "tv", "range"  # weighted terms of the loss
# Columns of a trace.
TRACED: Final = "step", "evaluations", "seconds", "loss", *TERMS


def run_experiment(
    experiment: Experiment,
    folder: Path,
    listener: Listener,
    *,
    work_dir: Path | None = None,
    restart: bool = False,
    overwrite: bool = False,
) -> Facts:
    """Run all trials of an experiment and write the results to a folder.

    Returns the content of ``data.json``. An interrupted run resumes with the missing
    trials, which are stored in ``work_dir`` (by default beside the folder), and
    produces the same files, except for the measured seconds. OutputError: the results
    may not be written.
    """
    store = FrameStore(work_dir or _waiting_place(folder))
    _check_folder(experiment, folder, store.work_dir, overwrite=overwrite)
    for text in experiment.skipped:
        listener(Notice(text=f"skipped: {text}", is_warning=True))
    painter = TrialPainter(experiment.trials, listener)
    with store.claimed():
        store.open(describe(experiment, painter.networks), restart=restart)
        outcomes = painter.paint(store)
        facts = as_facts(experiment, outcomes)
        write_results(experiment.kind, facts, store.stylized, folder)
        store.remove()
    return facts


def _waiting_place(folder: Path) -> Path:
    if folder.name in {"", ".."}:  # a folder given as "." or ".."
        folder = folder.resolve()
    return folder.with_name(f"{folder.name}.vidstyle")


def _check_folder(
    experiment: Experiment, folder: Path, work_dir: Path, *, overwrite: bool
) -> None:
    results = [folder]
    if folder.exists():
        if not folder.is_dir():
            raise OutputError(f"{folder} is a file; name a folder with --output.")
        names = *NAMES, *map(PICTURE.format, range(1, len(experiment.trials) + 1))
        results = [folder / name for name in names]
    inputs = [trial.content for trial in experiment.trials]
    inputs += [trial.style for trial in experiment.trials]
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
        "networks": networks,
        **describe_machine(choose_device(base.device)),
    }


class TrialPainter:
    """Optimizes the pictures of all trials, and measures the results."""

    def __init__(self, trials: Sequence[Trial], listener: Listener) -> None:
        """Read the pictures, and load each network once; trials count as frames."""
        tell_once = cache(listener)

        def tell(event: Event) -> None:
            if isinstance(event, Notice):  # all trials repeat some of them
                tell_once(event)
            else:
                listener(event)

        self._trials, self._listener = trials, tell
        read = cache(read_picture)
        self._frames = [working_frame(read(t.content), t.config) for t in trials]
        self._networks = dict[tuple[object, ...], FeatureNetwork]()
        for trial in trials:
            read(trial.style)  # report an unreadable painting before the work
            config, key = trial.config, _network_key(trial.config)
            if key not in self._networks:
                self._networks[key] = load_for(config, tell)
            layers = (*config.content_layers, *config.style_layers)
            self._networks[key].topology.check_layers([layer for layer, _ in layers])
        self.networks = sorted({network.name for network in self._networks.values()})
        device = choose_device(trials[0].config.device)
        self._distance_network = load_network(MEASURED_IN, device=device, listener=tell)

    def paint(self, store: FrameStore) -> list[Facts]:
        """Run all trials that the store does not hold, and store their pictures.

        Returns the outcome of each trial. Its ``best_loss`` (nan if no step was taken)
        is that of the picture, unless gradients were balanced: then the picture is the
        last iterate.
        """
        total = len(self._trials)
        outcomes: dict[int, Facts] = {}
        for number in range(total):
            facts = store.facts(_name(number))
            if facts is not None and store.is_painted(number):
                outcomes[number] = facts
        done = len(outcomes)
        if done > 0:
            text = f"resuming: {done} of {counted(total, 'picture')} already painted"
            self._listener(Notice(text=text))
        height, width, _ = self._frames[0].shape
        plan = Plan(
            height=height,
            width=width,
            frames=total,
            done=done,
            next_steps=max(1, *(trial.config.steps for trial in self._trials)),
            unit="picture",
        )
        self._listener(plan)
        for number in range(total):
            if number in outcomes:
                continue
            outcomes[number], picture = self._painted(number)
            store.put_facts(_name(number), outcomes[number])
            store.put_stylized(number, picture)  # last: marks the trial as done
            steps = outcomes[number]["steps"]
            report = FrameReport(frame=number, steps=steps, frames_known=total)
            self._listener(report)
        return [outcomes[number] for number in range(total)]

    def _painted(self, number: int) -> tuple[Facts, Frame]:
        """Optimize the picture of one trial.

        ``steps`` limits the evaluations of the loss, not the steps, so that optimizers
        with several evaluations per step have no advantage.
        """
        trial, content = self._trials[number], self._frames[number]
        config = trial.config
        height, width, _ = content.shape
        size = {"height": height, "width": width}
        network = self._networks[_network_key(config)]
        stylizer = read_paintings(
            trial.style, config, **size, listener=self._listener
        ).load(self._listener, network)
        rows: list[dict[str, float]] = []
        start = time.perf_counter()

        def on_step(report: StepReport) -> None:
            seconds = time.perf_counter() - start
            if report.step == 1:  # again, if it was started over
                rows.clear()
            before = rows[-1]["evaluations"] if rows else 0
            work = report.evaluations - before
            left = max(0, config.steps - report.evaluations)
            self._listener(replace(report, work=work, work_left=left))
            row = {
                "step": report.step,
                "evaluations": report.evaluations,
                "seconds": round(seconds, 4),
                "loss": report.loss,
            }
            rows.append(row | {term: report.losses[term] for term in TERMS})

        stills = [Still(number, stylizer, content)]
        painted = paint_stills(stills, 1, on_step, most_evaluations=config.steps)
        [(_, picture, _)] = painted
        trace = {name: [row[name] for row in rows] for name in TRACED}
        meter = FrameMeter(trial.style, self._distance_network, **size)
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
        return facts, picture


def _network_key(config: StyleConfig) -> tuple[object, ...]:
    """Return the settings that identify a loaded network."""
    which = config.network, config.weights, config.pooling
    return (*which, config.device, config.precision)


def _name(number: int) -> str:
    return f"trial-{number + 1:06d}"
