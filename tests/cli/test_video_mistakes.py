"""``vidstyle video`` with wrong inputs: one sentence, its exit code, nothing left."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from running import FEW, FRAMES, Run, names_in

from vidstyle.errors import VideoWriteError
from vidstyle.video.ffmpeg import run_ffmpeg
from vidstyle.video.work_dir import FrameStore

pytestmark = pytest.mark.slow

STYLE = ("--style", "painting.png")
USAGE, INPUT, WEIGHTS, OUTPUT, WORK_DIR = 2, 3, 4, 6, 7


class Mistake(NamedTuple):
    """What is wrong, and what is said of it."""

    words: str
    options: str = ""
    code: int = INPUT
    clip: str = "clip.mp4"
    is_early: bool = True
    """Whether it is found before a network is loaded."""


MISTAKES = {
    "long name": Mistake("is too long; set", f"-o {'n' * 249}.mkv", OUTPUT),
    "missing clip": Mistake("cannot read gone.mp4: No such file", clip="gone.mp4"),
    "empty file": Mistake("empty.mp4 is empty", clip="empty.mp4"),
    "text file": Mistake("text.mp4 is not a readable video", clip="text.mp4"),
    "only sound": Mistake("sound.m4a holds sound, but no", clip="sound.m4a"),
    "unreadable": Mistake("cannot read loop.mp4: Too many", clip="loop.mp4"),
    "folder": Mistake("folder diary has no numbered", clip="diary"),
    "still": Mistake("painting.png is a still picture", clip="painting.png"),
    "too small": Mistake("small.gif is 14x14; a clip needs", clip="small.gif"),
    "too flat": Mistake("the result would have 16x11", "--long-side 16"),
    "side": Mistake("long-side is 8; it must be at least 16", "--long-side 8"),
    "no style": Mistake("cannot read gone.jpg: No such file", "-s gone.jpg"),
    "text as style": Mistake("text.mp4 is not a picture", "-s text.mp4"),
    "folder as style": Mistake("there is no picture in the folder diary", "-s diary"),
    "flat style": Mistake("the painting would have 48x10", "-s flat.png"),
    "a weight too many": Mistake("style-mix has 2 values", "--style-mix 1,2"),
    "no part": Mistake(
        "style-mix: at least one weight must be more than 0", "--style-mix 0"
    ),
    "nan part": Mistake("a weight of style-mix is nan", "--style-mix nan"),
    "negative part": Mistake("a weight of style-mix is -1", "--style-mix -1"),
    "two sizes": Mistake(
        "style-side or style-scale", "--style-side 99 --style-scale 1"
    ),
    "no mask": Mistake("cannot read gone.png", "--region gone.png=painting.png"),
    "black mask": Mistake(
        "black.png is all black; paint", "--region black.png=flat.png"
    ),
    "no painting of a region": Mistake(
        "cannot read gone.png", "--region white.png=gone.png"
    ),
    "text as mask": Mistake("is not a picture", "--region text.mp4=painting.png"),
    "tall mask": Mistake(
        "not have the aspect ratio of", "--region painting.png=painting.png"
    ),
    "tall mask of a preview": Mistake(
        "not have the aspect ratio of", "-p --region painting.png=painting.png"
    ),
    "no mask of a preview": Mistake(
        "cannot read gone.png", "-p --region gone.png=painting.png"
    ),
    "no init": Mistake("cannot read gone.png: No such file", "--init gone.png"),
    "fewer steps than none": Mistake(
        "steps is -1; it must be at least 0", "--steps -1"
    ),
    "fewer next steps than none": Mistake(
        "next-steps is -1; it must be", "--next-steps -1"
    ),
    "nan": Mistake("content-weight is nan; it must be", "--content-weight nan"),
    "negative": Mistake("temporal-weight is -1.0", "--temporal-weight -1"),
    "no weight": Mistake("are both 0: nothing to optimize", "-c 0 -w 0"),
    "layer twice": Mistake("layers names a layer twice", "--style-layers a,a"),
    "nan layer": Mistake("weight of a in style-layers", "--style-layers a:nan"),
    "backwards": Mistake("frames 5:2 is empty", "--frames 5:2"),
    "two ranges": Mistake("give either frames, or start", "--frames 1:3 --start 0"),
    "no time": Mistake("duration is 0.0; it must be more", "--duration 0"),
    "wide GIF": Mistake("gif-width is 0; it must be at least 16", "--gif-width 0"),
    "exists": Mistake("there.mp4 exists; use --overwrite", "-o there.mp4", OUTPUT),
    "itself": Mistake("clip.mp4 would replace an input", "-o ./clip.mp4 -y"),
    "link to itself": Mistake("link.mp4 would replace an input", "-o link.mp4 -y"),
    "log on painting": Mistake("would replace an input", "--log painting.png"),
    "no such format": Mistake("out.xyz has no video file extension", "-o out.xyz"),
    "as picture": Mistake("out.png has no video file extension", "-o out.png"),
    "GIF as text": Mistake("x.txt must end in .gif or .mp4", "--gif-output x.txt"),
    "GIF nowhere": Mistake("folder gone for", "--gif-output gone/x.gif", OUTPUT),
    "two in one": Mistake("two results would be named", "-o a.mp4 --gif-output a.mp4"),
    "log nowhere": Mistake("cannot write the log gone", "--log gone/log", OUTPUT),
    "log on folder": Mistake("log diary: Is a directory", "--log diary", OUTPUT),
    "no preview": Mistake("a.xyz: .xyz is not a picture", "-p -o a.xyz", OUTPUT),
    # What only a network, or the end of the clip, can tell.
    "no such layer": Mistake(
        "slim has no layer relu9_1; it has", "--style-layers relu9_1", is_early=False
    ),
    "too deep": Mistake(
        "slim has no layer relu5_2; it", "--content-layers relu5_2", is_early=False
    ),
    "maximum": Mistake(
        "slim supports only average pooling", "--pooling max", is_early=False
    ),
    "beyond the end": Mistake(
        "clip.mp4 has no frame in the requested range", "--frames 90:95", is_early=False
    ),
    "too late": Mistake(
        "clip.mp4 has no frame in the requested range", "--start 60", is_early=False
    ),
    "no published weights": Mistake(
        "no weights for vgg16: Connection refused. Put vgg16-",
        "--network vgg16",
        WEIGHTS,
        is_early=False,
    ),
    "layer before weights": Mistake(
        "vgg19 has no layer relu9_1",
        "--network vgg19 --style-layers relu9_1",
        is_early=False,
    ),
    "no weights": Mistake(
        "weights of slim from gone.pth", "--weights gone.pth", WEIGHTS, is_early=False
    ),
    "text as weights": Mistake(
        "text.mp4 is damaged or not a weights file",
        "--weights text.mp4",
        WEIGHTS,
        is_early=False,
    ),
    "no work dir": Mistake(
        "diary is not a vidstyle work directory",
        "--work-dir diary",
        WORK_DIR,
        is_early=False,
    ),
    "not even anew": Mistake(
        "diary is not a vidstyle work",
        "--work-dir diary --restart",
        WORK_DIR,
        is_early=False,
    ),
    "work in a file": Mistake(
        "directory text.mp4: File exists",
        "--work-dir text.mp4",
        WORK_DIR,
        is_early=False,
    ),
}


def ffmpeg(*arguments: str) -> None:
    run_ffmpeg(arguments, error=VideoWriteError, failed="test clip")


@pytest.fixture(scope="session")
def oddities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make what takes ffmpeg to make, once."""
    folder = tmp_path_factory.mktemp("oddities")
    lavfi = ("-f", "lavfi", "-i")
    ffmpeg(*lavfi, "sine=d=0.5", str(folder / "sound.m4a"))
    ffmpeg(*lavfi, "testsrc=s=14x14:r=5:d=1", str(folder / "small.gif"))
    ffmpeg(*lavfi, "testsrc=s=64x14", "-frames:v", "1", str(folder / "flat.png"))
    size = "color=%s:s=48x32"
    for name in ("black", "white"):
        ffmpeg(*lavfi, size % name, "-frames:v", "1", str(folder / f"{name}.png"))
    return folder


@pytest.fixture
def mistaken(here: Path, oddities: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Add what users take for a clip, or for a place for results, and have no net."""
    (here / "empty.mp4").touch()
    (here / "text.mp4").write_text("Dear diary,\n" * 100, encoding="utf-8")
    (here / "there.mp4").write_text("mine", encoding="utf-8")
    (here / "full.mp4").mkdir()
    (here / "diary").mkdir()
    (here / "diary" / "monday.txt").write_text("mine", encoding="utf-8")
    (here / "loop.mp4").symlink_to("loop.mp4")
    (here / "link.mp4").symlink_to("clip.mp4")
    shutil.copytree(oddities, here, dirs_exist_ok=True)
    monkeypatch.setenv("VIDSTYLE_CACHE", str(here / "diary"))
    monkeypatch.setenv("VIDSTYLE_WEIGHTS_URL", "http://127.0.0.1:9/")
    return here


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_one_sentence_and_leaves_nothing(
    mistaken: Path, vidstyle: Run, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    if mistake.is_early:
        monkeypatch.setattr("vidstyle.stylize.load_network", pytest.fail)
    before = names_in(mistaken), names_in(mistaken / "diary")
    options = mistake.options.split()
    said = vidstyle("video", mistake.clip, *STYLE, "--quiet", *FEW, *options)
    assert said.code == mistake.code
    assert said.stdout == ""
    (line,) = said.lines
    assert line.startswith("error: ")
    assert mistake.words in line
    assert line.endswith(".")
    assert (names_in(mistaken), names_in(mistaken / "diary")) == before
    assert (mistaken / "there.mp4").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_device_that_is_not_there_is_named(
    here: Path, vidstyle: Run, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    backend = torch.cuda if device == "cuda" else torch.backends.mps
    monkeypatch.setattr(backend, "is_available", lambda: False)
    said = vidstyle("video", "clip.mp4", *STYLE, "--quiet", *FEW, "--device", device)
    assert said.code == INPUT
    words = f"this machine has no device {device}; use --device auto or cpu"
    assert said.stderr == f"error: {words}.\n"
    assert names_in(here) == {"clip.mp4", "painting.png"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--steps many", "'--steps': Input should be a valid integer"),
        ("--device tpu", "'tpu'"),
        ("--frames 12", "'12' is not a range of frames such as 0:48"),
        ("--frames a:b", "'a:b' is not a range of frames"),
        ("--long-side big", "'big' is neither a number of pixels nor source"),
        ("--style-layers relu1_1:x", "'x' in 'relu1_1:x' is not a number"),
        ("--style-mix 1:2", "'1:2' is not a list of numbers such as 2,1"),
        ("--style-at 0:a.png", "give either --style or --style-at, not both"),
        ("--keep-color hue", "'hue' is not one of 'none', 'luminance', 'histogram'"),
        ("--region sky.png", "'sky.png' is not MASK=PAINTING, such as"),
        ("--couleur", "No such option: --couleur"),
    ],
)
def test_what_cannot_be_parsed_is_usage(
    here: Path, vidstyle: Run, options: str, words: str
) -> None:
    said = vidstyle("video", "clip.mp4", *STYLE, *options.split())
    assert said.code == USAGE
    assert said.stdout == ""
    assert words in " ".join(said.stderr.replace("│", " ").split())
    assert names_in(here) == {"clip.mp4", "painting.png"}


def test_style_is_asked_for(vidstyle: Run) -> None:
    said = vidstyle("video", "clip.mp4")
    assert said.code == USAGE
    assert "Missing option '--style'" in said.stderr


@pytest.mark.parametrize(
    ("at", "code", "words"),
    [
        ("painting.png", USAGE, "is not SECONDS:FILE, such as"),
        ("0:painting.png 0:painting.png", INPUT, "style-at: 0, 0 is not ascending"),
        ("-1:painting.png", INPUT, "a time of style-at is -1.0"),
        ("1:painting.png 0:painting.png", INPUT, "style-at: 1, 0 is not ascending"),
        ("nan:painting.png", INPUT, "a time of style-at is nan"),
        ("0:painting.png 1:gone.png", INPUT, "cannot read gone.png"),
    ],
)
def test_times_of_paintings_are_checked(
    here: Path, vidstyle: Run, at: str, code: int, words: str
) -> None:
    options = [part for each in at.split() for part in ("--style-at", each)]
    said = vidstyle("video", "clip.mp4", "--quiet", *FEW, *options)
    assert said.code == code
    assert words in " ".join(said.stderr.replace("│", " ").split())
    assert names_in(here) == {"clip.mp4", "painting.png"}


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["clip.mp4", "painting.png"])
def test_file_that_may_not_be_read_is_named(
    here: Path, vidstyle: Run, name: str
) -> None:
    (here / name).chmod(0)
    said = vidstyle("video", "clip.mp4", *STYLE, "--quiet", *FEW)
    assert said.code == INPUT
    assert said.stderr == f"error: cannot read {name}: Permission denied.\n"


def test_folder_that_may_not_be_written_is_named(
    here: Path, vidstyle: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidstyle.images.os.access", lambda *_: False)
    said = vidstyle("video", "clip.mp4", *STYLE, *FEW)
    assert said.code == OUTPUT
    assert said.stderr == "error: the folder . is not writable.\n"


@pytest.fixture
def torn(here: Path) -> Path:
    """Make a clip of 24 frames that breaks off."""
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=48x32:r=12:d=2", "-c:v", "libx264"),
        *("-g", "1", "-pix_fmt", "yuv420p", "-movflags", "faststart", "whole.mp4"),
    )
    data = (here / "whole.mp4").read_bytes()
    (here / "torn.mp4").write_bytes(data[: len(data) * 2 // 3])
    (here / "whole.mp4").unlink()
    return here


def test_torn_clip_is_painted_as_far_as_it_reads(torn: Path, vidstyle: Run) -> None:
    said = vidstyle("video", "torn.mp4", *STYLE, *FEW, "-o", "out")
    assert said.code == 0
    painted = len(names_in(torn / "out"))
    assert 8 < painted < 24
    (warning,) = [line for line in said.lines if line.startswith("warning: ")]
    assert f"torn.mp4 is truncated after {painted} of about 24 frames" in warning


def test_torn_clip_is_refused_if_strict(torn: Path, vidstyle: Run) -> None:
    said = vidstyle("video", "torn.mp4", *STYLE, *FEW, "-o", "out", "--strict", "-q")
    assert said.code == INPUT
    (line,) = said.lines
    assert line.startswith("error: torn.mp4 is truncated after")
    assert not (torn / "out").exists()


def test_range_that_goes_beyond_the_end_is_painted_as_far_as_it_goes(
    here: Path, vidstyle: Run
) -> None:
    said = vidstyle("video", "clip.mp4", *STYLE, *FEW, "-o", "out", "--frames", "7:20")
    assert said.code == 0
    assert len(names_in(here / "out")) == FRAMES - 7
    assert (
        f"warning: clip.mp4 has only {FRAMES} frames; painting 7:{FRAMES} instead "
        in (said.stderr)
    )


def test_short_disk_is_noticed_before_it_is_full(
    here: Path, vidstyle: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FrameStore, "free_bytes", lambda _: 10**6)
    said = vidstyle("video", "clip.mp4", *STYLE, *FEW, "--quiet")
    assert said.code == WORK_DIR
    (line,) = said.lines
    assert "200 MiB are free in clip.painting.mp4.vidstyle; free some and run" in line
    assert names_in(here) == {"clip.mp4", "painting.png"}


@pytest.fixture
def full_after(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Let the disk fill up after so many frames are painted."""
    room = [0]
    put = FrameStore.put_stylized

    def put_while_there_is_room(self: FrameStore, *arguments: object) -> None:
        if not room[0]:
            monkeypatch.setattr("vidstyle.images.os.fdopen", refuse)
        room[0] -= 1
        put(self, *arguments)

    def refuse(handle: int, _mode: str) -> None:
        os.close(handle)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FrameStore, "put_stylized", put_while_there_is_room)
    return room


@pytest.mark.parametrize("painted", [0, 4])
def test_work_on_a_full_disk_is_kept_if_there_is_any(
    here: Path, vidstyle: Run, full_after: list[int], painted: int
) -> None:
    full_after[0] = painted
    said = vidstyle("video", "clip.mp4", *STYLE, *FEW, "--quiet")
    assert said.code == WORK_DIR
    (line,) = said.lines
    assert "No space left on device. Finished frames are kept." in line
    work = here / "clip.painting.mp4.vidstyle"
    assert names_in(here) - {work.name} == {"clip.mp4", "painting.png"}
    kept = {path.name for path in work.glob("stylized/*")}
    assert kept == {f"00000{number}.png" for number in range(1, painted + 1)}


def test_painting_that_the_clip_does_not_last_to_is_told(
    here: Path, vidstyle: Run
) -> None:
    at = ("--style-at", "0:painting.png", "--style-at", "60:painting.png")
    for options in (["--frames", "0:1", "-o", "out"], ["--preview"]):
        said = vidstyle("video", "clip.mp4", *at, *FEW, *options)
        assert said.code == 0, said.stderr
        (warning,) = [line for line in said.lines if line.startswith("warning: ")]
        assert "style-at 60: the clip ends at 0.75 s, before this painting" in warning
