"""Every optimiser -> a trial each, from the same start."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args

from vidstyle.config import OptimizerName, StyleConfig
from vidstyle.errors import ConfigError
from vidstyle.explore.trial import Experiment, Trial

LAST_SHARE: Final = 0.1
"""Of the first step's size, what an exponential decay leaves of it in the end."""


def optimizers(content: Path, config: StyleConfig, *, style: Path) -> Experiment:
    """Paint one pair under every optimiser; each may evaluate the loss equally often.

    Args:
        content: The picture.
        config: All but the optimiser. If its step decays, it is Adam's in the trial
            that has a decay; otherwise that one's decays to a tenth.
        style: The painting.

    Raises:
        ConfigError: If no optimiser can have these settings.

    Source: the question of Ding et al. 2023: quasi-Newton, Newton, Monte Carlo or
    gradient descent.
    """
    decay: dict[str, Any] = {"optimizer": "adam"}
    if config.lr_decay == "none":
        decay |= {
            "lr_decay": "exponential",
            "lr_decay_rate": LAST_SHARE,
            "lr_decay_every": max(1, config.steps),
        }
    choices: dict[str, dict[str, Any]] = {}
    for name in get_args(OptimizerName):
        choices[name] = {"optimizer": name, "lr_decay": "none"}
        if name == "adam":
            choices["adam with decay"] = decay
    trials, skipped = [], []
    for name, settings in choices.items():
        try:
            own = replace(config, **settings)
        except ConfigError as err:
            skipped.append(f"{name}: {err}")
            continue
        trial = Trial(row="", column=name, content=content, style=style, config=own)
        trials.append(trial)
    if not trials:
        raise ConfigError(skipped[0])
    return Experiment(
        name="optimizers",
        config=config,
        rows=(tuple(trials),),
        skipped=tuple(skipped),
        against=("steps", "evaluations", "seconds"),
    )
