"""``vidstyle bench``: a short table, the same as JSON, one sentence for mistakes."""

import json

import pytest
from typer.testing import CliRunner

from vidstyle import bench
from vidstyle.cli import app


def run(*arguments):
    return CliRunner().invoke(app, ["bench", *arguments])


@pytest.fixture(autouse=True)
def _known_ceiling(monkeypatch):
    monkeypatch.setattr(bench, "matrix_rate", lambda *_: 50e9)
    monkeypatch.setattr(bench, "WARM_UP", 1)


@pytest.mark.slow
def test_the_table_has_a_line_for_each_size_and_batch():
    done = run("--sizes", "48x32, 32x16", "--batch", "2", "--steps", "1", "-d", "cpu")

    assert done.exit_code == 0
    header, columns, *lines = done.stdout.splitlines()
    assert header.startswith("slim to relu5_1 on cpu in fp32, ")
    assert header.endswith("medians of 1 step; ceiling 50 GFLOP/s")
    assert columns.split()[:3] == ["size", "batch", "steps/s"]
    assert [line.split()[:2] for line in lines] == [
        ["48x32", "1"],
        ["48x32", "2"],
        ["32x16", "1"],
        ["32x16", "2"],
    ]
    assert [line.split()[-1] for line in lines[::2]] == ["1.00", "1.00"]


def test_json_has_the_same(monkeypatch):
    monkeypatch.setattr(bench, "seconds", lambda work, _: work() and 0.5)

    done = run("--sizes", "48x32", "--steps", "2", "--device", "cpu", "--json")

    facts = json.loads(done.stdout)
    (rate,) = facts.pop("rates")
    assert 0 < rate.pop("operations_per_step") <= 350
    assert rate.pop("host_reads_per_step") == 0
    gflop = 4 * 27504 * 48 * 32 / 1e9
    assert rate == pytest.approx(
        {
            "width": 48,
            "height": 32,
            "batch": 1,
            "steps_per_s": 2,
            "evaluation_share": 1,
            "gflop": gflop,
            "gflop_per_s": 2 * gflop,
            "of_matrix_rate": 2 * gflop / 50,
            "over_single": 1,
        }
    )
    assert set(facts) == {
        "network",
        "deepest",
        "device",
        "precision",
        "threads",
        "steps",
        "matrix_gflop_per_s",
    }


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--sizes", "48x8"], 3, "height in sizes is 8; it must be at least 16."),
        (["--steps", "0"], 3, "steps is 0"),
        (["--batch", "0"], 3, "batch is 0"),
        (["--sizes", "48"], 2, "not a size"),
        (["--sizes", ""], 2, "an empty argument"),
        (["--network", "vgg11"], 2, "vgg11"),
    ],
)
def test_mistakes_are_answered_in_one_sentence(arguments, code, said):
    done = run(*arguments)

    assert done.exit_code == code
    assert said in done.stderr
    assert done.stdout == ""
