"""A clip that fades, painted: its light is the source's, and black stays black."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from listening import Listened
from pictures import scene

from vidstyle.clip import pipeline
from vidstyle.clip.ingest import Ingest, IngestState
from vidstyle.clip.lanes import Turn
from vidstyle.clip.prefetch import Prefetcher
from vidstyle.clip.preview import preview_video
from vidstyle.clip.reader import open_reader
from vidstyle.clip.results import StylizedFrames
from vidstyle.config import EvolutionConfig, Region, StyleConfig, VideoConfig
from vidstyle.images import read_picture, write_picture
from vidstyle.motion.fades import Light
from vidstyle.records import Event, Frame, FrameReport
from vidstyle.video.work_dir import FrameStore

pytestmark = pytest.mark.slow

stylize_video = partial(pipeline.stylize_video, overwrite=True)

HEIGHT, WIDTH = 32, 48
FEW = VideoConfig(
    style=StyleConfig(network="slim", device="cpu", steps=3, min_steps=9),
    next_steps=2,
    key_frames=1,
)
UP = [0, 0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1, 1]
CURVE = [*UP, *UP[:0:-1]]
"""Of the light."""

MakeFading = Callable[..., list[Frame]]


@pytest.fixture
def fading(tmp_path: Path) -> MakeFading:
    """Make a clip, a folder of pictures, and a painting."""

    def make(color: int, curve: Sequence[float] = CURVE) -> list[Frame]:
        (tmp_path / "clip").mkdir()
        write_picture(tmp_path / "painting.png", scene(9))
        wide, frames = scene(1, HEIGHT, WIDTH + 2 * len(curve)), []
        for index, gain in enumerate(curve):
            shown = wide[:, 2 * index : 2 * index + WIDTH]
            frames.append(Light(index, gain, color, index).dim(shown))
            write_picture(tmp_path / "clip" / f"{index:02d}.png", frames[-1])
        return frames

    return make


def paint(folder: Path, name: str = "out", **options: object) -> list[Frame]:
    options = {"style": folder / "painting.png", "config": FEW, **options}
    stylize_video(folder / "clip", output=folder / name, **options)
    return [read_picture(path) for path in sorted((folder / name).iterdir())]


@pytest.mark.parametrize("color", [0, 255])
def test_stylized_frames_fade_as_the_scene_does(
    fading: MakeFading, tmp_path: Path, color: int
) -> None:
    sources, heard = fading(color), Listened()
    stylized = paint(tmp_path, listener=heard)

    full = abs(stylized[10].mean() - color)
    for source, frame, gain in zip(sources, stylized, CURVE, strict=True):
        if gain == 0:
            assert np.array_equal(frame, source)
        assert abs(frame.mean() - color) == pytest.approx(full * gain, abs=5)
    painted = {report.frame for report in heard.steps}
    assert painted == {index for index, gain in enumerate(CURVE) if gain}


def test_interrupted_fade_ends_in_the_same_pixels(
    fading: MakeFading, tmp_path: Path
) -> None:
    fading(0)
    whole = paint(tmp_path, "whole")

    for last in (4, 18):

        def interrupt(event: Event, last: int = last) -> None:
            if isinstance(event, FrameReport) and event.frame == last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            paint(tmp_path, "torn", listener=interrupt)
    assert (tmp_path / "torn.vidstyle" / "stylized" / "000018.png").exists()
    torn = paint(tmp_path, "torn")
    assert all(map(np.array_equal, torn, whole))


def read_all(folder: Path) -> tuple[FrameStore, IngestState]:
    store = FrameStore(folder / "work")
    store.open({})
    reader = open_reader(folder / "clip", FEW)
    with Ingest(reader, FEW, store, height=HEIGHT, width=WIDTH) as reading:
        while not (
            found := reading.poll(painted=0, open_lanes=0, wait=True)
        ).is_complete:
            assert all(
                store.source(index).any() for index in range(2, found.certain - 1)
            )
    return store, found


def test_paint_of_dimmer_frames_is_reused_less(
    fading: MakeFading, tmp_path: Path
) -> None:
    fading(0)
    store, found = read_all(tmp_path)
    prefetcher = Prefetcher(store, FEW, Mock())
    # Frame 3 shows the scene of frame 4.
    for index, most in ((4, 1), (5, 0.5), (6, 2 / 3), (9, 1), (14, 1), (17, 1)):
        (origin,) = prefetcher.take(Turn(index, 2, index - 1), found).origins
        assert origin.seen_again.max() == pytest.approx(most, abs=0.02)


def test_painter_sees_full_light_only(fading: MakeFading, tmp_path: Path) -> None:
    fading(0)
    store, found = read_all(tmp_path)
    light = [store.source(index).mean() for index in range(2, 20)]
    assert light == pytest.approx([light[7]] * 18, rel=0.1)
    for held, shown in ((2, 4), (3, 4), (18, 17), (19, 17)):
        assert np.array_equal(store.source(held), store.source(shown))
    assert found.is_seen == [gain > 0 for gain in CURVE]
    colors = [each.mean.mean() * 255 for each in found.colors[2:20]]
    assert colors == pytest.approx(light)
    store.put_stylized(4, store.source(4))
    dimmed = StylizedFrames(store, found).at(4)
    assert np.abs(dimmed.astype(int) - read_picture(tmp_path / "clip/04.png")).max() < 2


def test_black_between_two_scenes_is_left_and_ends_what_is_before(
    fading: MakeFading, tmp_path: Path
) -> None:
    sources = fading(0, [1, 1, 0, 1, 1])
    heard = Listened()
    stylized = paint(tmp_path, listener=heard)
    assert np.array_equal(stylized[2], sources[2])
    steps = {
        frame: sum(each.frame == frame for each in heard.steps) for frame in (3, 4)
    }
    assert steps == {3: FEW.style.steps, 4: FEW.next_steps}


def test_regions_fade_and_what_is_in_none_stays(
    fading: MakeFading, tmp_path: Path
) -> None:
    sources = fading(0)
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask[:, : WIDTH // 2] = 255
    write_picture(tmp_path / "left.png", mask)
    region = Region(tmp_path / "left.png", tmp_path / "painting.png")
    stylized = paint(tmp_path, style=[], regions=[region])
    full = stylized[10][:, :20].mean()
    for source, frame, gain in zip(sources, stylized, CURVE, strict=True):
        assert frame[:, :20].mean() == pytest.approx(full * gain, abs=10)
        if gain > 0.1:
            right = frame[:, 30:].astype(int) - source[:, 30:]
            assert np.abs(right).mean() < 2
        if gain == 0:
            assert np.array_equal(frame, source)


def test_gif_shows_how_the_first_picture_is_learned(
    fading: MakeFading, tmp_path: Path
) -> None:
    fading(0)
    store = tmp_path / "kept"

    def interrupt(event: Event) -> None:
        if isinstance(event, FrameReport) and event.frame == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paint(
            tmp_path,
            listener=interrupt,
            work_dir=store,
            evolution=EvolutionConfig(),
            evolution_output=tmp_path / "out.gif",
        )
    learned = FrameStore(store).evolution()
    assert learned is not None
    assert len(learned) > 1
    assert min(picture.mean() for picture in learned) > 50


def test_preview_leaves_black_as_it_is(fading: MakeFading, tmp_path: Path) -> None:
    fading(0, [0, 1, 1])
    heard = Listened()
    config = replace(FEW, style=replace(FEW.style, long_side=WIDTH))
    preview_video(
        tmp_path / "clip",
        tmp_path / "painting.png",
        tmp_path / "sheet.png",
        config=config,
        listener=heard,
    )
    assert {report.frame for report in heard.steps} == {1, 2}
