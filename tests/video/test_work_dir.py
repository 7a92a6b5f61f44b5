"""Long work is safe work: what a killed run leaves, and who may go on with it."""

import contextlib
import errno
import json
import os
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from vidstyle.errors import WorkDirError
from vidstyle.records import Frame, Paint
from vidstyle.video.work_dir import LOCK, MANIFEST, NEWEST, FrameStore

RUN = {"clip": "a.mp4", "steps": 30, "layers": [("relu4_2", 1.0)], "weights": None}


def noise(seed: int) -> Frame:
    return np.random.default_rng(seed).integers(0, 256, (18, 32, 3), np.uint8)


def files_in(folder: Path) -> list[str]:
    copies = {NEWEST, f".{MANIFEST}"}
    found = (
        path for path in folder.rglob("*") if path.is_file() and path.name not in copies
    )
    return sorted(str(path.relative_to(folder)) for path in found)


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    store = FrameStore(tmp_path / "work")
    assert not store.open(RUN)
    return store


def full_disk(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_frames_come_back_as_they_went_in(store: FrameStore) -> None:
    store.put_source(0, noise(0))
    store.put_stylized(0, noise(1))
    assert np.array_equal(store.source(0), noise(0))
    assert np.array_equal(store.stylized(0), noise(1))


def test_indices_count_from_0_and_names_from_1(store: FrameStore) -> None:
    for index in (11, 0, 2):
        store.put_stylized(index, noise(index))
    store.put_source(11, noise(11))
    assert files_in(store.work_dir) == [
        "source/000012.png",
        "stylized/000001.png",
        "stylized/000003.png",
        "stylized/000012.png",
        MANIFEST,
    ]
    assert store.painted() == [0, 2, 11]
    assert [store.is_painted(index) for index in range(4)] == [True, False, True, False]


def test_waiting_frame_is_dropped_once_or_never(store: FrameStore) -> None:
    store.put_source(3, noise(3))
    store.drop_source(3)
    store.drop_source(3)
    assert files_in(store.work_dir) == [MANIFEST]


def test_frame_that_is_gone_is_named(store: FrameStore) -> None:
    with pytest.raises(WorkDirError, match=r"stylized/000005\.png.* Use --restart"):
        store.stylized(4)


def test_learning_comes_back_in_order(store: FrameStore) -> None:
    assert store.evolution() is None
    pictures = [noise(seed) for seed in range(12)]
    store.put_evolution(pictures)
    found = store.evolution()
    assert found is not None
    assert np.array_equal(found, pictures)


def test_learning_counts_only_when_it_is_whole(
    store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "put_facts", full_disk)
    with pytest.raises(OSError, match="No space"):
        store.put_evolution([noise(0), noise(1)])
    assert store.evolution() is None


def test_facts_are_replaced(store: FrameStore) -> None:
    assert store.facts("energies") is None
    store.put_facts("energies", {"0": {"relu4_2": 0.1}})
    store.put_facts("energies", {"0": {"relu4_2": 0.1}, "7": {"relu4_2": 1 / 3}})
    assert store.facts("energies") == {"0": {"relu4_2": 0.1}, "7": {"relu4_2": 1 / 3}}


def test_same_run_goes_on(store: FrameStore) -> None:
    store.put_stylized(0, noise(0))
    again = FrameStore(store.work_dir)
    assert again.open(RUN)
    assert again.painted() == [0]
    assert np.array_equal(again.stylized(0), noise(0))


def test_other_run_is_refused_and_told_apart(store: FrameStore) -> None:
    store.put_stylized(0, noise(0))
    other = {**RUN, "steps": 31, "seed": 5}
    with pytest.raises(WorkDirError) as refused:
        FrameStore(store.work_dir).open(other)
    said = str(refused.value)
    assert "seed was None and is now 5, steps was 30 and is now 31" in said
    assert "clip" not in said
    assert "--restart" in said
    assert store.painted() == [0]


def test_restart_throws_the_work_away(store: FrameStore) -> None:
    store.put_stylized(0, noise(0))
    store.put_facts("energies", {"0": {}})
    again = FrameStore(store.work_dir)
    assert not again.open({**RUN, "steps": 31}, restart=True)
    assert again.painted() == []
    assert again.facts("energies") is None
    assert FrameStore(store.work_dir).open({**RUN, "steps": 31})


def test_restart_of_nothing_begins(tmp_path: Path) -> None:
    assert not FrameStore(tmp_path / "a" / "work").open(RUN, restart=True)


@pytest.mark.parametrize("text", ["", '{"clip": "a.m', "[1, 2]", "3", "\xff"])
def test_damaged_manifest_is_named_and_restart_helps(
    store: FrameStore, text: str
) -> None:
    for name in (MANIFEST, f".{MANIFEST}"):
        assert FrameStore(store.work_dir).open(RUN)  # there is a copy
        (store.work_dir / name).write_text(text, encoding="latin-1")
    with pytest.raises(WorkDirError, match=rf"{MANIFEST} is damaged; use --restart"):
        FrameStore(store.work_dir).open(RUN)
    assert not FrameStore(store.work_dir).open(RUN, restart=True)


def test_damaged_facts_are_named(store: FrameStore) -> None:
    store.put_facts("energies", {"0": {"relu4_2": 0.1}})
    (store.work_dir / "energies.json").write_text("{", encoding="utf-8")
    assert store.facts("energies") == {"0": {"relu4_2": 0.1}}
    (store.work_dir / ".energies.json").unlink()
    with pytest.raises(WorkDirError, match=r"energies\.json is damaged"):
        store.facts("energies")


@pytest.mark.parametrize("restart", [False, True])
def test_foreign_directory_is_refused_and_left_alone(
    tmp_path: Path, *, restart: bool
) -> None:
    (tmp_path / "source").mkdir()
    for name in ("manifest.json", "thesis.txt", "source/000001.png"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    before = files_in(tmp_path)
    store = FrameStore(tmp_path)
    with pytest.raises(WorkDirError, match="not a vidstyle work directory"):
        store.open(RUN, restart=restart)
    store.remove()
    assert files_in(tmp_path) == before


def test_file_in_the_place_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "thesis.txt"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(WorkDirError, match=r"cannot use the work directory .*thesis"):
        FrameStore(path).open(RUN, restart=True)
    assert path.read_text(encoding="utf-8") == "mine"


def test_run_that_was_killed_before_its_manifest_was_there_begins_afresh(
    tmp_path: Path,
) -> None:
    (tmp_path / "work" / "source").mkdir(parents=True)
    partial = tmp_path / "work" / f".{MANIFEST}.k3x.partial"
    partial.write_text('{"clip"', encoding="utf-8")
    store = FrameStore(tmp_path / "work")
    assert not store.open(RUN)
    store.put_source(0, noise(0))
    assert FrameStore(tmp_path / "work").open(RUN)
    store.remove()
    assert files_in(tmp_path) == []


def test_frames_that_are_not_whole_do_not_count(store: FrameStore) -> None:
    (store.work_dir / "stylized" / ".000001.png.k3x.partial").write_bytes(b"\x89PNG")
    assert store.painted() == []
    assert not store.is_painted(0)


def test_full_disk_keeps_the_work_so_far(
    store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_stylized(0, noise(0))
    monkeypatch.setattr("os.fdopen", full_disk)
    kept = r"No space left on device\. Finished frames are kept"
    with pytest.raises(WorkDirError, match=kept):
        store.put_stylized(1, noise(1))
    with pytest.raises(WorkDirError, match="No space left on device"):
        store.put_facts("energies", {})
    monkeypatch.undo()
    assert files_in(store.work_dir) == ["stylized/000001.png", MANIFEST]
    assert FrameStore(store.work_dir).open(RUN)
    assert store.painted() == [0]


def test_work_directory_that_cannot_be_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fdopen", full_disk)
    with pytest.raises(WorkDirError, match=rf"cannot write .*{MANIFEST}: No space"):
        FrameStore(tmp_path / "work").open(RUN)


def test_removing_leaves_what_others_have_put_there(store: FrameStore) -> None:
    store.put_stylized(0, noise(0))
    store.put_facts("energies", {})
    (store.work_dir / "notes.txt").write_text("mine", encoding="utf-8")
    store.remove()
    assert files_in(store.work_dir) == ["notes.txt"]


def test_removing_leaves_nothing_of_a_run(store: FrameStore) -> None:
    store.put_stylized(0, noise(0))
    store.put_evolution([noise(1)])
    store.remove()
    assert not store.work_dir.exists()


def test_manifest_is_json_that_can_be_read(store: FrameStore) -> None:
    text = (store.work_dir / MANIFEST).read_text(encoding="utf-8")
    assert json.loads(text) == {**RUN, "layers": [["relu4_2", 1.0]]}


def test_paint_comes_back_and_is_dropped(store: FrameStore) -> None:
    paint = Paint(np.arange(18 * 32, dtype=np.uint8).reshape(18, 32), noise(0), 0.25)
    store.put_paint(4, paint)
    assert np.array_equal(store.paint(4).age, paint.age)
    assert np.array_equal(store.paint(4).scene, paint.scene)
    assert store.paint(4).loss == 0.25
    store.put_stylized(4, noise(0))
    assert store.drop_damaged() == 0
    for damage in (b"", (store.work_dir / "paint/000005.npz").read_bytes()[:-9]):
        store.put_stylized(4, noise(0))
        (store.work_dir / "paint/000005.npz").write_bytes(damage)
        assert store.drop_damaged() == 1
        assert store.painted() == []
    store.drop_paint(4)
    store.drop_paint(4)
    assert files_in(store.work_dir) == [MANIFEST]


def test_second_process_is_kept_out_and_the_first_goes_on(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "work")
    with store.claimed():
        store.open(RUN)
        store.put_stylized(0, noise(0))
        at_work = rf"process {os.getpid()} is working in .*; wait until it"
        with (
            pytest.raises(WorkDirError, match=at_work),
            FrameStore(tmp_path / "work").claimed(),
        ):
            pytest.fail("two processes are at work")
        store.put_stylized(1, noise(1))
    assert files_in(store.work_dir) == [
        "stylized/000001.png",
        "stylized/000002.png",
        MANIFEST,
    ]
    with FrameStore(tmp_path / "work").claimed():
        assert FrameStore(tmp_path / "work").open(RUN)


def test_lock_of_a_killed_process_holds_nobody_up(store: FrameStore) -> None:
    store.put_stylized(0, noise(0))
    (store.work_dir / LOCK).write_text("12345", encoding="utf-8")
    with FrameStore(store.work_dir).claimed():
        assert FrameStore(store.work_dir).open(RUN)
    assert LOCK not in files_in(store.work_dir)


def test_run_that_painted_nothing_leaves_nothing(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "work")
    with contextlib.suppress(KeyboardInterrupt), store.claimed():
        store.open(RUN)
        store.put_source(0, noise(0))
        raise KeyboardInterrupt
    assert not store.work_dir.exists()


def test_foreign_directory_is_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    foreign = "not a vidstyle work directory"
    with pytest.raises(WorkDirError, match=foreign), FrameStore(tmp_path).claimed():
        pytest.fail("claimed")
    assert files_in(tmp_path) == ["thesis.txt"]


def test_place_that_cannot_be_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    store = FrameStore(tmp_path / "thesis.txt" / "work")
    unusable = "cannot use the work directory"
    with pytest.raises(WorkDirError, match=unusable), store.claimed():
        pytest.fail("claimed")
