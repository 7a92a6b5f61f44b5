"""Clips that are made on the spot, and the real ones where they are at hand."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vidstyle.errors import VideoWriteError
from vidstyle.video.ffmpeg import run_ffmpeg

SHARED = Path(__file__).parents[2] / "shared"

MakeClip = Callable[..., Path]


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Compute in one thread: more would mostly wait, on pictures as small as these."""
    torch.set_num_threads(1)


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """Make a file with ffmpeg: its name, then the arguments before it."""

    def make(name: str, *arguments: str) -> Path:
        path = tmp_path / name
        run_ffmpeg([*arguments, str(path)], error=VideoWriteError, failed="test clip")
        return path

    return make


@pytest.fixture
def real_clip() -> Callable[[str], Path]:
    """Find a real clip, or skip the test."""

    def find(name: str) -> Path:
        path = SHARED / "media" / "clips" / name
        if not path.exists():
            pytest.skip(f"{path} is not here")
        return path

    return find
