"""Write the results of an experiment: tables and a contact sheet."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import accumulate, groupby, zip_longest
from pathlib import Path
from typing import Any

from vidstyle.config import StyleConfig
from vidstyle.explore import MEASURED_IN, Experiment, Kind
from vidstyle.images import (
    make_folder,
    read_picture,
    resize_frame,
    shrink_to,
    write_picture,
    write_whole,
)
from vidstyle.measure.distance import Facts
from vidstyle.records import Frame
from vidstyle.video.figures import labelled_sheet

NAMES = "sheet.png", "data.json", "trials.csv", "losses.csv"
SHEET, DATA, TRIALS, LOSSES = NAMES
PICTURE = "{:02}.png"  # of a trial, by its number
CELL_SIDE = 512  # longest side of a picture on the sheet, in pixels


def write_results(
    kind: Kind, facts: Facts, picture: Callable[[int], Frame], folder: Path
) -> None:
    """Write tables, pictures and sheet; ``picture`` loads one by its number."""
    make_folder(folder)
    _write_tables(facts, folder)
    for number, trial in enumerate(facts["trials"]):
        write_picture(folder / trial["picture"], picture(number))
    by_row = groupby(facts["trials"], lambda trial: trial["row"])
    rows = [list(trials) for _, trials in by_row]
    write_picture(folder / SHEET, _sheet(kind, rows, folder))


def as_facts(experiment: Experiment, outcomes: Sequence[Facts]) -> Facts:
    """Collect the results of all trials for JSON."""
    trials = list[Facts]()
    for trial, outcome in zip(experiment.trials, outcomes, strict=True):
        facts = {
            "picture": PICTURE.format(len(trials) + 1),
            "row": trial.row,
            "column": trial.column,
            "content": trial.content,
            "style": trial.style,
            **outcome,
        }
        if experiment.kind.per_round > 0:
            facts["rounds"] = _rounds(outcome["trace"], experiment.kind.per_round)
        facts["settings"] = differing(trial.config, experiment.config)
        facts["trace"] = facts.pop("trace")  # last, since it is long
        trials.append(facts)
    return _plain(
        experiment=experiment.kind.name,
        distances_in=MEASURED_IN,
        settings=asdict(experiment.config),
        skipped=experiment.skipped,
        trials=trials,
    )


def _rounds(trace: Facts, size: int) -> list[float]:
    """Return the best loss so far after each round of ``size`` evaluations."""
    best = accumulate(trace["loss"], min)
    rounds: dict[int, float] = {}
    for evaluations, loss in zip(trace["evaluations"], best, strict=True):
        rounds[(evaluations - 1) // size] = loss  # that of a round's last step stays
    return list(rounds.values())


def differing(config: StyleConfig, base: StyleConfig) -> Facts:
    """Return the settings whose values differ from those of ``base``, for JSON."""
    common = asdict(base)
    own = {key: value for key, value in asdict(config).items() if value != common[key]}
    return _plain(**own)


def _plain(**facts: object) -> Facts:
    """Convert to pure JSON values: paths to text, tuples to lists, nan to None."""
    text = json.dumps(facts, default=str)
    return dict(json.loads(text, parse_constant=lambda _: None))


def _write_tables(facts: Facts, folder: Path) -> None:
    trials = facts["trials"]
    names = [name for name in trials[0] if name not in {"rounds", "settings", "trace"}]
    steps = list[Sequence[Any]]()
    for number, trial in enumerate(trials, start=1):
        rows = zip(*trial["trace"].values(), strict=True)  # one per step
        steps += [(number, *row) for row in rows]
    texts = {
        TRIALS: _csv(names, ([trial[name] for name in names] for trial in trials)),
        LOSSES: _csv(("trial", *trials[0]["trace"]), steps),
        DATA: json.dumps(facts, ensure_ascii=False) + "\n",
    }
    if "rounds" in trials[0]:
        columns = "round", *(trial["column"] for trial in trials)
        texts["rounds.csv"] = _csv(columns, _round_rows(trials))
    for name, text in texts.items():  # file names may not be valid Unicode
        write_whole(folder / name, text.encode(errors="replace"))


def _round_rows(trials: Sequence[Facts]) -> Iterator[tuple[Any, ...]]:
    """Tabulate the rounds' losses: one row per round, one column per trial."""
    losses = zip_longest(*(trial.get("rounds", ()) for trial in trials))
    return ((number, *row) for number, row in enumerate(losses, start=1))


def _csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Format a table as CSV; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *rows])
    return text.getvalue()


def as_table(facts: Facts) -> Iterator[str]:
    """Format one line per trial, then the rounds, then what was skipped."""
    trials = facts["trials"]
    headings = [(trial["row"], trial["column"]) for trial in trials]
    labels = [" | ".join(filter(None, pair)) for pair in headings]
    width = max(20, *map(len, labels))
    form = f"{{:{width}}} {{:>10}} {{:>9}} {{:>9}} {{:>6}} {{:>6}} {{:>8}}"
    yield form.format("", "best loss", "content", "style", "steps", "evals", "seconds")
    for label, trial in zip(labels, trials, strict=True):
        distances = f"{trial['content_distance']:.4f}", f"{trial['style_distance']:.4f}"
        cost = trial["steps"], trial["evaluations"], f"{trial['seconds']:.2f}"
        yield form.format(label, _short(trial["best_loss"]), *distances, *cost)
    for number, *losses in _round_rows(trials):
        yield f"round {number:3}: " + " ".join(f"{_short(loss):>10}" for loss in losses)
    yield from (f"skipped: {text}" for text in facts["skipped"])


def _short(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.4g}"


def _sheet(kind: Kind, rows: Sequence[Sequence[Facts]], folder: Path) -> Frame:
    """Lay the pictures out on a sheet, captioned with their distances."""
    cells = [[_cell(trial, folder) for trial in row] for row in rows]
    down = [row[0]["row"] for row in rows]
    if kind.shows_styles:
        first, _ = cells[0][0]
        height, width, _ = first.shape
        styles = (read_picture(Path(trial["style"])) for row in rows for trial in row)
        cells = [[(_cover(style, height, width), "") for style in styles], *cells]
        down = ["style", *("result" for _ in rows)]
    return labelled_sheet(
        cells,
        across=[trial["column"] for trial in rows[0]],
        down=down,
        corner="c, s: distance from content and style",
    )


def _cell(trial: Facts, folder: Path) -> tuple[Frame, str]:
    picture = shrink_to(read_picture(folder / trial["picture"]), CELL_SIDE)
    caption = "c {content_distance:.2g} s {style_distance:.2g}".format(**trial)
    return picture, caption


def _cover(picture: Frame, height: int, width: int) -> Frame:
    """Scale and center-crop a picture to a size."""
    scale = max(height / picture.shape[0], width / picture.shape[1])
    tall, wide = round(height / scale), round(width / scale)
    top, left = (picture.shape[0] - tall) // 2, (picture.shape[1] - wide) // 2
    middle = picture[top : top + tall, left : left + wide]
    return resize_frame(middle, height=height, width=width)
