from pathlib import Path

import pytest

from vidstyle.config import LayerWeight, StyleConfig
from vidstyle.errors import ConfigError
from vidstyle.explore.grid import Axis, cumulative, grid

WEIGHTS = Axis("content_weight", {"a": 0.1, "b": 1.0})


def build(config: StyleConfig, columns: Axis = WEIGHTS, rows: Axis | None = None):
    return grid(Path("c.png"), config, style=Path("s.png"), columns=columns, rows=rows)


def test_sets_grow_by_a_layer_and_keep_their_weights():
    first, second = LayerWeight("relu1_1", 8), LayerWeight("relu2_1", 4)

    assert cumulative((first, second)) == {
        "relu1_1": (first,),
        "to relu2_1": (first, second),
    }


def test_rows_are_growing_sets_of_the_style_layers(config):
    experiment = build(config)

    assert [[trial.label for trial in row] for row in experiment.rows][::4] == [
        ["relu1_1 | a", "relu1_1 | b"],
        ["to relu5_1 | a", "to relu5_1 | b"],
    ]
    last = experiment.trials[-1].config
    assert last.style_layers == config.style_layers
    assert last.content_weight == 1.0


def test_any_two_settings_are_axes(config):
    rows = Axis("optimizer", {"x": "adam", "y": "lbfgs"})
    columns = Axis("steps", {"1": 1, "5": 5})

    configs = [trial.config for trial in build(config, columns, rows).trials]

    found = [(one.optimizer, one.steps) for one in configs]
    assert found == [("adam", 1), ("adam", 5), ("lbfgs", 1), ("lbfgs", 5)]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Axis("batch", {"1": 1}), "batch is not a setting"),
        (lambda: Axis("steps", {}), "steps has no value"),
        (lambda: build(StyleConfig(), rows=WEIGHTS), "both vary content-weight"),
        (
            lambda: build(StyleConfig(), Axis("content_weight", {"": -1.0})),
            "content-weight is -1.0",
        ),
    ],
)
def test_mistakes_are_named(make, said):
    with pytest.raises(ConfigError, match=said):
        make()
