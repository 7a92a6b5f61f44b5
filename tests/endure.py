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
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

FRAMES = 24
LONGEST_S, PARTS = 240, 8
PROGRAM = """
import faulthandler, signal, sys
faulthandler.enable()
signal.signal(signal.SIGINT, signal.default_int_handler)
{}
from vidstyle.__main__ import main
main()
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


def make_clip(path: Path, graph: str) -> None:
    """Make a clip of what a graph of filters calls [v]."""
    from vidstyle.errors import VideoWriteError
    from vidstyle.video.ffmpeg import run_ffmpeg

    made = ("-map", "[v]", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "6")
    arguments = ["-filter_complex", graph, *made, str(path)]
    run_ffmpeg(arguments, error=VideoWriteError, failed="clip")


def make_inputs(folder: Path) -> None:
    """Make a clip of two shots, and a painting."""
    import numpy as np

    from vidstyle.images import write_picture

    half = FRAMES // 2
    make_clip(
        folder / "clip.mp4",
        f"testsrc2=s=32x24:r=12,trim=end_frame={half}[a];"
        f"mandelbrot=s=32x24:r=12,trim=end_frame={half}[b];[a][b]concat=n=2[v]",
    )
    levels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    write_picture(folder / "painting.png", levels.repeat(6, 0).repeat(6, 1))


def start(
    folder: Path,
    *options: str,
    patch: str = "",
    command: tuple[str, ...] = COMMAND,
) -> subprocess.Popen[str]:
    """Start the command in a folder."""
    root = Path(__file__).parents[1]
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    more = {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", PROGRAM.format(patch), *command, *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **more},
    )


def end(process: subprocess.Popen[str]) -> str:
    """Wait for a command, and return its exit code and last line."""
    for attempt in range(PARTS):  # this process may have been stopped itself
        try:
            _, said = process.communicate(timeout=LONGEST_S / PARTS)
            break
        except subprocess.TimeoutExpired:
            if attempt == PARTS - 1:
                process.send_signal(signal.SIGABRT)  # faulthandler says where it is
                _, said = process.communicate()
                return f"FAULT: it hangs: {said[-3000:]}"
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

    def same(self, *options: str, patch: str = "") -> str:
        """Let the command go on, and compare its frames."""
        said = end(start(self.folder, *options, "--quiet", patch=patch))
        if not said.startswith("0,"):
            return f"FAULT: going on ended in {said}"
        is_same = frames_of(self.folder) == self.whole
        left = {path.name for path in self.folder.iterdir()}
        left -= {"clip.mp4", "painting.png", "out", "out.mkv", "disk"}
        if left:
            return f"FAULT: left behind: {left}"
        return "the same frames" if is_same else "FAULT: other frames"

    def clear(self) -> None:
        """Take results away."""
        for path in self.folder.glob("out*"):
            if path.is_dir() and not path.is_symlink():
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
    patch = "import vidstyle.clip.painter as p\np.BEGUN_S = p.COST = 0"
    while killed < times:
        trial.clear()
        ended = False
        while not ended and killed < times:
            process = start(trial.folder, "--quiet", *TO_VIDEO, patch=patch)
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
        said = end(start(trial.folder, *work, "--quiet", patch=reserve))
        yield f"still full: {said}"
        (disk / "fill").unlink(missing_ok=True)
        yield f"freed: {trial.same(*work, patch=reserve)}"
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
        *("energies-*.json", "run.json", "vidstyle.json"),
    ):
        for kind in ("cut short", "a byte changed", "empty"):
            end(start(trial.folder, "--quiet", patch=stop))
            path = max(work.glob(name), default=None)
            if path is None:
                yield f"{name} {kind}: FAULT: it was not there"
                trial.clear()
                continue
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
        kept = painted(trial.folder)
        done = trial.same() if kept else "done"
        yield f"{name}: {said} ({kept} frames kept); then {done}"
        trial.clear()


def crash(trial: Trial) -> Iterator[str]:
    """Crash as a native library would."""
    yield trial.strike(AT_THIRD.format("import faulthandler; faulthandler._sigsegv()"))


def interrupt(trial: Trial, times: int = 60) -> Iterator[str]:
    """Ctrl-C and SIGTERM at random moments, until nothing but endings is left."""
    chance, ended = random.Random(1), Counter[str]()  # noqa: S311
    for place in range(times):
        process = start(trial.folder, "--quiet", *TO_VIDEO, "--overwrite")
        time.sleep(chance.uniform(1.5, 6.0))  # Python itself begins first
        process.send_signal(signal.SIGTERM if place % 4 == 3 else signal.SIGINT)
        said = end(process)
        ended[said] += 1
        if "FAULT" in said:
            yield said
        if left := _processes_about(trial.folder):
            yield f"FAULT: still there: {left}"
    yield f"{times} signals: {dict(ended)}; then {trial.same(*TO_VIDEO, '--overwrite')}"


def _processes_about(folder: Path) -> list[str]:
    """List the programs that have a folder's files in their arguments, or are in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if (path / "cwd").readlink() == folder or str(folder) in command:
                found.append(command)
    return found


NAMES = (
    *("with a space", 'it\'s "quoted"', "100%d %s", "new\nline", "\N{ARTIST PALETTE}"),
    *("-dash", "n" * 200, "a;b|c&d $HOME `x`", "[1]*?", "caf\xe9 \u65e5\u672c"),
)


def names(trial: Trial) -> Iterator[str]:
    """Give clip, painting and result strange names, in folders of such names."""
    for name in NAMES:
        folder = trial.folder / f"out {name}"
        folder.mkdir()
        clip, painting = folder / f"{name}.mp4", folder / f"{name}.png"
        shutil.copy2(trial.folder / "clip.mp4", clip)
        painting.symlink_to(trial.folder / "painting.png")
        output = folder / f"{name}.mkv"
        yield f"{name[:24]!r}: {_paint_named(trial, clip, painting, output)}"
    yield f"relative: {_paint_named(trial, *map(Path, ('-d.mp4', 'é.png', '-o.mkv')))}"
    link = trial.folder / "out link.mp4"
    link.symlink_to(trial.folder / "clip.mp4")
    painting = trial.folder / "painting.png"
    yield f"linked: {_paint_named(trial, link, painting, trial.folder / 'out l.mkv')}"
    output = trial.folder / f"out{'n' * 239}.mkv"  # and .vidstyle beside it
    yield f"246 characters: {_paint_named(trial, link, painting, output)}"
    long = trial.folder / f"out{'n' * 243}.mp4"
    long.symlink_to(trial.folder / "clip.mp4")
    output = trial.folder / "out 250.mkv"
    yield f"250 characters: {_paint_named(trial, long, painting, output)}"
    output = trial.folder / f"out{'n' * 247}.mkv"
    yield f"254 characters: {_paint_named(trial, link, painting, output)}"


def _paint_named(trial: Trial, clip: Path, painting: Path, output: Path) -> str:
    """Paint without steps under some names, and look at what comes out."""
    folder = trial.folder / "out"
    folder.mkdir(exist_ok=True)
    if not clip.is_absolute():
        shutil.copy2(trial.folder / "clip.mp4", folder / clip)
        shutil.copy2(trial.folder / "painting.png", folder / painting)
    given = (f"--style={painting}", f"--output={output}")
    steps = ("--steps", "1", "--next-steps", "1", "--network", "slim", "--quiet")
    command = ("video", *given, *steps, "--codec", "ffv1", "--", str(clip))
    said = end(start(folder, command=command))
    is_there = (folder / output).is_file()
    left = {path.name for path in (folder / output).parent.iterdir()}
    left -= {clip.name, painting.name, output.name}
    is_fault = said.startswith("0,") != is_there or (
        clip.parent != trial.folder and left
    )
    return f"FAULT: {said}, left: {left}" if is_fault else said


def source_folder(trial: Trial) -> Iterator[str]:
    """Read from a folder that cannot be written to, with and without an output."""
    with _small_disk(trial.folder) as disk:
        if disk is None:
            yield "skipped: no tmpfs can be mounted here"
            return
        for name in ("clip.mp4", "painting.png"):
            shutil.copy2(trial.folder / name, disk)
        remount = ["mount", "-o", "remount,ro", str(disk)]
        subprocess.run(remount, check=True)  # noqa: S603
        given = ("video", str(disk / "clip.mp4"), "-s", str(disk / "painting.png"))
        command = (*given, "--network", "slim", "--steps", "1", "--next-steps", "1")
        yield f"beside it: {end(start(trial.folder, command=command))}"
        elsewhere = (*command, "--quiet", "-o", "out")
        yield f"elsewhere: {end(start(trial.folder, command=elsewhere))}"
        trial.clear()


def flat(trial: Trial, frames: int = 5000) -> Iterator[str]:
    """Watch what a long run holds: memory, open files, threads, processes."""
    clip = trial.folder / "out long.mp4"
    make_clip(clip, f"testsrc2=s=24x24:r=25,trim=end_frame={frames}[v]")
    given = ("video", str(clip), "-s", "painting.png", "--network", "slim", "-o", "out")
    command = (*given, "--steps", "1", "--next-steps", "1", "--quiet")
    for name, number in (("whole", None), ("interrupted", signal.SIGINT)):
        process = start(trial.folder, command=command)
        seen: list[tuple[int, ...]] = []
        while process.poll() is None:
            done = painted(trial.folder)
            if done:
                seen.append((done, *_held(process.pid)))
            if number is not None and done > frames // 10:
                process.send_signal(number)
                break
            time.sleep(0.5)
        said = end(process)
        if not seen:
            yield f"FAULT: {name}: {said}"
            return
        middle = [row for row in seen if row[0] > frames // 10] or seen
        shown = [f"{row[0]}: {row[1:]}" for row in (middle[0], middle[-1])]
        most = tuple(map(max, zip(*(row[1:] for row in middle), strict=True)))
        left = _processes_about(trial.folder)
        fault = "FAULT: " * bool(left or most[0] > 1.1 * middle[0][1] + 20)
        yield (
            f"{fault}{name}: {said}; frames: (MiB, files, threads, processes): "
            f"{', '.join(shown)}, most {most}; left: {left}"
        )
        trial.clear() if name == "interrupted" else shutil.rmtree(trial.folder / "out")


def _held(pid: int) -> tuple[int, ...]:
    """Return the MiB, open files, threads and child processes of a process."""
    place = Path(f"/proc/{pid}")
    with contextlib.suppress(OSError):
        status = (place / "status").read_text(encoding="utf-8")
        memory, threads = (
            int(line.split()[1])
            for line in status.splitlines()
            if line.startswith(("VmRSS", "Threads"))
        )
        children = [
            child
            for task in (place / "task").iterdir()
            for child in (task / "children").read_text(encoding="utf-8").split()
        ]
        files = len([*(place / "fd").iterdir()])
        return memory // 1024, files, threads, len(children)
    return 0, 0, 0, 0


def clock(trial: Trial) -> Iterator[str]:
    """Set the clock back by ten years midway."""
    back = "import time; now = time.time; time.time = lambda: now() - 3e8"
    yield trial.strike(AT_THIRD.format(f"{back}; import os; os._exit(9)"))


TRIALS = {
    each.__name__: each
    for each in (
        *(kill, final, full, directory, ffmpeg, source),
        *(corrupted, two, nan, clock, crash, interrupt, names, source_folder, flat),
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
