"""The work directory: the manifest and the intermediate files of one run.

Files are written under a temporary name and moved into place, so that each one is
complete, and an interrupted run can resume.

    vidstyle.json           manifest: a run with other settings is refused
    source/000001.png       frames waiting to be stylized, at working size
    stylized/000001.png     stylized frames
    newest.png              link to the one stored last, for viewers
    paint/000001.npz        age and origin of the paint of the latest frames
    begun/000001.npz        intermediate state of a frame that takes long
    evolution/000001.png    snapshots of one frame's optimization
    learned/*.safetensors   checkpoint of a painting network, and the trained one
    NAME.json, .NAME.json   values that a resumed run must reuse, and their backup
    lock                    held while a process uses the directory
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partialmethod
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock, Timeout

from vidstyle.errors import RESUMES, ImageOpenError, OutputError, WorkDirError
from vidstyle.images import PARTIAL, read_picture, write_picture, write_whole
from vidstyle.images.decode import is_whole
from vidstyle.records import Frame, Paint

MANIFEST_FACTS = "vidstyle"
MANIFEST = f"{MANIFEST_FACTS}.json"  # distinctive: files beside it may be deleted
LOCK, NEWEST, RUN = "lock", "newest.png", "run"
SOURCE, STYLIZED, PAINT, BEGUN = "source", "stylized", "paint", "begun"
EVOLUTION, LEARNED = "evolution", "learned"
KINDS = SOURCE, STYLIZED, PAINT, BEGUN, EVOLUTION, LEARNED
DAMAGED = "{} is damaged; use --restart to discard that run."


class FrameStore:
    """The files of one run; frames are addressed by 0-based index in the source."""

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir
        self.newest = work_dir / NEWEST
        self.learned = work_dir / LEARNED / "network.safetensors"
        self.trained = work_dir / LEARNED / "trained.safetensors"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Lock the directory for the duration of the block.

        Afterwards it is deleted if there is no frame, stylized or begun, or network.
        WorkDirError: another process uses it, or it cannot be created.
        """
        self._check_own()
        with self._locked():
            try:
                yield
            finally:
                if not (self.painted() or self.begun() or self.learned.is_file()):
                    self.remove()
                elif (err := sys.exception()) is not None:
                    err.add_note(RESUMES)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold a file lock, which the system releases if the process is killed."""
        path = self.work_dir / LOCK
        lock = FileLock(path, timeout=0)
        with self._reported():
            self.work_dir.mkdir(parents=True, exist_ok=True)
            try:
                with suppress(NotImplementedError):  # some network file systems
                    lock.acquire()
            except Timeout as err:
                raise WorkDirError(
                    f"process {self.owner()} is working in {self.work_dir}; wait until "
                    "it ends, or choose another directory with --work-dir."
                ) from err
        try:
            with suppress(OSError):
                path.write_text(str(os.getpid()), encoding="utf-8")
            yield
        finally:
            with suppress(OSError):
                path.unlink()
            lock.release()
            with suppress(OSError):  # it is not empty
                self.work_dir.rmdir()

    def owner(self) -> str | None:
        """Return the PID of the process that uses the directory, if any."""
        path = self.work_dir / LOCK
        if not path.is_file():
            return None
        owner = "unknown"
        with suppress(OSError):  # a locked file cannot be read on Windows
            owner = path.read_text(encoding="utf-8") or owner
        try:
            with FileLock(path, timeout=0):
                return None
        except Timeout:
            return owner
        except (OSError, NotImplementedError):
            return None

    def open(self, manifest: Mapping[str, Any], *, restart: bool = False) -> bool:
        """Create the work directory of the run that a JSON manifest describes.

        Returns whether there is such a run to resume; ``restart`` deletes it first.
        WorkDirError: it belongs to a different run, or cannot be created.
        """
        if restart:
            self.remove()
        with self._reported():
            if (stored := self.facts(MANIFEST_FACTS)) is not None:
                self._check_same(stored, json.loads(json.dumps(manifest)))
            self._check_own()
            for kind in KINDS:
                (self.work_dir / kind).mkdir(parents=True, exist_ok=True)
            if stored is None:
                self.put_facts(MANIFEST_FACTS, manifest)
        return stored is not None

    def _check_own(self) -> None:
        if (self.work_dir / MANIFEST).is_file():
            return
        for path in self.work_dir.rglob("*"):
            # A run that was killed at its start may have left these.
            if path.is_file() and path.suffix != PARTIAL and path.name != LOCK:
                raise WorkDirError(
                    f"{self.work_dir} is not a vidstyle work directory; "
                    "choose another with --work-dir."
                )

    @contextmanager
    def _reported(self, advice: str = "") -> Iterator[None]:
        """Convert errors of reading and writing to WorkDirError."""
        try:
            yield
        except OSError as err:
            raise WorkDirError(
                f"cannot use the work directory {self.work_dir}: {err.strerror}."
            ) from err
        except (OutputError, ImageOpenError) as err:
            raise WorkDirError(f"{err}{advice}") from err

    def _check_same(self, stored: dict[str, Any], current: dict[str, Any]) -> None:
        differing = list[str]()
        for key in sorted({*stored, *current}):
            was, now = stored.get(key), current.get(key)
            if was == now:
                continue
            is_file = str(was).startswith("a file with SHA-256")
            change = "has changed" if is_file else f"was {was} and is now {now}"
            differing.append(f"{key} {change}")
        if differing:
            text = ", ".join(differing)
            raise WorkDirError(
                f"{self.work_dir} holds an unfinished run with other settings "
                f"({text}); use those to resume, or --restart to start over."
            )

    def remove(self) -> None:
        """Delete a run's files and, if nothing else is in it, the directory."""
        if not (self.work_dir / MANIFEST).is_file():  # it is not a run's
            return
        for manifest in self.work_dir.glob(f"*/{MANIFEST}"):  # of other passes
            FrameStore(manifest.parent).remove()
        with suppress(OSError):
            # Delete the manifest last, since it identifies the directory as ours.
            for path in {*self.work_dir.glob("*.json"), *self.work_dir.glob(".*")}:
                if path.name != MANIFEST and path.suffix in {".json", PARTIAL}:
                    path.unlink()
            self.newest.unlink(missing_ok=True)
            for kind in KINDS:
                shutil.rmtree(self.work_dir / kind, ignore_errors=True)
            (self.work_dir / MANIFEST).unlink()
            self.work_dir.rmdir()

    def _path(self, kind: str, index: int) -> Path:
        ending = "npz" if kind in {PAINT, BEGUN} else "png"
        return self.work_dir / kind / f"{index + 1:06d}.{ending}"

    def _put(self, kind: str, index: int, frame: Frame) -> None:
        with self._reported(" Finished frames are kept."):
            write_picture(self._path(kind, index), frame)

    def _get(self, kind: str, index: int) -> Frame:
        with self._reported(" Use --restart to start over."):
            return read_picture(self._path(kind, index))

    def _drop(self, kind: str, index: int) -> None:
        with suppress(OSError):
            self._path(kind, index).unlink(missing_ok=True)

    put_source = partialmethod(_put, SOURCE)
    source = partialmethod(_get, SOURCE)
    drop_source = partialmethod(_drop, SOURCE)
    stylized = partialmethod(_get, STYLIZED)
    drop_paint = partialmethod(_drop, PAINT)
    drop_begun = partialmethod(_drop, BEGUN)

    def put_stylized(self, index: int, frame: Frame) -> None:
        self._put(STYLIZED, index, frame)
        self._drop(BEGUN, index)
        link = self.work_dir / f".{NEWEST}.{index}{PARTIAL}"
        with suppress(OSError):  # not every file system has hard links
            link.hardlink_to(self._path(STYLIZED, index))
            link.replace(self.newest)

    def put_paint(self, index: int, paint: Paint) -> None:
        archive, losses = BytesIO(), np.array([paint.loss, paint.goal])
        np.savez_compressed(archive, age=paint.age, scene=paint.scene, losses=losses)
        with self._reported(" Finished frames are kept."):
            write_whole(self._path(PAINT, index), archive.getvalue())

    def paint(self, index: int) -> Paint | None:
        if not (path := self._path(PAINT, index)).is_file():
            return None
        try:
            with np.load(BytesIO(path.read_bytes())) as npz:
                return Paint(npz["age"], npz["scene"], *npz["losses"].tolist())
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as err:
            raise WorkDirError(DAMAGED.format(path)) from err

    def put_begun(self, index: int, state: bytes) -> None:
        with suppress(OutputError):  # not worth stopping for
            write_whole(self._path(BEGUN, index), state)

    def begun_state(self, index: int) -> bytes:
        path = self._path(BEGUN, index)
        return path.read_bytes() if path.is_file() else b""

    def put_learned(self, data: bytes) -> None:
        with self._reported(" Finished frames are kept."):
            write_whole(self.learned, data)

    def drop_damaged(self, *others: "FrameStore") -> int:
        """Delete frames damaged here or in others, or whose paint is; count them."""
        damaged = 0
        for index in self.painted():
            if not all(store.is_whole(index) for store in (self, *others)):
                damaged += 1
                self._drop(STYLIZED, index)
                self.drop_paint(index)
        return damaged

    def is_whole(self, index: int) -> bool:
        with suppress(WorkDirError):
            self.paint(index)
            return is_whole(self._path(STYLIZED, index))
        return False

    def is_painted(self, index: int) -> bool:
        return self._path(STYLIZED, index).is_file()

    def _all(self, kind: str) -> list[int]:
        found = (self.work_dir / kind).glob("[0-9]*")
        return sorted(int(path.stem) - 1 for path in found)

    painted, begun = partialmethod(_all, STYLIZED), partialmethod(_all, BEGUN)

    def put_evolution(self, pictures: Sequence[Frame], frame: int = 0) -> None:
        """Store the snapshots of one frame's optimization, in order."""
        for number, picture in enumerate(pictures):
            self._put(EVOLUTION, number, picture)
        # Last, since it marks them as complete.
        self.put_facts(EVOLUTION, {"pictures": len(pictures), "frame": frame})

    def evolution(self) -> list[Frame] | None:
        if (facts := self.facts(EVOLUTION)) is None:
            return None
        return [self._get(EVOLUTION, number) for number in range(facts["pictures"])]

    def put_facts(self, name: str, facts: Mapping[str, Any]) -> None:
        with self._reported():
            data = json.dumps(facts, indent=1, sort_keys=True).encode()
            for path in self.work_dir / f"{name}.json", self.work_dir / f".{name}.json":
                write_whole(path, data)

    def facts(self, name: str) -> dict[str, Any] | None:
        if not (path := self.work_dir / f"{name}.json").is_file():
            return None
        for copy in path, path.with_name(f".{path.name}"):
            with suppress(ValueError, TypeError, FileNotFoundError):
                return dict(json.loads(copy.read_text(encoding="utf-8")))
        raise WorkDirError(DAMAGED.format(path))

    def free_bytes(self) -> int:
        with self._reported():
            return shutil.disk_usage(self.work_dir).free
