"""What came of an experiment -> its tables, its plots and its sheet, in a folder."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import accumulate, groupby, product, zip_longest
from math import nan
from pathlib import Path
from typing import Any

from vidstyle.config import StyleConfig
from vidstyle.errors import DependencyError
from vidstyle.explore import Experiment, Kind
from vidstyle.images import (
    fit_long_side,
    make_folder,
    read_picture,
    resize_frame,
    write_picture,
    write_whole,
)
from vidstyle.measure.distance import Facts
from vidstyle.plots import Panel, check_plot, write_panels
from vidstyle.records import Frame, Listener, Notice
from vidstyle.video.sheet import labelled_sheet

NAMES = "sheet.png", "data.json", "trials.csv", "losses.csv"
SHEET, DATA, TRIALS, LOSSES = NAMES
CELL_SIDE = 512  # most pixels of a picture's longer side on the sheet


def write_results(
    kind: Kind,
    facts: Facts,
    picture: Callable[[int], Frame],
    folder: Path,
    listener: Listener,
) -> None:
    """Write what there is to see of an experiment; pictures are asked for by number."""
    make_folder(folder)
    _write_tables(facts, folder)
    for number, trial in enumerate(facts["trials"]):
        write_picture(folder / trial["picture"], picture(number))
    rows = [[*row] for _, row in groupby(facts["trials"], lambda one: one["row"])]
    _write_plots(kind, rows, folder, listener)
    write_picture(folder / SHEET, _sheet(kind, rows, folder))


def everything(
    experiment: Experiment, painted: Sequence[Facts], *, distances_in: str
) -> Facts:
    """Collect all that is known, for JSON."""
    trials = []
    for number, (trial, found) in enumerate(
        zip(experiment.trials, painted, strict=True), start=1
    ):
        trace = found["trace"]
        facts = {
            "picture": f"{number:02}.png",
            "row": trial.row,
            "column": trial.column,
            "content": trial.content,
            "style": trial.style,
            **{name: value for name, value in found.items() if name != "trace"},
        }
        if size := experiment.kind.per_round:
            facts["rounds"] = _rounds(trace, size)
        facts["settings"] = differing(trial.config, experiment.config)
        trials.append({**facts, "trace": trace})
    return _plain(
        experiment=experiment.kind.name,
        distances_in=distances_in,
        settings=asdict(experiment.config),
        skipped=experiment.skipped,
        trials=trials,
    )


def _rounds(trace: Facts, size: int) -> list[float]:
    """List the best loss so far after every so many evaluations of it."""
    best = accumulate(trace["loss"], min)
    numbers = ((evaluations - 1) // size for evaluations in trace["evaluations"])
    return list(dict(zip(numbers, best, strict=True)).values())


def differing(config: StyleConfig, base: StyleConfig) -> Facts:
    common = asdict(base).items()
    return _plain(**dict(one for one in asdict(config).items() if one not in common))


def _plain(**facts: object) -> Facts:
    """Make values those of JSON: no path, tuple or nan in them."""
    text = json.dumps(facts, default=str)
    return dict(json.loads(text, parse_constant=lambda _: None))


def _write_tables(facts: Facts, folder: Path) -> None:
    trials = facts["trials"]
    names = [name for name in trials[0] if name not in {"rounds", "settings", "trace"}]
    steps = (
        (number, *row)
        for number, trial in enumerate(trials, start=1)
        for row in zip(*trial["trace"].values(), strict=True)
    )
    texts = {
        TRIALS: _csv(names, ([trial[name] for name in names] for trial in trials)),
        LOSSES: _csv(("trial", *trials[0]["trace"]), steps),
        DATA: json.dumps(facts, ensure_ascii=False) + "\n",
    }
    if "rounds" in trials[0]:
        columns = "round", *(trial["column"] for trial in trials)
        texts["rounds.csv"] = _csv(columns, _round_rows(trials))
    for name, text in texts.items():  # the name of a file may be no Unicode
        write_whole(folder / name, text.encode(errors="replace"))


def _round_rows(trials: Sequence[Facts]) -> Iterator[tuple[Any, ...]]:
    """Line the losses of rounds up: a round a row, a trial a column."""
    losses = zip_longest(*(trial.get("rounds", ()) for trial in trials))
    return ((number, *row) for number, row in enumerate(losses, start=1))


def _csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table; what is not known stays empty."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *rows])
    return text.getvalue()


def as_table(facts: Facts) -> Iterator[str]:
    """Write what came of each trial as a line for people, and what was skipped."""
    trials = facts["trials"]
    labels = [" | ".join(filter(None, (one["row"], one["column"]))) for one in trials]
    width = max(20, *map(len, labels))
    form = f"{{:{width}}} {{:>10}} {{:>9}} {{:>9}} {{:>6}} {{:>6}} {{:>8}}"
    yield form.format("", "best loss", "content", "style", "steps", "evals", "seconds")
    for label, one in zip(labels, trials, strict=True):
        distances = (f"{one[f'{side}_distance']:.4f}" for side in ("content", "style"))
        spent = one["steps"], one["evaluations"], f"{one['seconds']:.2f}"
        yield form.format(label, _short(one["best_loss"]), *distances, *spent)
    for number, *losses in _round_rows(trials):
        yield f"round {number:3}: " + " ".join(f"{_short(each):>10}" for each in losses)
    yield from (f"skipped: {text}" for text in facts["skipped"])


def _short(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.4g}"


def _sheet(kind: Kind, rows: Sequence[Sequence[Facts]], folder: Path) -> Frame:
    """Lay the pictures out, each above its distances."""
    cells = [[_cell(one, folder) for one in row] for row in rows]
    down = [row[0]["row"] for row in rows]
    if kind.shows_styles:
        height, width, _ = cells[0][0][0].shape
        styles = (read_picture(Path(one["style"])) for row in rows for one in row)
        cells = [[(_covering(one, height, width), "") for one in styles], *cells]
        down = ["style", *("result" for _ in rows)]
    return labelled_sheet(
        cells,
        across=[one["column"] for one in rows[0]],
        down=down,
        corner="c, s: distance from content and style",
    )


def _cell(trial: Facts, folder: Path) -> tuple[Frame, str]:
    picture = read_picture(folder / trial["picture"])
    tall, wide, _ = picture.shape
    height, width = fit_long_side(height=tall, width=wide, long_side=CELL_SIDE)
    caption = "c {content_distance:.2g} s {style_distance:.2g}".format(**trial)
    return resize_frame(picture, height=height, width=width), caption


def _covering(picture: Frame, height: int, width: int) -> Frame:
    """Show as much of a picture's middle as fills a field."""
    scale = max(height / picture.shape[0], width / picture.shape[1])
    tall, wide = round(height / scale), round(width / scale)
    top, left = (picture.shape[0] - tall) // 2, (picture.shape[1] - wide) // 2
    middle = picture[top : top + tall, left : left + wide]
    return resize_frame(middle, height=height, width=width)


def _write_plots(
    kind: Kind, rows: Sequence[Sequence[Facts]], folder: Path, listener: Listener
) -> None:
    """Draw the losses of each row, if matplotlib is there."""
    try:
        check_plot(folder / "losses.png")
    except DependencyError as err:
        listener(Notice(text=f"no plot: {err}", is_warning=True))
        return
    for (number, row), unit in product(enumerate(rows, start=1), kind.plots_over):
        which = f"-{number}" if len(rows) > 1 else ""
        which += f"-{unit}" if len(kind.plots_over) > 1 else ""
        spent = "step" if unit == "steps" else unit
        curves = {}
        for one in row:
            losses = (nan if loss is None else loss for loss in one["trace"]["loss"])
            # What was spent when a loss was evaluated: 0 at first.
            spending = [0, *one["trace"][spent]]
            curves[one["column"]] = [*zip(spending, losses, strict=False)]
        write_panels(
            folder / f"losses{which}.png",
            [Panel(y_label="loss", series=curves, log_y=True)],
            title=f"{kind.name} {row[0]['row']}".strip(),
            x_label=f"{unit} {'spent' if unit == 'seconds' else 'taken'}",
        )
