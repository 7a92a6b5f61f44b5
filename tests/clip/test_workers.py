"""Shots painted by other processes: the same pixels, whatever happens to them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from listening import Listened
from pictures import scene

from vidstyle.clip import painter, spread
from vidstyle.clip.frame_tasks import FrameOptimizer
from vidstyle.clip.painter import PaintStep
from vidstyle.clip.pipeline import stylize_video
from vidstyle.clip.plan import plan_video
from vidstyle.clip.prefetch import PrefetchedFrame
from vidstyle.clip.workers import SEND_S, Workers, several
from vidstyle.config import EvolutionConfig, Region, StyleConfig, VideoConfig
from vidstyle.errors import (
    ConfigError,
    DependencyError,
    InputError,
    OptimizationError,
    WorkDirError,
)
from vidstyle.images import read_picture, write_picture
from vidstyle.records import Event, FrameReport
from vidstyle.video.work_dir import FrameStore

pytestmark = pytest.mark.slow

SHOTS, LENGTH, KEY = 4, 5, 2
CONFIG = VideoConfig(
    style=StyleConfig(network="slim", device="cpu", steps=3, min_steps=9),
    next_steps=2,
    key_frames=KEY,
)
Run = Callable[..., Listened]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of some shots, its painting, and how one process paints it."""
    folder = tmp_path_factory.mktemp("workers")
    (folder / "clip").mkdir()
    write_picture(folder / "painting.png", scene(9))
    for index in range(SHOTS * LENGTH):
        write_picture(folder / "clip" / f"{index}.png", scene(index // LENGTH))
    stylize_video(
        folder / "clip",
        folder / "painting.png",
        folder / "alone",
        config=CONFIG,
        evolution_output=folder / "alone.gif",
        evolution=EvolutionConfig(frame=7),
    )
    return folder


@pytest.fixture(scope="module")
def crew() -> Iterator[Workers]:
    """Two processes, for all tests here: it takes seconds to start them."""
    pytest.importorskip("ray", reason="Ray is not installed")
    # Ray's own is 15: beside other tests, they would hardly get on.
    os.environ.setdefault("RAY_worker_niceness", "0")
    with Workers("2") as workers:
        yield workers


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Run:
    def run(workers: str | None = "2", **options: Any) -> Listened:
        heard = options.pop("listener", None) or Listened()
        stylize_video(
            folder / "clip",
            folder / "painting.png",
            tmp_path / "out",
            **{"config": CONFIG, "listener": heard, "workers": workers, **options},
        )
        return heard

    return run


def finished(heard: Listened) -> list[FrameReport]:
    return [event for event in heard if isinstance(event, FrameReport)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_same(folder: Path, tmp_path: Path) -> None:
    assert contents(folder / "alone") == contents(tmp_path / "out")
    assert not (tmp_path / "out.vidstyle").exists()


def test_pixels_are_those_of_one_process(
    crew: Workers, run: Run, folder: Path, tmp_path: Path
) -> None:
    gif = tmp_path / "out.gif"
    heard = run(evolution_output=gif, evolution=EvolutionConfig(frame=7))
    assert_same(folder, tmp_path)
    assert gif.read_bytes() == (folder / "alone.gif").read_bytes()
    frames = [report.frame for report in finished(heard)]
    assert sorted(frames) == list(range(SHOTS * LENGTH))
    assert finished(heard)[-1].shots_known == SHOTS
    assert all(report.losses["style"] > 0 for report in heard.steps)


def test_files_are_handed_back_where_no_directory_is_shared(
    crew: Workers,
    run: Run,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spread, "SHARED", "unknown")  # to the workers, that is
    gif = tmp_path / "out.gif"
    run(evolution_output=gif, evolution=EvolutionConfig(frame=7))
    assert_same(folder, tmp_path)
    assert gif.read_bytes() == (folder / "alone.gif").read_bytes()


@pytest.mark.parametrize("frames", [(0, LENGTH), (0, 2 * LENGTH)])
def test_last_shot_of_a_loop_ends_in_the_first_frame(
    crew: Workers, run: Run, tmp_path: Path, frames: tuple[int, int]
) -> None:
    made = []
    for workers in (None, "2"):
        run(workers, config=replace(CONFIG, frames=frames, loop=True), overwrite=True)
        made.append(contents(tmp_path / "out"))
    assert made[0] == made[1]


@pytest.mark.parametrize("first", [None, "2"])
def test_one_process_and_several_go_on_from_one_another(
    crew: Workers, run: Run, folder: Path, tmp_path: Path, first: str | None
) -> None:
    done = []

    def stop(event: Event) -> None:
        done.extend([event] if isinstance(event, FrameReport) else [])
        if len(done) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(first, listener=stop)
    kept = len(FrameStore(tmp_path / "out.vidstyle").painted())
    assert kept > 0
    heard = run(None if first else "2")
    assert len(finished(heard)) == SHOTS * LENGTH - kept
    assert_same(folder, tmp_path)


@pytest.mark.usefixtures("crew")
@pytest.mark.parametrize("known", ["shared", "unknown"])
def test_killed_workers_lose_nothing(
    run: Run,
    folder: Path,
    tmp_path: Path,
    known: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Mortal(FrameOptimizer):
        def run(self, frames: Iterator[PrefetchedFrame | None]) -> Iterator[PaintStep]:
            for step in super().run(frames):
                yield step
                death = tmp_path / f"death-{step.frame.index}"
                if step.frame.index in {2, 6, 13} and not death.exists():
                    death.touch()
                    os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(spread, "SHARED", known)
    heard = run(make_painter=Mortal)
    assert len(list(tmp_path.glob("death-*"))) == 3
    assert sorted(report.frame for report in finished(heard)) == list(
        range(SHOTS * LENGTH)
    )
    assert_same(folder, tmp_path)


def test_begun_frame_and_recording_are_handed_back(
    crew: Workers, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mortal(FrameOptimizer):
        """Dies in the second key frame, once it has sent a checkpoint."""

        def run(self, frames: Iterator[PrefetchedFrame | None]) -> Iterator[PaintStep]:
            death = tmp_path / "death"
            if not death.exists():
                painter.BEGUN_S = painter.COST = 0
            for step in super().run(map(self._seen, frames)):
                yield step
                if step.frame.index == KEY and not death.exists():
                    for _ in range(2):  # the next message has it, and arrives
                        time.sleep(2 * SEND_S)
                        yield step
                    death.touch()
                    os.kill(os.getpid(), signal.SIGKILL)

        def _seen(self, frame: PrefetchedFrame | None) -> PrefetchedFrame | None:
            if frame is not None and frame.index == KEY and frame.begun():
                (tmp_path / "resumed").touch()
            return frame

    config = replace(CONFIG, frames=(0, LENGTH))
    made = []
    for workers, dies in ((None, False), ("2", True)):
        run(
            workers,
            config=config,
            overwrite=True,
            evolution_output=tmp_path / "out.gif",
            make_painter=Mortal if dies else FrameOptimizer,
        )
        made.append(contents(tmp_path / "out"))
        made.append({"gif": (tmp_path / "out.gif").read_bytes()})
        monkeypatch.setattr(spread, "SHARED", "unknown")
    assert (tmp_path / "resumed").exists()
    assert made[:2] == made[2:]


@pytest.mark.usefixtures("crew")
@pytest.mark.parametrize("known", ["shared", "unknown"])
def test_regions_are_painted_by_workers_too(
    run: Run,
    folder: Path,
    tmp_path: Path,
    known: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spread, "SHARED", known)
    mask = np.zeros((*read_picture(folder / "painting.png").shape[:2], 3), np.uint8)
    mask[:, : mask.shape[1] // 2] = 255
    write_picture(tmp_path / "mask.png", mask)
    options = {"regions": [Region(tmp_path / "mask.png", folder / "clip" / "9.png")]}
    made = []
    for workers in (None, "2"):
        run(workers, overwrite=True, **options)
        made.append(contents(tmp_path / "out"))
    assert made[0] == made[1]
    assert len(made[0]) == SHOTS * LENGTH


def test_several_runs_go_on_at_once(
    crew: Workers, folder: Path, tmp_path: Path
) -> None:
    def paint(name: str) -> None:
        clip, style, out = folder / "clip", folder / "painting.png", tmp_path / name
        stylize_video(clip, style, out / "out", config=CONFIG, workers="2")

    names = ["a", "b"]
    for name in names:
        (tmp_path / name).mkdir()
    with several("2") as each:
        list(each(paint, names))
    for name in names:
        assert_same(folder, tmp_path / name)


def test_plan_divides_the_time_by_the_workers(
    crew: Workers, folder: Path, tmp_path: Path
) -> None:
    inputs = folder / "clip", folder / "painting.png", tmp_path / "out"
    plan = plan_video(*inputs, config=CONFIG, workers="2")
    assert (plan.shots, plan.workers) == (SHOTS, 2)
    assert any(line.endswith("by 2 workers") for line in plan.lines())
    assert plan.seconds > SHOTS / 2 * plan.first_frame_s


def test_what_fails_three_times_is_said_once(crew: Workers, run: Run) -> None:
    class Failing(FrameOptimizer):
        def run(self, frames: Iterator[PrefetchedFrame | None]) -> Iterator[PaintStep]:
            raise WorkDirError("the disk is full.")

    class Broken(FrameOptimizer):
        def run(self, frames: Iterator[PrefetchedFrame | None]) -> Iterator[PaintStep]:
            raise RuntimeError("it is broken")

    with pytest.raises(WorkDirError, match=r"^the disk is full\.$"):
        run(make_painter=Failing)
    words = "frames [0-9]+ to [0-9]+ failed 3 times on workers: RuntimeError: it is"
    with pytest.raises(OptimizationError, match=f"^{words} broken$"):
        run(make_painter=Broken)


def test_machine_that_differs_is_named(
    crew: Workers, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_first = Workers.ask

    def other(self: Workers, *arguments: Any) -> dict[str, Any]:
        self.facts = ask_first(self, *arguments) | {"versions": "vidstyle 0.0"}
        return self.facts

    monkeypatch.setattr(Workers, "ask", other)
    with pytest.raises(InputError, match=r"^workers differ: .* has .*0\.1.*0\.0"):
        run()


def test_mistakes_are_told_before_the_work(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="give either workers or"):
        run(config=replace(CONFIG, method="network"))
    for where in ("0", "everywhere"):
        with pytest.raises(
            ConfigError, match=f"^workers is '{where}'; it must be local"
        ):
            run(where)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DependencyError, match=r"pip install 'vidstyle\[ray\]'"):
        run()


@pytest.mark.parametrize("kind", [ConnectionError, Exception])  # Ray raises both
def test_unreachable_cluster_is_one_sentence(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed")

    def init(**_: object) -> None:
        raise kind("ray client connection\n timeout")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    words = "^cannot work with the Ray cluster at ray://there:1: ray client connection"
    with pytest.raises(InputError, match=f"{words} timeout$"), Workers("ray://there:1"):
        pass


def test_ray_is_imported_for_workers_only() -> None:
    code = "import sys, vidstyle.clip.pipeline; sys.exit('ray' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603
