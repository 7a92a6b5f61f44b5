"""The painter on made-up frames: which it paints when, from what, and what it keeps."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import partial
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_clip import SMALL_CLIP

from vidstyle.clip import frame_tasks, painter, reader
from vidstyle.clip.ingest import IngestState
from vidstyle.clip.lanes import Lane
from vidstyle.clip.prefetch import MotionEstimator
from vidstyle.clip.reader import ClipReader
from vidstyle.clip.region_masks import RegionMasks
from vidstyle.clip.regions import RegionPasses
from vidstyle.config import (
    EvolutionConfig,
    OptimizerName,
    StyleConfig,
    VideoConfig,
)
from vidstyle.errors import WorkDirError
from vidstyle.images import resize_frame, write_picture
from vidstyle.motion.flow import estimate_motions
from vidstyle.optimize import pyramid
from vidstyle.records import (
    Event,
    Frame,
    FrameReport,
    Motion,
    StepReport,
    TimedFrame,
    VideoInfo,
)
from vidstyle.stylize import Stylizer
from vidstyle.stylize.image import Paintings, read_paintings
from vidstyle.video.work_dir import FrameStore

pytestmark = pytest.mark.slow

HEIGHT, WIDTH = SMALL_CLIP.height, SMALL_CLIP.width
STEPS, NEXT_STEPS = 6, 4
CONFIG = VideoConfig(
    style=StyleConfig(network="slim", device="cpu", steps=STEPS, min_steps=99),
    next_steps=NEXT_STEPS,
    key_frames=1,
)


def scene(seed: int) -> Frame:
    """A smooth, colorful picture, wider than a frame."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 12, 3), np.uint8)
    return resize_frame(coarse, height=HEIGHT, width=2 * WIDTH)


def pan(seed: int, frames: int) -> list[Frame]:
    """A shot in which the camera moves by a pixel a frame."""
    return [
        np.ascontiguousarray(scene(seed)[:, at : at + WIDTH]) for at in range(frames)
    ]


class Painted:
    """One run over frames: its events, and its store."""

    def __init__(
        self, events: list[Event], found: IngestState, store: FrameStore
    ) -> None:
        self.found, self.store = found, store
        self.steps = [each for each in events if isinstance(each, StepReport)]
        self.finished = [each for each in events if isinstance(each, FrameReport)]

    def frames(self) -> list[Frame]:
        return [self.store.stylized(index) for index in self.store.painted()]

    def steps_of(self, frame: int) -> list[StepReport]:
        return [report for report in self.steps if report.frame == frame]


Paint = Callable[..., Painted]


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Stylizer:
    path = tmp_path_factory.mktemp("style") / "painting.png"
    write_picture(path, scene(99))
    return read_paintings(
        path, CONFIG.style, height=HEIGHT, width=WIDTH, listener=lambda _: None
    ).load(lambda _: None)


@pytest.fixture
def paint(
    tools: Stylizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Paint]:
    """Paint frames; in the same folder again, if it is given by the same name."""

    def run(
        frames: Sequence[Frame],
        config: VideoConfig = CONFIG,
        *,
        evolution: EvolutionConfig | None = None,
        folder: str = "work",
        listener: Callable[[Event], None] = lambda _: None,
        tools: Stylizer = tools,
        motion: MotionEstimator = estimate_motions,
    ) -> Painted:
        def read_frames(_: VideoInfo, **options: Any) -> Iterator[TimedFrame]:
            for index, frame in enumerate(frames):
                yield TimedFrame(index=index, time_s=index / 10, frame=frame)

        events: list[Event] = []

        def listen(event: Event) -> None:
            events.append(event)
            listener(event)

        monkeypatch.setattr(reader, "read_frames", read_frames)
        monkeypatch.setattr(reader.ClipReader, "state", "as it was")
        store = FrameStore(tmp_path / folder)
        store.open({})
        own = copy(tools)  # its paintings are measured already
        own.config = config.style
        masks = RegionMasks(
            regions=(),
            reader=ClipReader(SMALL_CLIP),
            config=config,
            store=store,
            motion=motion,
        )
        paintings = Paintings(
            paintings=own.paintings,
            config=config.style,
            size=(HEIGHT, WIDTH),
            times_s=(),
            regions=0,
        )
        passes = RegionPasses(paintings, masks, evolution)
        found, _ = passes.paint({}, listen, partial(passes.painter, own))
        return Painted(events, found, store)

    return run


def test_every_frame_is_painted_once_and_told(paint: Paint) -> None:
    done = paint(pan(1, 5))
    assert done.store.painted() == list(range(5))
    assert [report.frame for report in done.finished] == list(range(5))
    assert done.found.is_complete
    assert done.found.starts == [0]
    assert [report.frame for report in done.steps] == sorted(
        report.frame for report in done.steps
    )
    for report in done.finished:
        numbers = [each.step for each in done.steps_of(report.frame)]
        assert numbers == list(range(1, report.steps + 1))
    assert done.finished[-1].frames_known == 5
    assert done.finished[-1].all_known


def test_first_frames_take_more_steps_than_those_that_follow(paint: Paint) -> None:
    done = paint([*pan(1, 4), *pan(2, 4)])
    assert done.found.starts == [0, 4]
    steps = [report.steps for report in done.finished]
    assert steps[0] == steps[4] == STEPS
    assert {each.frame for each in done.steps if each.begins_shot} == {0, 4}
    assert done.finished[-1].shots_known == 2
    # More where less of the flow is trusted, twice as many at most.
    assert all(NEXT_STEPS <= steps[index] < 2 * NEXT_STEPS for index in (1, 2, 3))


def test_a_frame_with_nothing_new_ends_when_it_is_as_good_as_the_last(
    paint: Paint,
) -> None:
    config = replace(CONFIG, style=replace(CONFIG.style, steps=20), next_steps=20)
    still = [scene(1)] * 3
    taken = [report.steps for report in paint(still, config, folder="goal").finished]
    assert max(taken[1:]) < 15
    whole = replace(config, next_min_steps=20)
    assert [each.steps for each in paint(still, whole, folder="whole").finished] == (
        [20, 20, 20]
    )


def test_frames_that_follow_are_bound_to_their_predecessors(paint: Paint) -> None:
    done = paint([*pan(1, 3), *pan(2, 4)])
    last = [done.steps_of(index)[-1].losses["temporal"] for index in range(7)]
    assert last[0] == last[3] == 0
    assert all(last[index] > 0 for index in (1, 2, 4, 5, 6))
    free = paint(pan(1, 3), replace(CONFIG, temporal_weight=0), folder="free")
    assert "temporal" not in free.steps_of(2)[-1].losses


def test_frame_of_which_nothing_is_found_again_is_a_first_one(paint: Paint) -> None:
    def untrusted(*_: Frame, quality: str) -> tuple[Motion, Motion]:
        trusted = np.zeros((HEIGHT, WIDTH), np.float32)
        trusted[: HEIGHT // 5] = 1
        outside = np.full((HEIGHT, WIDTH, 2), 2 * WIDTH, np.float32)
        motion = Motion(flow_backward=outside, consistency=trusted)
        return motion, motion

    done = paint(pan(1, 3), motion=untrusted)
    assert done.found.starts == [0]
    assert [report.steps for report in done.finished] == 3 * [STEPS]
    assert {report.losses["temporal"] for report in done.steps} == {0}
    energies = done.store.facts(f"{frame_tasks.ENERGIES}-000001")
    assert set(energies or {}) == {"0", "1", "2"}


def difference(one: Frame, other: Frame) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def test_painting_moves_with_the_picture(paint: Paint) -> None:
    warped = paint(pan(1, 6))
    alone = paint(
        pan(1, 6),
        replace(CONFIG, next_init="random", temporal_weight=0, next_steps=STEPS),
        folder="alone",
    )

    def flicker(done: Painted) -> float:
        frames = done.frames()
        return max(
            difference(now[:, 8:-8], before[:, 9:-7])  # the camera went on by one
            for before, now in pairwise(frames)
        )

    assert flicker(warped) < 0.25 * flicker(alone)


def test_each_start_gives_other_pixels_the_same_each_time(paint: Paint) -> None:
    last = []
    for start in ("previous-warped", "previous", "content", "random"):
        config = replace(CONFIG, next_init=start)
        frames = paint(pan(1, 3), config, folder=start).frames()
        again = paint(pan(1, 3), config, folder=f"{start}-again").frames()
        assert np.array_equal(again, frames)
        last.append(frames[2])
    assert all(difference(one, other) for one, other in combinations(last, 2))


@pytest.mark.parametrize("next_init", ["previous", "content", "random"])
def test_flow_is_not_computed_for_nothing(paint: Paint, next_init: Any) -> None:
    for changes in ({"temporal_weight": 0}, {"next_steps": 0}):
        config = replace(CONFIG, next_init=next_init, **changes)
        done = paint(pan(1, 3), config, folder=str(changes), motion=pytest.fail)
        steps = [STEPS, config.next_steps, config.next_steps]
        assert [report.steps for report in done.finished] == steps


def test_shots_are_painted_beside_one_another(paint: Paint) -> None:
    done = paint([*pan(1, 5), *pan(2, 4)], replace(CONFIG, batch=2))
    assert done.store.painted() == list(range(9))
    finished = [report.frame for report in done.finished]
    assert [frame for frame in finished if frame < 5] == list(range(5))
    assert [frame for frame in finished if frame >= 5] == list(range(5, 9))
    assert finished != sorted(finished)


def test_one_shot_fills_a_batch_and_is_painted_as_one_by_one(
    paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, config = pan(1, 10), replace(CONFIG, key_frames=3, batch=3)
    for index in 1, 2, 4, 5:  # a part that no key frame shows
        frames[index][: HEIGHT // 2] = scene(2)[: HEIGHT // 2, :WIDTH]
    beside = paint(frames, config, folder="beside")
    busy = [step.frame for step in beside.steps]
    assert 1 in busy[busy.index(6) :]  # it begins before frame 1 is finished
    ready = Lane.ready
    monkeypatch.setattr(
        Lane, "ready", lambda lane, busy=(): None if busy else ready(lane)
    )
    alone = paint(frames, config, folder="alone")
    order = [report.frame for report in alone.finished]
    assert order == [0, 3, 1, 2, 6, 4, 5, 9, 7, 8]
    assert np.array_equal(beside.frames(), alone.frames())


def test_sources_are_deleted_once_they_are_painted(paint: Paint) -> None:
    store = paint([*pan(1, 5), *pan(2, 4)]).store
    kept = sorted(path.name for path in (store.work_dir / "source").iterdir())
    assert kept == ["000005.png", "000009.png"]  # the shots' last, which nobody follows
    assert len(list((store.work_dir / "paint").iterdir())) <= 2


class StoppedError(Exception):
    """The listener does not want any more."""


def stop_after(frames: int) -> Callable[[Event], None]:
    left = iter(range(frames))

    def listen(event: Event) -> None:
        if isinstance(event, FrameReport) and next(left, None) is None:
            raise StoppedError

    return listen


@pytest.mark.parametrize(("batch", "stops"), [(1, (0, 4)), (2, (1, 6))])
def test_run_that_goes_on_ends_in_the_same_pixels(
    paint: Paint, batch: int, stops: tuple[int, ...]
) -> None:
    frames, config = [*pan(1, 4), *pan(2, 4)], replace(CONFIG, batch=batch)
    shown = EvolutionConfig(frame=5)
    whole = paint(frames, config, evolution=shown, folder="whole")
    for stop in stops:
        name, stopping = f"stopped-{stop}", stop_after(stop)
        with pytest.raises(StoppedError):
            paint(frames, config, evolution=shown, listener=stopping, folder=name)
        rest = paint(frames, config, evolution=shown, folder=name)
        assert np.array_equal(rest.frames(), whole.frames())
        assert len(rest.finished) < 8
        learned = rest.store.evolution() or []
        assert np.array_equal(learned, whole.store.evolution() or [0])


@pytest.fixture
def climbing(monkeypatch: pytest.MonkeyPatch) -> VideoConfig:
    """Settings by which first frames are painted in three sizes."""
    monkeypatch.setattr(pyramid, "LEAST_SIDE", 16)
    return replace(CONFIG, style=replace(CONFIG.style, pyramid=3), batch=2)


@pytest.fixture
def climbing_tools(climbing: VideoConfig, tmp_path: Path) -> Stylizer:
    path = tmp_path / "painting.png"
    write_picture(path, scene(99))
    return read_paintings(
        path, climbing.style, height=HEIGHT, width=WIDTH, listener=lambda _: None
    ).load(lambda _: None)


def test_first_frames_are_painted_in_all_sizes_and_others_in_two(
    paint: Paint, climbing: VideoConfig, climbing_tools: Stylizer
) -> None:
    frames = [*pan(1, 4), *pan(2, 4)]
    done = paint(
        frames,
        climbing,
        tools=climbing_tools,
        evolution=EvolutionConfig(frame=4),
    )
    for index in range(8):
        levels = [report.level for report in done.steps_of(index)]
        is_first = index in {0, 4}
        rest = [2] * (len(levels) - 2)
        assert levels == ([1, 1, 1, 2, 2, 3] if is_first else [1, 1, *rest])
    assert [report.steps for report in done.finished if report.frame in {0, 4}] == [
        STEPS,
        STEPS,
    ]
    assert len(done.store.evolution() or []) > 2


def test_run_in_several_sizes_goes_on_in_the_same_pixels(
    paint: Paint, climbing: VideoConfig, climbing_tools: Stylizer
) -> None:
    frames = [*pan(1, 4), *pan(2, 4)]
    whole = paint(frames, climbing, tools=climbing_tools, folder="whole")
    with pytest.raises(StoppedError):
        paint(frames, climbing, tools=climbing_tools, listener=stop_after(2))
    rest = paint(frames, climbing, tools=climbing_tools)
    assert len(rest.finished) < 8
    assert np.array_equal(rest.frames(), whole.frames())


def stop_after_steps(steps: int) -> Callable[[Event], None]:
    left = iter(range(steps))

    def listen(event: Event) -> None:
        if isinstance(event, StepReport) and next(left, None) is None:
            raise StoppedError

    return listen


@pytest.mark.parametrize("name", ["lbfgs", "langevin"])
def test_frame_that_is_stopped_midway_goes_on_in_the_same_pixels(
    paint: Paint,
    climbing: VideoConfig,
    climbing_tools: Stylizer,
    monkeypatch: pytest.MonkeyPatch,
    *,
    tmp_path: Path,
    name: OptimizerName,
) -> None:
    frames = [*pan(1, 2), *pan(2, 2)]
    config = replace(climbing, style=replace(climbing.style, optimizer=name))
    paint = partial(paint, frames, config, tools=climbing_tools)
    whole = paint(folder="whole")
    monkeypatch.setattr(painter, "BEGUN_S", 0)
    monkeypatch.setattr(painter, "COST", 0)
    begun, runs, rest = tmp_path / "work" / "begun", 0, None
    while rest is None:
        with suppress(StoppedError):
            rest = paint(listener=stop_after_steps(9))
        runs += 1
        if runs == 1:  # the first shot's is damaged: it begins anew
            state = bytearray((begun / "000001.npz").read_bytes())
            state[len(state) // 2] ^= 255
            (begun / "000001.npz").write_bytes(state)
    # Of each nine a step is lost, and its neighbor's in the batch.
    assert 3 <= runs <= 2 + len(whole.steps) // 7
    assert np.array_equal(rest.frames(), whole.frames())
    assert not rest.store.begun()


def test_finished_run_has_nothing_to_do(paint: Paint) -> None:
    paint(pan(1, 3))
    again = paint(pan(1, 3))
    assert again.steps == []
    assert again.found.times_s == [0.0, 0.1, 0.2]


def unstepped(**settings: Any) -> VideoConfig:
    """Make settings with which no frame takes a step."""
    style = replace(CONFIG.style, steps=0, recolor=False)
    return replace(CONFIG, style=style, next_steps=0, **settings)


@pytest.mark.parametrize("batch", [1, 3])
def test_no_steps_leave_what_each_frame_starts_from(
    paint: Paint, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "vidstyle.stylize.style_bank.StyleBank.content", lambda _, frame, __: frame
    )
    frames = pan(1, 40) + pan(2, 5)  # more than may wait to be stored
    run = paint(frames, unstepped(next_init="content", batch=batch))
    assert run.steps == []
    assert [(report.frame, report.steps) for report in run.finished] == [
        (index, 0) for index in range(45)
    ]
    assert all(map(np.array_equal, run.frames(), frames))
    assert paint(frames, unstepped(next_init="content", batch=batch)).finished == []


def test_no_further_steps_carry_the_first_frame_along(paint: Paint) -> None:
    frames = pan(1, 4)
    run = paint(frames, replace(CONFIG, next_steps=0))
    assert len(run.steps) == STEPS
    first, *_, last = run.frames()
    moved = np.abs(last[:, : WIDTH - 3].astype(int) - first[:, 3:]).mean()
    assert moved < 4 < np.abs(last.astype(int) - first).mean()


def test_learning_without_a_step_is_before_and_after(paint: Paint) -> None:
    config = unstepped(next_init="content")
    config = replace(config, style=replace(config.style, init="random"))
    frames = pan(1, 2)
    store = paint(frames, config, evolution=EvolutionConfig()).store
    before, *_, after = store.evolution() or []
    assert np.array_equal(before, frames[0])
    assert np.array_equal(after, store.stylized(0))


def test_learning_of_the_first_frame_is_kept(paint: Paint) -> None:
    frames = pan(1, 3)
    store = paint(frames, evolution=EvolutionConfig()).store
    pictures = store.evolution() or []
    assert np.array_equal(pictures[0], frames[0])
    assert np.array_equal(pictures[-1], store.stylized(0))


def test_learning_of_a_chosen_frame_is_kept(paint: Paint) -> None:
    frames = pan(1, 3)
    store = paint(frames, evolution=EvolutionConfig(frame=2)).store
    pictures = store.evolution() or []
    assert np.array_equal(pictures[0], frames[2])
    assert np.array_equal(pictures[-1], store.stylized(2))


def test_learning_is_not_kept_unasked(paint: Paint) -> None:
    assert paint(pan(1, 2)).store.evolution() is None


@pytest.fixture
def tools_for(tmp_path: Path) -> Callable[..., Stylizer]:
    """Make tools with two paintings."""

    def make(config: StyleConfig, times_s: Sequence[float] = ()) -> Stylizer:
        paths = [tmp_path / f"{seed}.png" for seed in (98, 99)]
        for path in paths:
            write_picture(path, scene(int(path.stem)))
        return read_paintings(
            paths,
            config,
            height=HEIGHT,
            width=WIDTH,
            listener=lambda _: None,
            times_s=times_s,
        ).load(lambda _: None)

    return make


def test_paintings_fade_over_the_clip(
    paint: Paint, tools_for: Callable[..., Stylizer]
) -> None:
    config = replace(CONFIG, next_init="content", temporal_weight=0)

    def frames(times_s: tuple[float, ...], mix: tuple[float, ...], name: str) -> Any:
        style = replace(CONFIG.style, style_mix=mix)
        made = tools_for(style, times_s)
        return paint(pan(1, 5), config, folder=name, tools=made).frames()

    fading = frames((0.1, 0.3), (), "fading")  # ten frames a second
    first, last = frames((), (1, 0), "first"), frames((), (0, 1), "last")
    half = frames((), (1, 1), "half")
    assert np.array_equal(fading[:2], first[:2])
    # Content errors are divided by what those of the first frame's palette were.
    assert difference(fading[2], half[2]) < 0.5
    assert difference(fading[3], last[3]) < 0.5
    assert difference(fading[4], last[4]) < 0.5
    assert difference(first[2], last[2]) > 5


@pytest.mark.parametrize("keep_color", ["luminance", "histogram"])
def test_run_that_keeps_colors_and_fades_goes_on_in_the_same_pixels(
    paint: Paint, tools_for: Callable[..., Stylizer], keep_color: Any
) -> None:
    frames = pan(1, 5)
    made = tools_for(replace(CONFIG.style, keep_color=keep_color), (0, 0.5))
    whole = paint(frames, tools=made, folder="whole")
    with pytest.raises(StoppedError):
        paint(frames, tools=made, listener=stop_after(2))
    rest = paint(frames, tools=made)
    assert np.array_equal(rest.frames(), whole.frames())
    assert len(rest.finished) < 5


def test_every_frame_keeps_the_chroma_of_its_source(
    paint: Paint, tools_for: Callable[..., Stylizer]
) -> None:
    made = tools_for(replace(CONFIG.style, keep_color="luminance"))
    sources = [pale.astype(np.uint8) for pale in np.array(pan(1, 3)) // 8 + 112]
    done = paint(sources, tools=made, evolution=EvolutionConfig(frame=1))
    for source, painted in zip(sources, done.frames(), strict=True):
        change = painted.astype(int) - source
        assert np.ptp(change, axis=2).max() <= 1
        assert np.abs(change).mean() > 1
    learned = done.store.evolution() or []
    assert all(
        np.ptp(each.astype(int) - sources[1], axis=2).max() <= 1 for each in learned
    )


def test_failure_to_store_ends_the_run(
    paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise WorkDirError("full.")

    monkeypatch.setattr(FrameStore, "put_stylized", refuse)
    with pytest.raises(WorkDirError, match="full"):
        paint(pan(1, 40))
