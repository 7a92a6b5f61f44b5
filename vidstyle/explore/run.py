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
    round_rows,
    steps,
    summary,
)
from vidstyle.explore.paint import TrialPainter
from vidstyle.explore.resume import TrialStore, describe
from vidstyle.explore.trial import Against, Experiment, Outcome
from vidstyle.images import (
    fit_long_side,
    make_folder,
    read_picture,
    resize_frame,
    write_picture,
    write_whole,
)
from vidstyle.plots import check_plot, write_plot
from vidstyle.records import Frame, Listener, Notice
from vidstyle.video.sheet import labelled_sheet

SHEET, DATA, TRIALS, LOSSES = "sheet.png", "data.json", "trials.csv", "losses.csv"
ROUNDS = "rounds.csv"
"""Of experiments that have rounds."""
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
    experiment: Experiment,
    folder: Path,
    listener: Listener,
    *,
    work_dir: Path | None = None,
    restart: bool = False,
) -> Findings:
    """Paint all trials of an experiment and write what came of them.

    A run that was interrupted goes on with the trials that are missing when it is
    called again with the same arguments, and ends in the same files; only the seconds
    are those of when each trial was painted.

    Args:
        experiment: With at least one trial.
        folder: Made if it is not there; files in it are replaced.
        listener: Is told every step, and what was skipped.
        work_dir: Where finished trials wait; None: as ``waiting_place`` says. It is
            deleted when all is done.
        restart: Throw away what an interrupted run has left.

    Raises:
        InputError: If a file or a setting cannot be used.
        WeightsError: If a network that was named has no weights.
        OptimizationError: If the optimisation cannot go on.
        OutputError: If a result cannot be written.
        WorkDirError: If the work directory is not usable, or holds another experiment.
    """
    if not folder.parent.is_dir():
        raise OutputError(f"cannot make the folder {folder}: it has no place to be in.")
    for text in experiment.skipped:
        listener(Notice(text=f"skipped: {text}", is_warning=True))
    painter = TrialPainter(experiment.trials, listener)
    store = TrialStore(work_dir or waiting_place(folder))
    with store.opened(describe(experiment, painter.networks), restart=restart):
        outcomes = painter.paint(batch=experiment.batch, kept=store.get, keep=store.put)
        findings = _write(experiment, outcomes, folder, listener)
        store.remove()
    return findings


def waiting_place(folder: Path) -> Path:
    """Name the place beside a folder of results where finished trials wait."""
    if folder.name in {"", ".."}:  # the folder that the user is in, or the one above it
        folder = folder.resolve()
    return folder.with_name(f"{folder.name}.vidstyle")


def _write(
    experiment: Experiment,
    outcomes: Sequence[Outcome],
    folder: Path,
    listener: Listener,
) -> Findings:
    """Write what came of all trials."""
    make_folder(folder)
    found = facts(experiment, outcomes)
    _write_tables(experiment, outcomes, folder, found)
    for number, outcome in enumerate(outcomes, start=1):
        write_picture(folder / picture_name(number), outcome.picture)
    _write_plots(experiment, outcomes, folder, listener)
    write_picture(folder / SHEET, _sheet(experiment, outcomes))
    return Findings(facts=found, table=tuple(as_table(experiment, outcomes)))


def _write_tables(
    experiment: Experiment,
    outcomes: Sequence[Outcome],
    folder: Path,
    found: dict[str, Any],
) -> None:
    numbered = list(enumerate(outcomes, start=1))
    texts = {
        DATA: json.dumps(found, ensure_ascii=False) + "\n",
        TRIALS: as_csv(summary(*each) for each in numbered),
        LOSSES: as_csv(row for each in numbered for row in steps(*each)),
    }
    if experiment.per_round is not None:
        texts[ROUNDS] = as_csv(round_rows(experiment, outcomes))
    for name, text in texts.items():
        # A name of a file that is not text cannot be in one.
        write_whole(folder / name, text.encode(errors="replace"))


def _sheet(experiment: Experiment, outcomes: Sequence[Outcome]) -> Frame:
    """Lay the pictures out, each above its distances."""
    rows = [list(row) for _, row in groupby(outcomes, lambda one: one.trial.row)]
    cells = [[(_cell(one.picture), _caption(one)) for one in row] for row in rows]
    down = [row[0].trial.row for row in rows]
    if experiment.shows_styles:
        height, width = cells[0][0][0].shape[:2]
        styles = (read_picture(one.trial.style) for one in outcomes)
        cells = [[(_covering(one, height, width), "") for one in styles], *cells]
        down = ["style", *("result" for _ in rows)]
    return labelled_sheet(
        cells,
        across=[one.trial.column for one in max(rows, key=len)],
        down=down,
        corner="c, s: distance from content and style",
    )


def _covering(picture: Frame, height: int, width: int) -> Frame:
    """Show as much of a picture's middle as fills a field."""
    scale = max(height / picture.shape[0], width / picture.shape[1])
    tall, wide = round(height / scale), round(width / scale)
    top, left = (picture.shape[0] - tall) // 2, (picture.shape[1] - wide) // 2
    middle = picture[top : top + tall, left : left + wide]
    return resize_frame(middle, height=height, width=width)


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
                x_label=f"{against} {'spent' if against == 'seconds' else 'taken'}",
                y_label="loss",
                log_y=True,
            )


def _curve(outcome: Outcome, against: Against) -> list[tuple[float, float]]:
    """Draw the loss over what had been spent when it was evaluated, 0 at the start."""
    points = outcome.trace
    spent: dict[Against, list[float]] = {
        "steps": [point.report.step for point in points],
        "evaluations": [point.report.evaluations for point in points],
        "seconds": [point.seconds for point in points],
    }
    losses = [point.report.loss for point in points]
    return list(zip([0, *spent[against]], losses, strict=False))
