"""The reading thread, on a reader that is made up: how far it goes, how it ends."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_clip import SMALL_CLIP

from vidstyle.clip import ingest
from vidstyle.clip import reader as clip_reader
from vidstyle.clip.ingest import Ingest, IngestState
from vidstyle.clip.reader import ClipReader
from vidstyle.color import Mask, color_statistics
from vidstyle.config import VideoConfig
from vidstyle.errors import ConfigError, VideoOpenError, WorkDirError
from vidstyle.images import resize_frame
from vidstyle.records import Frame, TimedFrame, VideoInfo
from vidstyle.video.work_dir import FrameStore

FPS = 10
AHEAD = 6
SOON_S = 60
"""In which a thread does what it is to do, however busy the machine is."""
CLIP = replace(SMALL_CLIP, height=16, width=24, fps=Fraction(FPS))
READER = ClipReader(CLIP)


def noise(seed: int) -> Frame:
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), np.uint8)
    return resize_frame(coarse, height=16, width=24)


class Reader:
    """Stands in for ``read_frames``: shots of still pictures, without an end."""

    def __init__(self, *, frames: int = 10**6, shot: int = 10**6) -> None:
        self.frames, self.shot = frames, shot
        self.read = 0
        self.error: Exception | None = None
        self.warning: str | None = None
        self.start_s = 0.0

    def __call__(
        self, _: VideoInfo, *, on_warning: Callable[[str], None], **options: Any
    ) -> Iterator[TimedFrame]:
        for index in range(self.frames):
            self.read += 1
            time_s = self.start_s + index / FPS
            frame = noise(index // self.shot)
            yield TimedFrame(index=index, time_s=time_s, frame=frame)
        if self.warning is not None:
            on_warning(self.warning)
        if self.error is not None:
            raise self.error


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    reader = Reader()
    monkeypatch.setattr(clip_reader, "read_frames", reader)
    monkeypatch.setattr(ClipReader, "state", "as it was")
    monkeypatch.setattr(ingest, "AHEAD", AHEAD)
    return reader


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    store = FrameStore(tmp_path / "work")
    store.open({})
    return store


def begin(store: FrameStore, **settings: Any) -> Ingest:
    return Ingest(READER, VideoConfig(**settings), store, height=16, width=24)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def all_of(reading: Ingest) -> IngestState:
    """Take what is read as fast as it comes."""
    while True:
        found = reading.poll(painted=0, open_lanes=0, wait=True)
        if found.is_complete:
            return found


def stored(store: FrameStore) -> list[int]:
    return sorted(
        int(path.stem) - 1 for path in (store.work_dir / "source").glob("*.png")
    )


def test_everything_is_read_and_known(reader: Reader, store: FrameStore) -> None:
    reader.frames, reader.shot, reader.start_s = 12, 5, 0.3
    with begin(store) as reading:
        found = all_of(reading)
    assert found.starts == [0, 5, 10]
    assert found.certain == 12
    assert found.first == 0
    assert found.times_s == [0.3 + index / FPS for index in range(12)]
    assert found.end_s == pytest.approx(0.3 + 12 / FPS)
    assert found.warnings == []
    assert stored(store) == list(range(12))
    for index, color in enumerate(found.colors):
        expected = color_statistics(noise(index // 5))
        assert np.allclose(color.mean, expected.mean)
        assert np.array_equal(store.source(index), noise(index // 5))


def test_frames_are_stored_in_the_size_asked_for(
    reader: Reader, store: FrameStore
) -> None:
    reader.frames = 1
    with Ingest(READER, VideoConfig(), store, height=11, width=17) as reading:
        all_of(reading)
    assert store.source(0).shape == (11, 17, 3)


@pytest.mark.parametrize(
    ("settings", "taken", "end_s"),
    [
        ({"frames": (3, 8)}, range(3, 8), 2.8),
        ({"frames": (9, None)}, range(9, 12), 3.2),
        ({"start_s": 0.35}, range(4, 12), 3.2),
        ({"start_s": 0.4}, range(4, 12), 3.2),  # on the clip's own clock, from 2.0
        ({"duration_s": 0.5}, range(5), 2.5),
        ({"start_s": 0.15, "duration_s": 0.3}, range(2, 5), 2.5),
    ],
)
def test_range_is_taken(
    reader: Reader,
    store: FrameStore,
    settings: dict[str, Any],
    taken: range,
    end_s: float,
) -> None:
    reader.frames, reader.shot, reader.start_s = 12, 6, 2.0
    with begin(store, **settings) as reading:
        found = all_of(reading)
    assert found.first == taken.start
    assert found.times_s == [2.0 + index / FPS for index in taken]
    assert found.end_s == pytest.approx(end_s)
    assert found.certain == taken.stop
    assert stored(store) == list(taken)
    # A single frame of the other shot is no shot, but a flash.
    is_cut = taken.start < 6 < taken.stop - 1
    assert found.starts == ([taken.start, 6] if is_cut else [taken.start])


def test_nothing_is_read_past_the_end_of_the_range(
    reader: Reader, store: FrameStore
) -> None:
    with begin(store, frames=(2, 5)) as reading:
        all_of(reading)
    assert reader.read == 6


@pytest.mark.parametrize("settings", [{"frames": (12, 14)}, {"start_s": 9.0}])
def test_range_without_a_frame_is_an_error(
    reader: Reader, store: FrameStore, settings: dict[str, Any]
) -> None:
    reader.frames = 12
    match = r"clip.mp4 has no frame in the requested range \(12 frames read\)"
    with begin(store, **settings) as reading, pytest.raises(ConfigError, match=match):
        all_of(reading)


def test_range_beyond_the_end_is_told_once(reader: Reader, store: FrameStore) -> None:
    reader.frames = 12
    with begin(store, frames=(10, 20)) as reading:
        found = all_of(reading)
        assert found.warnings == [
            "clip.mp4 has only 12 frames; painting 10:12 instead of 10:20."
        ]
        assert all_of(reading).warnings == []


def test_reading_stops_when_enough_waits(reader: Reader, store: FrameStore) -> None:
    with begin(store) as reading:

        def known(painted: int) -> int:
            return reading.poll(painted=painted, open_lanes=1, wait=False).certain

        wait_until(lambda: known(painted=0) == AHEAD)
        time.sleep(0.05)
        assert known(painted=0) == AHEAD
        wait_until(lambda: known(painted=3) == AHEAD + 3)
        time.sleep(0.05)
        assert known(painted=3) == AHEAD + 3
        assert stored(store) == list(range(AHEAD + 3))


def test_reading_goes_on_for_shots_to_fill_the_batch(
    reader: Reader, store: FrameStore
) -> None:
    reader.shot = 4
    with begin(store, batch=3) as reading:

        def poll(lanes: int) -> IngestState:
            return reading.poll(painted=0, open_lanes=lanes, wait=False)

        def rests() -> bool:
            before = poll(lanes=3).certain
            time.sleep(0.05)
            return poll(lanes=3).certain == before

        wait_until(lambda: len(poll(lanes=2).starts) >= 3)
        wait_until(rests)
        assert poll(lanes=3).certain > 8 > AHEAD


def test_painter_without_work_gets_more(reader: Reader, store: FrameStore) -> None:
    with begin(store) as reading:
        for _ in range(3 * AHEAD):
            before = reading.poll(painted=0, open_lanes=1, wait=False).certain
            found = reading.poll(painted=0, open_lanes=1, wait=True)
        assert found.certain > before
        assert found.certain > AHEAD


def test_what_is_there_is_not_waited_for(reader: Reader, store: FrameStore) -> None:
    """New frames may have come since the painter last looked."""
    reader.frames = 3
    with begin(store) as reading:
        wait_until(lambda: reader.read == 3)
        assert all_of(reading).certain == 3
        assert reading.poll(painted=0, open_lanes=0, wait=True).is_complete


@pytest.mark.parametrize(("key_frames", "first"), [(1, 3), (2, 2), (8, 0)])
def test_painted_frames_are_passed_over(
    reader: Reader, store: FrameStore, key_frames: int, first: int
) -> None:
    reader.frames = 12
    for index in (0, 1, 2, 3, 6):
        store.put_stylized(index, noise(0))
    with begin(store, key_frames=key_frames) as reading:
        found = all_of(reading)
    # 3 is needed for the motion to 4, and 6 for that to 7; more with key frames.
    assert stored(store) == [*range(first, 12)]
    assert len(found.colors) == 12


def test_painted_frames_do_not_count_as_waiting(
    reader: Reader, store: FrameStore
) -> None:
    for index in range(20):
        store.put_stylized(index, noise(0))
    with begin(store) as reading:

        def known() -> int:
            return reading.poll(painted=0, open_lanes=1, wait=False).certain

        wait_until(lambda: known() == 20 + AHEAD)
        time.sleep(0.05)
        assert known() == 20 + AHEAD


def test_short_disk_is_an_error_only_to_a_painter_without_work(
    reader: Reader, store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [10**12]
    monkeypatch.setattr(FrameStore, "free_bytes", lambda _: free[0])
    with begin(store) as reading:
        wait_until(
            lambda: reading.poll(painted=0, open_lanes=1, wait=False).certain == AHEAD
        )
        free[0] = 10**6
        assert reading.poll(painted=2, open_lanes=1, wait=False).certain == AHEAD
        time.sleep(0.05)
        assert reading.poll(painted=2, open_lanes=1, wait=False).certain == AHEAD
        free[0] = 10**12  # somebody tidied up
        wait_until(
            lambda: reading.poll(painted=2, open_lanes=1, wait=False).certain > AHEAD
        )
        free[0] = 10**6
        with pytest.raises(WorkDirError, match="less than 200 MiB are free in "):
            all_of(reading)


@pytest.mark.parametrize("wait", [True, False])
def test_error_of_the_thread_reaches_the_painter(
    reader: Reader, store: FrameStore, wait: bool
) -> None:
    reader.frames, reader.error = 2, VideoOpenError("broken.")

    def look_on(reading: Ingest) -> None:
        deadline = time.monotonic() + SOON_S
        while time.monotonic() < deadline:
            reading.poll(painted=0, open_lanes=0, wait=wait)

    with begin(store) as reading, pytest.raises(VideoOpenError, match="broken"):
        look_on(reading)


def test_error_of_the_store_reaches_the_painter(
    reader: Reader, store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise WorkDirError("full.")

    monkeypatch.setattr(FrameStore, "put_source", refuse)
    with begin(store) as reading, pytest.raises(WorkDirError, match="full"):
        all_of(reading)


def test_warning_of_the_reader_reaches_the_painter_once(
    reader: Reader, store: FrameStore
) -> None:
    reader.frames, reader.warning = 2, "torn."
    warnings: list[str] = []
    with begin(store) as reading:
        while not (
            found := reading.poll(painted=0, open_lanes=0, wait=True)
        ).is_complete:
            warnings += found.warnings
        assert [*warnings, *found.warnings] == ["torn."]
        assert all_of(reading).warnings == []


@pytest.mark.parametrize("settings", [{}, {"frames": (10**6 - 1, None)}])
def test_leaving_stops_the_thread(
    reader: Reader, store: FrameStore, settings: dict[str, Any]
) -> None:
    """Whether it waits for room, or skips what was not asked for."""
    with begin(store, **settings):
        wait_until(lambda: reader.read > AHEAD)
    read = reader.read
    assert read < 10**6
    assert "ingest" not in {thread.name for thread in threading.enumerate()}
    time.sleep(0.02)
    assert reader.read == read


def test_colors_are_those_of_the_region_while_it_is_there(
    reader: Reader, store: FrameStore
) -> None:
    reader.frames = 4
    left = np.zeros((16, 24), np.float32)
    left[:, :8] = 1

    def mask(index: int) -> Mask:
        return left if index in {1, 3} else 0 * left

    with Ingest(
        READER, VideoConfig(), store, height=16, width=24, mask=mask
    ) as reading:
        found = all_of(reading)
    assert found.is_seen == [False, True, False, True]
    wanted = [color_statistics(noise(0)), color_statistics(noise(0)[:, :8])]
    for index, colors in enumerate(found.colors):
        np.testing.assert_allclose(colors.mean, wanted[index % 2].mean)
    assert [found.shows(index) for index in range(4)] == found.is_seen
    assert not any(found.follows(index, 0) for index in range(4))
    with begin(store) as reading:
        found = all_of(reading)
    assert [found.follows(index, 0) for index in range(4)] == [False, True, True, True]


def test_interrupt_while_the_lock_is_taken_does_not_keep_it(
    reader: Reader, store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_lock, about_to_ask = threading.Event(), threading.Event()

    def take_time() -> int:  # the caller's thread begins to wait for the lock
        in_lock.set()
        about_to_ask.wait(SOON_S)
        time.sleep(0.1)
        return 10**12

    def interrupt(*_: object) -> None:  # it has the lock, but not the interpreter
        os.kill(os.getpid(), signal.SIGINT)
        until = time.monotonic() + 0.05
        while time.monotonic() < until:
            pass
        raise OSError("that will do")

    monkeypatch.setattr(store, "free_bytes", take_time)
    monkeypatch.setattr(ingest.ShotDetector, "push", interrupt)
    before, interval = signal.getsignal(signal.SIGINT), sys.getswitchinterval()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.setswitchinterval(1)
    reading = begin(store).__enter__()

    def ask() -> None:
        about_to_ask.set()
        reading.poll(painted=0, open_lanes=0, wait=True)

    try:
        in_lock.wait(SOON_S)
        with pytest.raises(KeyboardInterrupt):
            ask()
    finally:
        sys.setswitchinterval(interval)
        signal.signal(signal.SIGINT, before)
    ending = threading.Thread(target=reading.__exit__, args=(None,) * 3, daemon=True)
    ending.start()
    ending.join(SOON_S)
    assert not ending.is_alive()
