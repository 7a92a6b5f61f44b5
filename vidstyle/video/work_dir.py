"""The work directory: frames on their way, and the manifest of the run they belong to.

Everything is written under a partial name and moved into place, so that whatever is
there is whole, and a run that was killed goes on from it.

    vidstyle.json           the manifest: a run that makes something else is refused
    source/000001.png       frames that wait to be painted, at working size
    stylized/000001.png     painted frames
    paint/000001.png        what the paint of the newest was made for, above its ages
    evolution/000001.png    how one frame was learned
    NAME.json               facts that a resumed run must not compute differently
    lock                    while a process is at work there
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from vidstyle.errors import ImageOpenError, OutputError, WorkDirError
from vidstyle.images import PARTIAL, read_picture, write_picture, write_whole
from vidstyle.records import Frame, Paint

MANIFEST = "vidstyle.json"
"""A name of our own, for what lies around it may be deleted."""
LOCK = "lock"
KINDS = SOURCE, STYLIZED, PAINT, EVOLUTION = "source", "stylized", "paint", "evolution"


class FrameStore:
    """Frames and facts of one run, by the frames' indices in the source.

    Indices are 0-based; only this class knows that file names are 1-based.
    """

    def __init__(self, work_dir: Path) -> None:
        """Speak of a work directory; ``open`` makes or takes it."""
        self.work_dir = work_dir

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other processes out for the time of the block.

        If no frame is painted at its end, the directory is deleted: there is nothing
        in it to go on with.

        Raises:
            WorkDirError: If another process is at work there, or the directory is not a
                run's, or cannot be made.
        """
        self._check_own()
        with contextlib.ExitStack() as stack:
            stack.callback(self._remove_empty)
            try:
                self.work_dir.mkdir(parents=True, exist_ok=True)
                stack.enter_context(self._locked())
            except OSError as err:
                raise self._unusable(err) from err
            try:
                yield
            finally:
                if not self.painted():
                    self.remove()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold a lock, which the system lets go of if the process is killed."""
        path, owner = self.work_dir / LOCK, ""
        # Windows lets nobody read or delete what is locked.
        with contextlib.suppress(OSError):
            owner = path.read_text(encoding="utf-8")
        lock = FileLock(path, timeout=0)
        try:
            with contextlib.suppress(NotImplementedError):  # by some network folders
                lock.acquire()
        except Timeout as err:
            raise WorkDirError(
                f"process {owner or 'unknown'} is at work in {self.work_dir}; wait for "
                "its end, or name another directory with --work-dir."
            ) from err
        try:
            with contextlib.suppress(OSError):
                path.write_text(str(os.getpid()), encoding="utf-8")
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
            lock.release()

    def _remove_empty(self) -> None:
        with contextlib.suppress(OSError):
            self.work_dir.rmdir()

    def open(self, manifest: Mapping[str, Any], *, restart: bool = False) -> bool:
        """Make the work directory, or take it over from an interrupted run.

        Args:
            manifest: What is being made, as JSON values.
            restart: Throw away what another run has left.

        Returns:
            Whether there was such a run to go on from.

        Raises:
            WorkDirError: If the directory holds another run's work, or something that
                is not a run's, or cannot be made.
        """
        if restart:
            self.remove()
        try:
            is_old = (self.work_dir / MANIFEST).is_file()
            if is_old:
                self._check_manifest(manifest)
            self._check_own()
            for kind in KINDS:
                (self.work_dir / kind).mkdir(parents=True, exist_ok=True)
            if not is_old:
                text = json.dumps(manifest, indent=1, sort_keys=True)
                write_whole(self.work_dir / MANIFEST, text.encode())
        except OSError as err:
            raise self._unusable(err) from err
        except OutputError as err:
            raise WorkDirError(str(err)) from err
        return is_old

    def _check_own(self) -> None:
        """Check that what is there, if anything, is a run's work."""
        if not (self.work_dir / MANIFEST).is_file() and any(self._files()):
            raise WorkDirError(
                f"{self.work_dir} is not a work directory of vidstyle; "
                "name another with --work-dir."
            )

    def _unusable(self, err: OSError) -> WorkDirError:
        return WorkDirError(
            f"cannot use the work directory {self.work_dir}: {err.strerror}."
        )

    def _check_manifest(self, manifest: Mapping[str, Any]) -> None:
        known = self._read_json(self.work_dir / MANIFEST)
        wanted = json.loads(json.dumps(manifest))
        differing = [
            key
            for key in sorted({*known, *wanted})
            if known.get(key) != wanted.get(key)
        ]
        if differing:
            said = ", ".join(
                f"{key} was {known.get(key)} and is {wanted.get(key)}"
                for key in differing
            )
            raise WorkDirError(
                f"{self.work_dir} holds an unfinished run with other settings "
                f"({said}); use those to go on, or --restart to begin afresh."
            )

    def _files(self) -> Iterator[Path]:
        """Yield all files but those that a run left that was killed as it began."""
        for path in self.work_dir.rglob("*"):
            if path.is_file() and path.suffix != PARTIAL and path.name != LOCK:
                yield path

    def remove(self) -> None:
        """Delete all that a run has put there, and the directory if it is empty then.

        A directory without a manifest is left as it is.
        """
        if not (self.work_dir / MANIFEST).is_file():
            return
        for part in self.work_dir.iterdir():
            if part.is_dir():  # of a run in several passes
                FrameStore(part).remove()
        with contextlib.suppress(OSError):
            # The manifest goes last: until then it can be told whose work this is.
            for path in [*self.work_dir.glob("*.json"), *self.work_dir.glob(".*")]:
                if path.name != MANIFEST and path.suffix in {".json", PARTIAL}:
                    path.unlink()
            for kind in KINDS:
                shutil.rmtree(self.work_dir / kind, ignore_errors=True)
            (self.work_dir / MANIFEST).unlink()
            self._remove_empty()

    def put_source(self, index: int, frame: Frame) -> None:
        """Store a frame that waits to be painted."""
        self._put(SOURCE, index, frame)

    def source(self, index: int) -> Frame:
        """Read a frame that waits to be painted."""
        return self._get(SOURCE, index)

    def drop_source(self, index: int) -> None:
        """Delete a source frame that is not needed any more, if it is there."""
        with contextlib.suppress(OSError):
            self._path(SOURCE, index).unlink(missing_ok=True)

    def put_stylized(self, index: int, frame: Frame) -> None:
        """Store a painted frame."""
        self._put(STYLIZED, index, frame)

    def stylized(self, index: int) -> Frame:
        """Read a painted frame."""
        return self._get(STYLIZED, index)

    def put_paint(self, index: int, paint: Paint) -> None:
        """Store what is known of a frame's paint."""
        ages = np.repeat(paint.age[..., np.newaxis], 3, axis=2)
        self._put(PAINT, index, np.concatenate([paint.scene, ages]))

    def paint(self, index: int) -> Paint:
        """Read what is known of a frame's paint."""
        scene, ages = np.split(self._get(PAINT, index), 2)
        return Paint(np.ascontiguousarray(ages[..., 0]), scene)

    def drop_paint(self, index: int) -> None:
        """Delete what is not needed any more, if it is there."""
        with contextlib.suppress(OSError):
            self._path(PAINT, index).unlink(missing_ok=True)

    def is_painted(self, index: int) -> bool:
        """Whether a frame is painted and stored."""
        return self._path(STYLIZED, index).is_file()

    def painted(self) -> list[int]:
        """The indices of all painted frames, in order."""
        found = (self.work_dir / STYLIZED).glob("*.png")
        return sorted(int(path.stem) - 1 for path in found)

    def put_evolution(self, pictures: Sequence[Frame]) -> None:
        """Store how one frame was learned, first to last; the count comes last."""
        for place, picture in enumerate(pictures):
            self._put(EVOLUTION, place, picture)
        self.put_facts(EVOLUTION, {"pictures": len(pictures)})

    def evolution(self) -> list[Frame] | None:
        """Read how one frame was learned. None: that frame is not painted yet."""
        facts = self.facts(EVOLUTION)
        if facts is None:
            return None
        return [self._get(EVOLUTION, place) for place in range(facts["pictures"])]

    def put_facts(self, name: str, facts: Mapping[str, Any]) -> None:
        """Store JSON values under a name, replacing what was there.

        Raises:
            WorkDirError: If they cannot be written.
        """
        try:
            write_whole(self.work_dir / f"{name}.json", json.dumps(facts).encode())
        except OutputError as err:
            raise WorkDirError(str(err)) from err

    def facts(self, name: str) -> dict[str, Any] | None:
        """Read what was stored under a name. None: nothing was."""
        path = self.work_dir / f"{name}.json"
        if not path.is_file():
            return None
        return self._read_json(path)

    def free_bytes(self) -> int:
        """How much the disk under the work directory still takes.

        Raises:
            WorkDirError: If the directory is gone.
        """
        try:
            return shutil.disk_usage(self.work_dir).free
        except OSError as err:
            raise self._unusable(err) from err

    def _path(self, kind: str, index: int) -> Path:
        return self.work_dir / kind / f"{index + 1:06d}.png"

    def _put(self, kind: str, index: int, frame: Frame) -> None:
        try:
            write_picture(self._path(kind, index), frame)
        except OutputError as err:
            raise WorkDirError(f"{err} The work so far is kept.") from err

    def _get(self, kind: str, index: int) -> Frame:
        try:
            return read_picture(self._path(kind, index))
        except ImageOpenError as err:
            raise WorkDirError(f"{err} Use --restart to begin afresh.") from err

    def _read_json(self, path: Path) -> dict[str, Any]:
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as err:
            raise WorkDirError(
                f"{path} is damaged; use --restart to throw that run's work away."
            ) from err
