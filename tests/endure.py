"""Kill a run, fill its disk, take its files away; see that no painted frame is lost.

``python tests/endure.py kill`` runs one of the TRIALS below, without a name all. Each
trial paints a tiny clip, is struck, and says what the user saw; then the same command
goes on, and its frames must equal those of a run that nothing happened to. A traceback,
a hang, or other frames are a FAULT.
"""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

FRAMES = 24
LONGEST_S = 180
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
{}
from vidstyle.cli import run
run()
"""
COMMAND = (
    *("video", "clip.mp4", "-s", "painting.png", "--network", "slim"),
    *("--device", "cpu", "--steps", "3", "--next-steps", "2", "-o", "out"),
)
TO_VIDEO = ("-o", "out.mkv", "--codec", "ffv1")
# Strikes from within: what a run meets when it stores its third frame.
AT_THIRD = """
from vidstyle.video.work_dir import FrameStore
put = FrameStore.put_stylized
def strike(store, index, frame):
    if index == 2:
        {}
    put(store, index, frame)
FrameStore.put_stylized = strike
"""
LOST = """
import torch
from vidstyle.optimize.objective import Objective
evaluate, count = Objective.evaluate, [0]
def lost(self, images):
    count[0] += 1
    return evaluate(self, images * float("nan") if {} else images)
Objective.evaluate = lost
"""


def make_inputs(folder: Path) -> None:
    """Make a clip of two shots, and a painting."""
    import numpy as np

    from vidstyle.errors import VideoWriteError
    from vidstyle.images import write_picture
    from vidstyle.video.ffmpeg import run_ffmpeg

    half = FRAMES // 2
    graph = (
        f"testsrc2=s=32x24:r=12,trim=end_frame={half}[a];"
        f"mandelbrot=s=32x24:r=12,trim=end_frame={half}[b];[a][b]concat=n=2[v]"
    )
    made = ("-map", "[v]", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "6")
    run_ffmpeg(
        ["-filter_complex", graph, *made, str(folder / "clip.mp4")],
        error=VideoWriteError,
        failed="clip",
    )
    levels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    write_picture(folder / "painting.png", levels.repeat(6, 0).repeat(6, 1))


def start(
    folder: Path, *options: str, patch: str = "", tmp: Path | None = None
) -> subprocess.Popen[str]:
    """Start the command in a folder."""
    root = Path(__file__).parents[1]
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    more = {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    if tmp is not None:
        more["TMPDIR"] = str(tmp)
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", PROGRAM.format(patch), *COMMAND, *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **more},
    )


def end(process: subprocess.Popen[str]) -> str:
    """Wait for a command, and return its exit code and last line."""
    try:
        _, said = process.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "FAULT: it hangs"
    fault = "FAULT: " if "Traceback" in said else ""
    lines = said.strip().splitlines() or [""]
    return f"{fault}{process.returncode}, {lines[-1]}"


def frames_of(folder: Path) -> dict[str, bytes]:
    """Read all frames of the result, a folder or a lossless video, in order."""
    from vidstyle.video.probe import probe
    from vidstyle.video.read import read_frames

    if (folder / "out.mkv").exists():
        timed = read_frames(probe(folder / "out.mkv"), on_warning=lambda _: None)
    else:
        timed = read_frames(probe(folder / "out"), on_warning=lambda _: None)
    return {str(each.index): each.frame.tobytes() for each in timed}


def wait_for(is_there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something is there, or the process has ended."""
    deadline = time.monotonic() + LONGEST_S
    while process.poll() is None and not is_there() and time.monotonic() < deadline:
        time.sleep(0.002)


def painted(folder: Path, output: str = "out") -> int:
    """Count the painted frames that wait in the work directory."""
    return len([*(folder / f"{output}.vidstyle" / "stylized").glob("*.png")])


def _has_painted(folder: Path, goal: int) -> bool:
    return painted(folder, "out.mkv") >= goal


class Trial:
    """One folder with the inputs, and what an untouched run makes of them."""

    def __init__(self, folder: Path, whole: dict[str, bytes]) -> None:
        """Take a folder in which to try."""
        self.folder, self.whole = folder, whole

    def same(self, *options: str) -> str:
        """Let the command go on, and compare its frames."""
        said = end(start(self.folder, *options, "--quiet"))
        if not said.startswith("0,"):
            return f"FAULT: going on ended in {said}"
        is_same = frames_of(self.folder) == self.whole
        left = {path.name for path in self.folder.iterdir()}
        left -= {"clip.mp4", "painting.png", "out", "out.mkv"}
        if left:
            return f"FAULT: left behind: {left}"
        return "the same frames" if is_same else "FAULT: other frames"

    def clear(self) -> None:
        """Take results away."""
        for path in self.folder.glob("out*"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def strike(self, patch: str, *options: str) -> str:
        """Run once with a patch that does harm, and go on without."""
        said = end(start(self.folder, *options, "--quiet", patch=patch))
        kept = painted(self.folder, "out.mkv" if options else "out")
        return f"{said} ({kept} frames kept); then {self.same(*options)}"


def kill(trial: Trial, times: int = 20) -> Iterator[str]:
    """kill -9 at random moments of one run, again and again, until it is done."""
    chance, killed = random.Random(0), 0  # noqa: S311
    while killed < times:
        trial.clear()
        ended = False
        while not ended and killed < times:
            process = start(trial.folder, "--quiet", *TO_VIDEO)
            goal = painted(trial.folder, "out.mkv") + chance.randrange(1, 4)
            wait_for(partial(_has_painted, trial.folder, goal), process)
            time.sleep(chance.random() * 0.05)
            ended = process.poll() is not None
            process.kill()
            process.communicate()
            killed += not ended
        yield f"killed {killed} times; then {trial.same('--overwrite', *TO_VIDEO)}"


def final(trial: Trial) -> Iterator[str]:
    """kill -9 and Ctrl-C in the final write, at its first byte and at its end."""
    write = "import vidstyle.video.write as w\nimport os, signal\n"
    early = f"{write}def die(*_): os.kill(os.getpid(), signal.{{}})\nw._feed = die"
    late = f"{write}def die(*_, **__): os.kill(os.getpid(), signal.{{}})\n"
    late += "w.list_packets = die"
    for name, patch in (("first", early), ("last", late)):
        for number in ("SIGKILL", "SIGINT"):
            said = trial.strike(patch.format(number), *TO_VIDEO)
            yield f"{number} at the {name} byte: {said}"
            trial.clear()


def full(trial: Trial) -> Iterator[str]:
    """Fill the disk while frames, and while the video is written."""
    with _small_disk(trial.folder) as disk:
        if disk is None:
            yield "skipped: no tmpfs can be mounted here"
            return
        reserve = "import vidstyle.clip.ingest as i\ni.RESERVE_BYTES = 0\n"
        work = ("--work-dir", str(disk / "work"), *TO_VIDEO)
        fill = AT_THIRD.format(f"open({str(disk / 'fill')!r}, 'wb').write(bytes(9**9))")
        fill = fill.replace("\n    put(", "\n    put(", 1)
        harm = f"import contextlib\n{reserve}{fill}".replace(
            "        open(", "        with contextlib.suppress(OSError): open("
        )
        said = end(start(trial.folder, *work, "--quiet", patch=harm))
        yield f"while frames are stored: {said}"
        said = end(start(trial.folder, *work, "--quiet"))
        yield f"still full: {said}"
        (disk / "fill").unlink(missing_ok=True)
        yield f"freed: {trial.same(*work)}"
        trial.clear()
        out = ("-o", str(disk / "out.mkv"), "--codec", "ffv1", "--work-dir", "out.work")
        (disk / "fill").write_bytes(bytes(disk.stat().st_blksize))
        size = shutil.disk_usage(disk).free - 20_000
        (disk / "fill").write_bytes(bytes(size))
        said = end(start(trial.folder, *out, "--quiet"))
        left = sorted(path.name for path in disk.iterdir())
        yield f"while the video is written: {said}; on the disk: {left}"
        (disk / "fill").unlink()
        said = end(start(trial.folder, *out, "--quiet"))
        shutil.move(disk / "out.mkv", trial.folder / "out.mkv")
        is_same = frames_of(trial.folder) == trial.whole
        yield f"freed: {said} {'the same frames' if is_same else 'FAULT: other frames'}"


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    done = subprocess.run(mount, check=False, capture_output=True)  # noqa: S603
    try:
        yield None if done.returncode else disk
    finally:
        if not done.returncode:
            subprocess.run(["umount", str(disk)], check=True)  # noqa: S603, S607
        disk.rmdir()


def directory(trial: Trial) -> Iterator[str]:
    """Take the work directory away midway, or make it a file, or lose one frame."""
    for name, harm in {
        "removed": "import shutil; shutil.rmtree(store.work_dir)",
        "read-only": (
            "import errno, vidstyle.images as im\n"
            "        def refuse(*_, **__):\n"
            "            raise OSError(errno.EROFS, 'Read-only disk')\n"
            "        im.tempfile.mkstemp = refuse"
        ),
        "a frame removed": "(store.work_dir / 'stylized/000001.png').unlink()",
    }.items():
        yield f"{name}: {trial.strike(AT_THIRD.format(harm))}"
        trial.clear()


def ffmpeg(trial: Trial) -> Iterator[str]:
    """Kill ffmpeg as it begins to encode, and when it has had the last frame."""
    wrap = """
import contextlib, subprocess
import vidstyle.video.write as w
feed = w.feed_ffmpeg
@contextlib.contextmanager
def killed(arguments, **options):
    started = []
    class Popen(subprocess.Popen):
        def __init__(self, *a, **k):
            super().__init__(*a, **k)
            started.append(self)
    before, subprocess.Popen = subprocess.Popen, Popen
    with feed(arguments, **options) as pipe:
        subprocess.Popen = before
        {early}
        yield pipe
        {late}
w.feed_ffmpeg = killed
"""
    for name, patch in (
        ("as it begins", wrap.format(early="started[0].kill()", late="pass")),
        ("at its end", wrap.format(early="pass", late="started[0].kill()")),
    ):
        yield f"killed {name}: {trial.strike(patch, *TO_VIDEO)}"
        trial.clear()


def source(trial: Trial) -> Iterator[str]:
    """Truncate, replace or delete the clip midway; then put it back."""
    clip = trial.folder / "clip.mp4"
    data, state = clip.read_bytes(), clip.stat()
    harms = {
        "truncated": "open('clip.mp4', 'r+b').truncate(2000)",
        "replaced": "import shutil; shutil.copy('painting.png', 'clip.mp4')",
        "deleted": "import os; os.unlink('clip.mp4')",
    }
    slow = "import vidstyle.clip.ingest as i\ni.AHEAD = 3\n"
    for name, harm in harms.items():
        patch = slow + AT_THIRD.format(harm)
        said = end(start(trial.folder, *TO_VIDEO, "--quiet", patch=patch))
        kept = painted(trial.folder, "out.mkv")
        again = end(start(trial.folder, *TO_VIDEO, "--quiet"))
        clip.write_bytes(data)
        os.utime(clip, ns=(state.st_atime_ns, state.st_mtime_ns))
        done = trial.same(*TO_VIDEO, "--overwrite")
        yield f"{name}: {said} ({kept} kept); again: {again}; put back: {done}"
        trial.clear()


def corrupted(trial: Trial) -> Iterator[str]:
    """Damage what lies in the work directory of a run that was killed."""
    work = trial.folder / "out.vidstyle"
    stop = AT_THIRD.format("import os; os._exit(9)")
    for name in (
        *("stylized/000001.png", "stylized/000002.png", "source/*.png", "paint/*.npz"),
        *("energies.json", "run.json", "vidstyle.json"),
    ):
        for kind in ("cut short", "a byte changed", "empty"):
            end(start(trial.folder, "--quiet", patch=stop))
            path = max(work.glob(name))
            data = bytearray(path.read_bytes())
            if kind == "a byte changed":
                data[len(data) // 2] ^= 255
            else:
                data = data[: len(data) // 2 * (kind == "cut short")]
            path.write_bytes(data)
            said = end(start(trial.folder, "--quiet"))
            result = ""
            if not said.startswith("0,"):
                result = f"; with --restart {trial.same('--restart')}"
            elif frames_of(trial.folder) != trial.whole:
                result = "; FAULT: other frames, and no word"
            yield f"{name} {kind}: {said}{result}"
            trial.clear()


def two(trial: Trial) -> Iterator[str]:
    """Start two runs on one directory at the same moment."""
    both = [start(trial.folder, "--quiet") for _ in range(2)]
    yield f"{' / '.join(map(end, both))}; {trial.same('--overwrite')}"


def nan(trial: Trial) -> Iterator[str]:
    """Lose a frame's loss, once and for good."""
    for name, when in (("once", "count[0] == 2"), ("for good", "count[0] >= 8")):
        said = end(start(trial.folder, "--quiet", patch=LOST.format(when)))
        yield f"{name}: {said} ({painted(trial.folder)} frames kept)"
        trial.clear()


def clock(trial: Trial) -> Iterator[str]:
    """Set the clock back by ten years midway."""
    back = "import time; now = time.time; time.time = lambda: now() - 3e8"
    yield trial.strike(AT_THIRD.format(f"{back}; import os; os._exit(9)"))


TRIALS = {
    each.__name__: each
    for each in (
        *(kill, final, full, directory, ffmpeg, source),
        *(corrupted, two, nan, clock),
    )
}


def run(*names: str, **options: int) -> list[str]:
    """Run trials, all by default, and list how each ended."""
    lines = []
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        make_inputs(folder)
        end(start(folder, "--quiet"))
        whole = frames_of(folder)
        shutil.rmtree(folder / "out")
        for name in names or TRIALS:
            trial = Trial(folder, whole)
            for line in TRIALS[name](trial, **options):
                lines.append(f"{name}: {line}")
                print(lines[-1], flush=True)  # noqa: T201
            trial.clear()
    return lines


if __name__ == "__main__":
    sys.exit(any("FAULT" in line for line in run(*sys.argv[1:])))
