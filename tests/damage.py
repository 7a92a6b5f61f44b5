"""Damage clips and pictures at random, and see that each is read or refused.

``python tests/damage.py 500`` tries 500 of them, seeded; ``python tests/damage.py 1
137`` tries number 137 alone; with WHOLE=1 in the environment each file is painted by
the whole command. What is neither read nor refused with a VidstyleError is
a fault: another exception, a crash of the interpreter, a minute of CPU time.
"""

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

LONGEST_S = 60
IS_WHOLE = "WHOLE" in os.environ
BATCH = 50
"""Cases that one process tries."""
CLIPS = {
    "a.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    "b.mkv": ("-c:v", "libx265", "-x265-params", "log-level=none", "-c:a", "flac"),
    "c.webm": ("-c:v", "libvpx-vp9", "-c:a", "libopus"),
    "d.avi": ("-c:v", "mpeg4", "-bf", "2"),
    "e.ts": ("-c:v", "mpeg2video", "-flags", "+ildct+ilme"),
    "f.mov": ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"),
    "g.gif": (),
    "h.apng": ("-plays", "0"),
    "i.h264": ("-c:v", "libx264", "-pix_fmt", "yuv420p"),
    "j.webp": (),
}
PICTURES = ("k.png", "l.jpg", "m.webp", "n.tif", "o.bmp", "p.avif", "q.ppm", "r.gif")


def make_originals(folder: Path) -> list[Path]:
    """Make a small clip or picture of each kind."""
    import numpy as np
    from PIL import Image, ImageCms

    from vidstyle.errors import VideoWriteError
    from vidstyle.video.ffmpeg import run_ffmpeg

    sources = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=2")
    sound = ("-f", "lavfi", "-i", "sine=duration=2")
    for name, arguments in CLIPS.items():
        inputs = (*sources, *(sound if "-c:a" in arguments else ()))
        run_ffmpeg(
            [*inputs, *arguments, str(folder / name)],
            error=VideoWriteError,
            failed=name,
        )
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 4), np.uint8)
    pixels[:24] = np.arange(64, dtype=np.uint8)[None, :, None]
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in PICTURES:
        has_alpha = name.endswith((".png", ".webp", ".tif"))
        how = (
            {}
            if name.endswith((".bmp", ".ppm", ".gif"))
            else {"icc_profile": profile, "exif": exif}
        )
        picture = Image.fromarray(pixels if has_alpha else pixels[..., :3])
        picture.save(folder / name, **how)  # type: ignore[arg-type]
    return [folder / name for name in (*CLIPS, *PICTURES)]


def damaged(originals: list[Path], number: int, folder: Path) -> tuple[Path, str]:
    """Write one damaged file, the same for the same number."""
    chance = random.Random(number)  # noqa: S311
    path = originals[number % len(originals)]
    data = bytearray(path.read_bytes())
    kind = chance.choice(("flip", "flip early", "cut", "hole", "swap", "insert"))
    place = chance.randrange(len(data))
    if kind.startswith("flip"):
        reach = len(data) if kind == "flip" else min(len(data), 300)
        for _ in range(chance.choice((1, 4, 30))):
            data[chance.randrange(reach)] = chance.randrange(256)
    elif kind == "cut":
        del data[place:]
    elif kind == "hole":
        data[place : place + 200] = bytes(len(data[place : place + 200]))
    elif kind == "swap":
        data[:32] = chance.choice(originals).read_bytes()[:32]
    else:
        data[place:place] = chance.randbytes(chance.randrange(1, 500))
    result = folder / f"{number}{path.suffix}"
    result.write_bytes(data)
    return result, f"{number} {path.name} {kind}"


def _is_clip(path: Path) -> bool:
    return path.suffix in {Path(name).suffix for name in CLIPS}


def read(path: Path) -> str:
    """Read a file as a clip or a picture, whichever it was."""
    from vidstyle.errors import VidstyleError
    from vidstyle.images import read_alpha, read_picture
    from vidstyle.video.probe import measure_timing, probe
    from vidstyle.video.read import read_frames

    told: list[str] = []
    is_clip = _is_clip(path)
    try:
        if not is_clip or path.suffix in {".webp", ".gif"}:
            frame, alpha = read_picture(path), read_alpha(path)
            if frame.shape[:2] != alpha.shape:
                return "FAULT: alpha of another shape"
        if is_clip:
            info = probe(path)
            measure_timing(info)
            count = sum(1 for _ in read_frames(info, on_warning=told.append))
            return f"{count} frames" + ", told" * bool(told)
    except VidstyleError as err:
        is_sentence = str(err).endswith(".") and "\n" not in str(err)
        return f"{'refused' if is_sentence else 'FAULT: no sentence'}: {err}"
    return "read"


def paint(path: Path, is_clip: bool) -> str:
    """Paint a file with the whole command, in a process of its own."""
    style, out = path.with_name("l.jpg"), path.with_name(f"out.{path.name}.mkv")
    few = ("--network", "slim", "--device", "cpu", "--steps", "1", "--quiet", "-y")
    kind = ("video", "--next-steps", "1", "--codec", "ffv1") if is_clip else ("image",)
    output = str(out if is_clip else out.with_suffix(".png"))
    command = (*kind, str(path), "-s", str(style), *few, "-o", output)
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "vidstyle", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=5 * LONGEST_S,
    )
    lines = done.stderr.strip().splitlines() or [""]
    is_noisy = "Traceback" in done.stderr or "Warning:" in done.stderr
    is_told = done.returncode in {0, 3} and not is_noisy
    is_right = is_told and (done.returncode == 0) == Path(output).exists()
    return f"{'' if is_right else 'FAULT: '}{done.returncode}, {lines[-1]}"


def try_some(folder: Path, first: int, stop: int) -> None:
    """Try some cases in this process, and say how each ends."""
    originals = [folder / name for name in (*CLIPS, *PICTURES)]
    for number in range(first, stop):
        path, name = damaged(originals, number, folder)
        print(f"{name}: ", end="", flush=True)  # noqa: T201
        began = sum(os.times()[:4])
        try:
            said = read(path) if not IS_WHOLE else paint(path, _is_clip(path))
        except Exception as err:  # noqa: BLE001 - that is what is looked for
            said = f"FAULT: {type(err).__name__}: {err}"
        spent_s = sum(os.times()[:4]) - began  # ours and ffmpeg's, not the machine's
        late = "FAULT: slow, " if spent_s > LONGEST_S else ""
        print(late + said.replace("\n", "\\n"), flush=True)  # noqa: T201
        path.unlink()


def run(count: int, first: int = 0) -> list[str]:
    """Try cases, and list how each ended."""
    ended: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_originals(folder)
        while (at := first + len(ended)) < first + count:
            stop = min(at + BATCH, first + count)
            command = [sys.executable, __file__, "--in", name, str(at), str(stop)]
            try:
                done = subprocess.run(  # noqa: S603
                    command,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=BATCH * LONGEST_S,
                )
                said, code = done.stdout, done.returncode
                why = f"FAULT: the process ended with {code}: {done.stderr[-500:]}"
            except subprocess.TimeoutExpired as err:
                output = err.stdout or b""
                said = output if isinstance(output, str) else output.decode()
                code, why = 1, "FAULT: it hangs"
            lines = said.splitlines()
            if code and len(lines) <= stop - at:
                lines = [*lines[:-1], (lines or [f"{at}: "])[-1] + why]
            ended += lines
    return ended


if __name__ == "__main__":
    if sys.argv[1] == "--in":
        try_some(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        lines = run(*map(int, sys.argv[1:]))
        print("\n".join(lines))  # noqa: T201
        sys.exit(any("FAULT" in line for line in lines))
