"""Finished trials <-> a work directory, so that an experiment goes on with the rest."""

import contextlib
import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vidstyle.devices import choose_device
from vidstyle.explore.findings import differing
from vidstyle.explore.trial import Experiment, Outcome, Point, Trial, comparable
from vidstyle.manifest import (
    DIGITS,
    describe_machine,
    describe_pictures,
    describe_style,
)
from vidstyle.measure.distance import Distances
from vidstyle.records import StepReport
from vidstyle.video.work_dir import MANIFEST, FrameStore


def is_unfinished(work_dir: Path) -> bool:
    """Whether an experiment has been interrupted there."""
    return (work_dir / MANIFEST).is_file()


def describe(experiment: Experiment, networks: Collection[str]) -> dict[str, Any]:
    """Describe an experiment in values that read well where another one differs.

    Args:
        experiment: Its trials, settings and files.
        networks: The names of those that were loaded.

    Raises:
        ImageOpenError: If a picture cannot be read any more.
        WeightsError: If a file of weights cannot.
    """
    trials, base = experiment.trials, comparable(experiment.config)
    own = [
        (trial.label, differing(trial.whole, base), _weights(trial)) for trial in trials
    ]
    settings = describe_style(base)
    del settings["min_steps"], settings["pyramid"]  # the user's say nothing here
    digest = hashlib.sha256(json.dumps(own).encode()).hexdigest()[:DIGITS]
    rows, columns, contents, styles = (
        dict.fromkeys(getattr(trial, name) for trial in trials)
        for name in ("row", "column", "content", "style")
    )
    return {
        "experiment": experiment.name,
        **settings,
        "content": describe_pictures(list(contents)),
        "painting": describe_pictures(list(styles)),
        "rows": [row for row in rows if row],
        "columns": [column for column in columns if column],
        "trials": f"{len(trials)} with SHA-256 {digest}...",
        "batch": experiment.batch,
        "networks": sorted(networks),
        **describe_machine(choose_device(experiment.config.device)),
    }


def _weights(trial: Trial) -> str | None:
    """Tell the weights of a trial's own network apart from others."""
    if trial.features is None:
        return None
    digest = hashlib.sha256()
    for values in trial.features.state_dict().values():
        digest.update(values.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class TrialStore:
    """Trials that are finished, by their numbers from 0."""

    def __init__(self, work_dir: Path) -> None:
        """Speak of a work directory; ``opened`` makes or takes it."""
        self.work_dir = work_dir
        self._frames = FrameStore(work_dir)

    @contextlib.contextmanager
    def opened(
        self, manifest: dict[str, Any], *, restart: bool = False
    ) -> Iterator[None]:
        """Make the work directory, or take it over, for the time of the block.

        Args:
            manifest: Of ``describe``.
            restart: Throw away what another run has left.

        Raises:
            WorkDirError: If the directory is not usable, or holds another experiment.
        """
        with self._frames.claimed():
            self._frames.open(manifest, restart=restart)
            yield

    def put(self, number: int, outcome: Outcome) -> None:
        """Store what came of a trial; the picture comes last, and says that it is done.

        Raises:
            WorkDirError: If it cannot be written.
        """
        facts = {
            "network": outcome.network,
            "distances": outcome.distances._asdict(),
            "trace": [asdict(point) for point in outcome.trace],
        }
        self._frames.put_facts(_name(number), facts)
        self._frames.put_stylized(number, outcome.picture)

    def get(self, number: int, trial: Trial) -> Outcome | None:
        """Read what came of a trial. None: it is not finished.

        Raises:
            WorkDirError: If it is damaged.
        """
        if not self._frames.is_painted(number):
            return None
        facts = self._frames.facts(_name(number))
        if facts is None:
            return None
        return Outcome(
            trial=trial,
            network=facts["network"],
            picture=self._frames.stylized(number),
            trace=tuple(
                Point(report=StepReport(**point["report"]), seconds=point["seconds"])
                for point in facts["trace"]
            ),
            distances=Distances(**facts["distances"]),
        )

    def remove(self) -> None:
        """Delete it: the results are written."""
        self._frames.remove()


def _name(number: int) -> str:
    return f"trial-{number + 1:06d}"
