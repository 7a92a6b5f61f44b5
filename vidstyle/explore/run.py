"""An experiment -> a folder with its sheet, its tables, its plots and its pictures."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from vidstyle.errors import DependencyError, OutputError
from vidstyle.explore.findings import (
    as_csv,
    as_table,
    facts,
    picture_name,
    steps,
    summary,
)
from vidstyle.explore.paint import paint_trials
from vidstyle.explore.trial import Against, Experiment, Outcome
from vidstyle.images import fit_long_side, resize_frame, write_picture, write_whole
from vidstyle.plots import check_plot, write_plot
from vidstyle.records import Frame, Listener, Notice
from vidstyle.video.sheet import labelled_sheet

SHEET, DATA, TRIALS, LOSSES = "sheet.png", "data.json", "trials.csv", "losses.csv"
RESULTS = SHEET, DATA, TRIALS, LOSSES
"""Files that each experiment writes into its folder."""
CELL_SIDE = 512
"""Most pixels of a picture's longer side on the sheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What came of an experiment."""

    facts: dict[str, Any]
    """All of it, as in ``data.json``."""
    table: tuple[str, ...]
    """Lines for people."""


def run_experiment(
    experiment: Experiment, folder: Path, listener: Listener
) -> Findings:
    """Paint all trials of an experiment and write what came of them.

    Args:
        experiment: With at least one trial.
        folder: Made if it is not there; files in it are replaced.
        listener: Is told every step, and what was skipped.

    Raises:
        InputError: If a file or a setting cannot be used.
        WeightsError: If a network that was named has no weights.
        OptimizationError: If the optimisation cannot go on.
        OutputError: If a result cannot be written.
    """
    for text in experiment.skipped:
        listener(Notice(text=f"skipped: {text}", is_warning=True))
    outcomes = paint_trials(experiment.trials, listener, batch=experiment.batch)
    _make_folder(folder)
    found = facts(experiment, outcomes)
    _write_tables(folder, outcomes, found)
    for number, outcome in enumerate(outcomes, start=1):
        write_picture(folder / picture_name(number), outcome.picture)
    _write_plots(experiment, outcomes, folder, listener)
    write_picture(folder / SHEET, _sheet(outcomes))
    return Findings(facts=found, table=tuple(as_table(experiment, outcomes)))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as err:
        raise OutputError(f"cannot make the folder {folder}: {err.strerror}.") from err


def _write_tables(
    folder: Path, outcomes: Sequence[Outcome], found: dict[str, Any]
) -> None:
    numbered = list(enumerate(outcomes, start=1))
    texts = {
        DATA: json.dumps(found, ensure_ascii=False) + "\n",
        TRIALS: as_csv(summary(*each) for each in numbered),
        LOSSES: as_csv(row for each in numbered for row in steps(*each)),
    }
    for name, text in texts.items():
        # A name of a file that is not text cannot be in one.
        write_whole(folder / name, text.encode(errors="replace"))


def _sheet(outcomes: Sequence[Outcome]) -> Frame:
    """Lay the pictures out, each above its distances."""
    rows = [list(row) for _, row in groupby(outcomes, lambda one: one.trial.row)]
    longest = max(rows, key=len)
    return labelled_sheet(
        [[(_cell(one.picture), _caption(one)) for one in row] for row in rows],
        across=[one.trial.column for one in longest],
        down=[row[0].trial.row for row in rows],
        corner="c, s: distance from content and style",
    )


def _cell(picture: Frame) -> Frame:
    height, width = fit_long_side(
        height=picture.shape[0], width=picture.shape[1], long_side=CELL_SIDE
    )
    return resize_frame(picture, height=height, width=width)


def _caption(outcome: Outcome) -> str:
    return f"c {outcome.distances.content:.2g} s {outcome.distances.style:.2g}"


def _write_plots(
    experiment: Experiment,
    outcomes: Sequence[Outcome],
    folder: Path,
    listener: Listener,
) -> None:
    """Draw the losses of each row, if there is what draws."""
    rows = [list(row) for _, row in groupby(outcomes, lambda one: one.trial.row)]
    try:
        check_plot(folder / "losses.png")
    except DependencyError as err:
        listener(Notice(text=f"no plot: {err}", is_warning=True))
        return
    for number, row in enumerate(rows, start=1):
        for against in experiment.against:
            which = f"-{number}" if len(rows) > 1 else ""
            which += f"-{against}" if len(experiment.against) > 1 else ""
            title = " ".join(filter(None, (experiment.name, row[0].trial.row)))
            write_plot(
                folder / f"losses{which}.png",
                {one.trial.column: _curve(one, against) for one in row},
                title=title,
                x_label="seconds" if against == "seconds" else f"{against} so far",
                y_label="loss",
                log_y=True,
            )


def _curve(outcome: Outcome, against: Against) -> list[tuple[float, float]]:
    """Draw the loss over steps, evaluations or seconds."""
    points = outcome.trace
    places: dict[Against, list[float]] = {
        "steps": [point.report.step for point in points],
        "evaluations": [point.report.evaluations for point in points],
        "seconds": [point.seconds for point in points],
    }
    losses = [point.report.loss for point in points]
    return list(zip(places[against], losses, strict=True))
