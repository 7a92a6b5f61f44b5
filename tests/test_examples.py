"""The notebook: its code runs, in tiny sizes."""

import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "examples" / "library.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
TINY = "LONG_SIDE, STEPS, FRAMES = 32, 4, 2"


def test_notebook_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(NOTEBOOK.parent)
    first, *rest = ["".join(c["source"]) for c in CELLS if c["cell_type"] == "code"]
    names = {}
    exec(first, names)  # noqa: S102  # our own
    names |= {"OUT": str(tmp_path)}
    for source in (TINY, *rest):
        exec(source, names)  # noqa: S102
    assert names["result"].frames == 2
    assert len(names["looks"]) == 4


def test_notebook_holds_no_outputs() -> None:
    assert not any(cell.get("outputs") for cell in CELLS)
