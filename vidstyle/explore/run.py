"""An experiment -> its pictures and losses; trials that are finished wait on disk."""

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
from vidstyle.explore.results import NAMES, differing, everything, write_results
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

MEASURED_IN: Final = "slim"  # the network of distances, whichever one painted
TERMS: Final = "content", "style", "tv", "range"  # of the loss, each with its weight
TRACED: Final = "step", "evaluations", "seconds", "loss", *TERMS  # since a batch began


def run_experiment(
    experiment: Experiment,
    folder: Path,
    listener: Listener,
    *,
    work_dir: Path | None = None,
    restart: bool = False,
) -> Facts:
    """Paint all trials of an experiment and write what came of them into a folder.

    Returns all that is known, as in ``data.json``. A run that was interrupted goes
    on with the trials that are missing, which wait in ``work_dir`` or as
    ``waiting_place`` says, and ends in the same files; only the seconds are those of
    when each trial was painted.
    """
    if not folder.parent.is_dir():
        raise OutputError(f"cannot make the folder {folder}: its parent is missing.")
    for text in experiment.skipped:
        listener(Notice(text=f"skipped: {text}", is_warning=True))
    painter = TrialPainter(experiment.trials, listener)
    store = FrameStore(work_dir or waiting_place(folder))
    with store.claimed():
        store.open(describe(experiment, painter.networks), restart=restart)
        painted = painter.paint(store, batch=experiment.batch)
        facts = everything(experiment, painted, distances_in=MEASURED_IN)
        write_results(experiment.kind, facts, store.stylized, folder, listener)
        store.remove()
    return facts


def waiting_place(folder: Path) -> Path:
    """Name the place beside a folder of results where finished trials wait."""
    if folder.name in {"", ".."}:  # the folder that the user is in, or the one above it
        folder = folder.resolve()
    return folder.with_name(f"{folder.name}.vidstyle")


def check_folder(
    folder: Path, work_dir: Path, inputs: Sequence[Path], *, overwrite: bool
) -> None:
    """Check that an experiment may write there; no other's results are replaced."""
    results = [folder]
    if folder.exists():
        if not folder.is_dir():
            raise OutputError(f"{folder} is a file; name a folder with --output.")
        results = [folder / name for name in NAMES]
    # A run that was interrupted while it wrote its results may do so again.
    may_replace = overwrite or (work_dir / MANIFEST).is_file()
    check_outputs(results, inputs=inputs, overwrite=may_replace)


def describe(experiment: Experiment, networks: Sequence[str]) -> Facts:
    """Describe an experiment in values that read well where another one differs."""
    trials, base = experiment.trials, experiment.config
    own = [(one.row, one.column, differing(one.config, base)) for one in trials]
    settings = describe_style(base)
    del settings["min_steps"], settings["pyramid"]  # the user's have no effect here
    digest = hashlib.sha256(json.dumps(own).encode()).hexdigest()[:DIGITS]
    return {
        "experiment": experiment.kind.name,
        **settings,
        "content": describe_pictures([*dict.fromkeys(one.content for one in trials)]),
        "painting": describe_pictures([*dict.fromkeys(one.style for one in trials)]),
        "rows": [*dict.fromkeys(one.row for one in trials if one.row)],
        "columns": [*dict.fromkeys(one.column for one in trials if one.column)],
        "trials": f"{len(trials)} with SHA-256 {digest}...",
        "batch": experiment.batch,
        "networks": networks,
        **describe_machine(choose_device(base.device)),
    }


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
        Returns what came of each trial. ``best_loss``, nan if no step was taken, is
        the picture's, unless gradients were balanced: then that is the newest.
        """
        total, done = len(self._trials), dict[int, Facts]()
        for number in range(total):
            facts = store.facts(_name(number))
            if facts is not None and store.is_painted(number):
                done[number] = facts
        chunks = [one for one in self._chunks(batch) if not done.keys() >= set(one)]
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
        stills = []
        for one in chunk:
            stylizer = read_paintings(
                self._trials[one].style, config, **size, listener=self._listener
            ).load(self._listener, network)
            stills.append(Still(one, stylizer, self._frames[one]))
        traces: dict[int, list[tuple[float, ...]]] = {one: [] for one in chunk}
        start = time.perf_counter()

        def on_step(report: StepReport) -> None:
            seconds, rows = time.perf_counter() - start, traces[report.frame]
            if report.step == 1:  # again, where the batch was made smaller
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
            trace = {name: [row[at] for row in rows] for at, name in enumerate(TRACED)}
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
    """List the settings that make a network another one, but for its layers."""
    files = config.network, config.weights, config.pooling
    return (*files, config.device, config.precision)


def _name(number: int) -> str:
    return f"trial-{number + 1:06d}"
