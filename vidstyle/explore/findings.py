"""What came of an experiment -> tables: for people, for spreadsheets, for programs."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from vidstyle.config import StyleConfig
from vidstyle.explore.paint import RULER
from vidstyle.explore.trial import Experiment, Outcome, comparable

TERMS = "content", "style", "tv", "range"
"""Of the loss, each with its weight."""


def facts(experiment: Experiment, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Collect everything that is known, for JSON: no path, tuple or nan in it."""
    return {
        "experiment": experiment.name,
        "distances_in": RULER,
        "settings": _plain(asdict(comparable(experiment.config))),
        "skipped": list(experiment.skipped),
        "trials": [
            {
                **summary(number, outcome),
                **_rounds(experiment, outcome),
                "settings": differing(
                    outcome.trial.whole, comparable(experiment.config)
                ),
                "trace": _trace(outcome),
            }
            for number, outcome in enumerate(outcomes, start=1)
        ],
    }


def _rounds(experiment: Experiment, outcome: Outcome) -> dict[str, list[float]]:
    """List the loss of each round, where there are rounds."""
    if experiment.per_round is None:
        return {}
    return {"rounds": _plain(outcome.rounds(experiment.per_round))}


def round_rows(
    experiment: Experiment, outcomes: Sequence[Outcome]
) -> list[dict[str, Any]]:
    """Line the losses up, a round a row and a trial a column."""
    rounds = {
        outcome.trial.column: _rounds(experiment, outcome).get("rounds", [])
        for outcome in outcomes
    }
    return [
        {
            "round": number + 1,
            **{
                name: losses[number] if number < len(losses) else None
                for name, losses in rounds.items()
            },
        }
        for number in range(max(map(len, rounds.values())))
    ]


def summary(number: int, outcome: Outcome) -> dict[str, Any]:
    """Say what came of a trial, without its single steps."""
    trial = outcome.trial
    found = {
        "picture": picture_name(number),
        "row": trial.row,
        "column": trial.column,
        "content": trial.content,
        "style": trial.style,
        "network": outcome.network,
        "best_loss": outcome.best_loss,
        "content_distance": outcome.distances.content,
        "style_distance": outcome.distances.style,
        "steps": outcome.steps,
        "evaluations": outcome.evaluations,
        "seconds": round(outcome.seconds, 3),
    }
    plain: dict[str, Any] = _plain(found)
    return plain


def picture_name(number: int) -> str:
    """Name a trial's picture by its number, from 1."""
    return f"{number:02}.png"


def _trace(outcome: Outcome) -> dict[str, list[Any]]:
    """List each quantity over the steps."""
    rows = list(steps(1, outcome))
    return {name: [row[name] for row in rows] for name in STEP_COLUMNS[1:]}


STEP_COLUMNS = ("trial", "step", "evaluations", "seconds", "loss", *TERMS)


def steps(number: int, outcome: Outcome) -> Iterator[dict[str, Any]]:
    """Yield the steps of a trial, each by the names in ``STEP_COLUMNS``."""
    for point in outcome.trace:
        report = point.report
        row = {
            "trial": number,
            "step": report.step,
            "evaluations": report.evaluations,
            "seconds": round(point.seconds, 4),
            "loss": report.loss,
            **{name: report.losses[name] for name in TERMS},
        }
        yield _plain(row)


def differing(config: StyleConfig, base: StyleConfig) -> dict[str, Any]:
    """Return the settings that differ from others, as values of JSON."""
    ours, common = asdict(config), asdict(base)
    found: dict[str, Any] = _plain(
        {name: value for name, value in ours.items() if value != common[name]}
    )
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401  # of any setting
    """Make a value one of JSON's."""
    match value:
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case Path():
            return str(value)
        case float() if not isfinite(value):
            return None
    return value


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    """Write rows of the same names as CSV; what is not known stays empty."""
    text = io.StringIO()
    rows = list(rows)
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_table(experiment: Experiment, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Write what came of each trial as a line, and what was skipped."""
    width = max([20, *(len(outcome.trial.label) for outcome in outcomes)])
    form = f"{{:{width}}} {{:>10}} {{:>9}} {{:>9}} {{:>6}} {{:>6}} {{:>8}}"
    yield form.format("", "best loss", "content", "style", "steps", "evals", "seconds")
    for outcome in outcomes:
        yield form.format(
            outcome.trial.label,
            f"{outcome.best_loss:.4g}" if isfinite(outcome.best_loss) else "-",
            f"{outcome.distances.content:.4f}",
            f"{outcome.distances.style:.4f}",
            outcome.steps,
            outcome.evaluations,
            f"{outcome.seconds:.2f}",
        )
    for row in round_rows(experiment, outcomes):
        number, *losses = row.values()
        cells = ("-" if loss is None else f"{loss:.4g}" for loss in losses)
        yield f"round {number:3}: " + " ".join(f"{cell:>10}" for cell in cells)
    for text in experiment.skipped:
        yield f"skipped: {text}"
