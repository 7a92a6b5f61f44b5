"""A small picture and a painting, and the least work there can be."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pictures import scene

from vidstyle.config import StyleConfig
from vidstyle.explore import Trial
from vidstyle.explore.run import TrialPainter
from vidstyle.images import write_picture
from vidstyle.records import Listener, ignore
from vidstyle.video.work_dir import FrameStore


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """``photo.png`` 32x24, ``painting.png`` and ``other.png`` 40x30."""
    write_picture(tmp_path / "photo.png", scene(0, 24, 32))
    write_picture(tmp_path / "painting.png", scene(1, 30, 40))
    write_picture(tmp_path / "other.png", scene(2, 30, 40))
    return tmp_path


@pytest.fixture
def config() -> StyleConfig:
    return StyleConfig(network="slim", device="cpu", steps=3)


@pytest.fixture
def paint(tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Paint trials; what came of each, with its picture."""

    def painted(
        trials: Sequence[Trial], listener: Listener = ignore
    ) -> list[dict[str, Any]]:
        store = FrameStore(tmp_path / "work")
        with store.claimed():
            painter = TrialPainter(trials, listener)
            store.open({"a": 1})
            outcomes = painter.paint(store)
            pictures = [store.stylized(number) for number in range(len(trials))]
            store.remove()
        return [
            {**facts, "picture": picture}
            for facts, picture in zip(outcomes, pictures, strict=True)
        ]

    return painted
