"""A folder with a tiny clip and a painting in it, and the command line at hand."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pictures import scene
from running import FPS, SHOTS, Run, Said
from typer.testing import CliRunner

from vidstyle.cli import app
from vidstyle.errors import VideoWriteError
from vidstyle.images import write_picture
from vidstyle.optimize.batch import BatchOptimization
from vidstyle.video.ffmpeg import run_ffmpeg


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the inputs once: clip.mp4, 48x32, three shots, sound; painting.png."""
    folder = tmp_path_factory.mktemp("originals")
    shots = [
        f"{name}=s=48x32:r={FPS},trim=end_frame={frames}[{name}]"
        for name, frames in SHOTS.items()
    ]
    joined = "".join(f"[{name}]" for name in SHOTS)
    run_ffmpeg(
        [
            *("-f", "lavfi", "-i", "sine=d=0.75:r=8000"),
            *("-filter_complex", f"{';'.join(shots)};{joined}concat=n=3[v]"),
            *("-map", "[v]", "-map", "0:a", "-c:v", "libx264", "-qp", "10"),
            *("-pix_fmt", "yuv420p", "-c:a", "aac", str(folder / "clip.mp4")),
        ],
        error=VideoWriteError,
        failed="test clip",
    )
    write_picture(folder / "painting.png", scene(2, 60, 50))
    return folder


@pytest.fixture
def here(originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with nothing but the inputs."""
    shutil.copytree(originals, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def vidstyle(here: Path) -> Run:
    """Run a command in this process."""

    def run(*arguments: str) -> Said:
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def interrupted(vidstyle: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Run a command that gets Ctrl-C once it has taken so many steps."""

    def run(*arguments: str, after: int) -> Said:
        step, left = BatchOptimization.step, iter(range(after))

        def step_or_stop(self: BatchOptimization) -> Any:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return step(self)

        with monkeypatch.context() as patched:
            patched.setattr(BatchOptimization, "step", step_or_stop)
            said = vidstyle(*arguments)
        assert said.code == 130, said.stderr
        return said

    return run
