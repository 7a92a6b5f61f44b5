"""``vidstyle video`` as a user types it, on a tiny clip with few steps."""

import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from running import FEW, FPS, FRAMES, SHOTS, Run, Said, names_in

from vidstyle.errors import VideoWriteError
from vidstyle.images import read_picture, resize_frame, write_picture
from vidstyle.records import TimedFrame
from vidstyle.video.ffmpeg import run_ffmpeg
from vidstyle.video.probe import probe
from vidstyle.video.read import read_frames
from vidstyle.video.streams import list_packets
from vidstyle.video.write import write_video

pytestmark = pytest.mark.slow

INPUTS = {"clip.mp4", "painting.png"}


@pytest.fixture
def paint(vidstyle: Run) -> Run:
    """Run the command with few steps; it has to go well."""

    def run(clip: str, *arguments: str) -> Said:
        said = vidstyle("video", clip, "-s", "painting.png", *FEW, *arguments)
        assert said.code == 0, said.stderr
        return said

    return run


def read(path: str) -> list[TimedFrame]:
    return list(read_frames(probe(Path(path)), on_warning=pytest.fail))


def sound_packets(path: str) -> bytes:
    arguments = ["-i", path, "-map", "0:a", "-c", "copy", "-f", "md5", "-"]
    return run_ffmpeg(arguments, error=VideoWriteError, failed="no sound")


def shape_of(path: str) -> tuple[int, int]:
    info = probe(Path(path))
    return info.height, info.width


def test_clip_comes_out_with_its_frames_times_and_sound(here: Path, paint: Run) -> None:
    said = paint("clip.mp4")
    assert said.stdout == "clip.painting.mp4\n"
    first, last = said.lines
    assert first == f"clip.mp4: {FRAMES} frames, 48x32, {FPS} fps, with sound -> 48x32"
    assert re.fullmatch(rf"done in 0:\d\d, {FRAMES} frames", last)
    assert names_in(here) == {*INPUTS, "clip.painting.mp4"}
    source, painted = read("clip.mp4"), read("clip.painting.mp4")
    assert len(painted) == FRAMES
    times = [timed.time_s for timed in source]
    assert [timed.time_s for timed in painted] == pytest.approx(times, abs=5e-4)
    assert sound_packets("clip.painting.mp4") == sound_packets("clip.mp4")
    for before, after in zip(source, painted, strict=True):
        assert np.abs(before.frame.astype(int) - after.frame).mean() > 2


def test_network_that_auto_took_is_named(paint: Run) -> None:
    said = paint("clip.mp4", "--network", "auto", "--frames", ":1")
    assert said.lines[1] == "network slim: built in, and made for a CPU"


@pytest.mark.parametrize(
    ("options", "frames"),
    [
        (("--frames", "2:5"), range(2, 5)),
        (("--frames", "7:"), range(7, FRAMES)),
        (("--start", "0.25"), range(3, FRAMES)),
        (("--duration", "0.5"), range(6)),
        (("--start", "0.2", "--duration", "0.25"), range(3, 6)),
    ],
)
def test_part_of_a_clip_is_taken(
    here: Path, paint: Run, options: tuple[str, ...], frames: range
) -> None:
    said = paint("clip.mp4", *options, "-o", "out.mp4")
    expected = f"clip.mp4: {len(frames)} of {FRAMES} frames, 48x32"
    assert said.lines[0].startswith(expected)
    taken = read("out.mp4")
    times = [(index - frames.start) / FPS for index in frames]
    assert [timed.time_s for timed in taken] == pytest.approx(times, abs=1e-3)
    whole = read("clip.mp4")
    for index, timed in zip(frames, taken, strict=True):
        likeness = [_likeness(timed, other) for other in whole]
        shown = [_likeness(whole[index], other) for other in whole]
        assert np.corrcoef(likeness, shown)[0, 1] > 0.9


def _likeness(one: TimedFrame, other: TimedFrame) -> float:
    return float(np.corrcoef(one.frame.ravel(), other.frame.ravel())[0, 1])


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ((), "48x32"),
        (("--long-side", "40"), "40x26"),
        (("--long-side", "40", "--output-size", "source"), "48x32"),
        (("--long-side", "source"), "48x32"),
        (("--long-side", "1000"), "48x32"),
    ],
)
def test_first_line_says_the_size_of_the_result(
    here: Path, paint: Run, options: tuple[str, ...], size: str
) -> None:
    said = paint("clip.mp4", *options, "--frames", ":2", "-o", "out.mp4", "--json")
    assert said.lines[0].endswith(f" -> {size}")
    height, width = shape_of("out.mp4")
    assert f"{width}x{height}" == size
    result = json.loads(said.stdout)
    assert (result["width"], result["height"]) == (width, height)


def test_folder_of_results_keeps_odd_sizes(here: Path, paint: Run) -> None:
    said = paint("clip.mp4", "--long-side", "41", "--frames", "3:5", "-o", "out")
    assert said.stdout == "out\n"
    assert said.lines[0].endswith(" -> 41x27")
    assert names_in(here / "out") == {"000001.png", "000002.png"}
    assert read_picture(here / "out" / "000002.png").shape == (27, 41, 3)
    assert names_in(here) == {*INPUTS, "out"}


def test_folder_of_pictures_is_a_clip(here: Path, paint: Run) -> None:
    (here / "shots").mkdir()
    for timed in read("clip.mp4")[:4]:
        odd = resize_frame(timed.frame, height=31, width=47)
        write_picture(here / "shots" / f"frame-{timed.index + 8}.png", odd)
    said = paint("shots")
    assert said.stdout == "shots.painting.mp4\n"
    assert said.lines[0] == "shots: 4 frames, 47x31, 25 fps -> 46x30"
    assert len(read("shots.painting.mp4")) == 4


def test_folder_of_pictures_has_the_rate_that_is_given(here: Path, paint: Run) -> None:
    (here / "shots").mkdir()
    for timed in read("clip.mp4")[:3]:
        write_picture(here / "shots" / f"{2 * timed.index}.png", timed.frame)
    said = paint("shots", "--fps", "12.5", "-o", "out.mkv")
    assert said.lines[0] == "shots: 3 frames, 48x32, 12.5 fps -> 48x32"
    assert "has no picture for 2 numbers" in said.stderr
    times_s = [timed.time_s for timed in read("out.mkv")]
    assert times_s == pytest.approx([0, 0.08, 0.16])


def test_folder_that_the_user_is_in_is_a_clip(
    here: Path, paint: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "shots").mkdir()
    write_picture(here / "shots" / "1.png", read("clip.mp4")[0].frame)
    (here / "painting.png").rename(here / "shots" / "painting.png")
    monkeypatch.chdir(here / "shots")
    assert paint(".").stdout == f"{here}/shots.painting.mp4\n"


def test_animated_gif_is_a_clip(here: Path, paint: Run) -> None:
    arguments = ["-i", "clip.mp4", "-frames:v", "4", "-r", "10", "moving.gif"]
    run_ffmpeg(arguments, error=VideoWriteError, failed="test clip")
    said = paint("moving.gif")
    assert said.stdout == "moving.painting.gif\n"
    assert " fps -> 48x32" in said.lines[0]
    assert [timed.time_s for timed in read("moving.painting.gif")] == pytest.approx(
        [timed.time_s for timed in read("moving.gif")], abs=1e-3
    )


@pytest.mark.parametrize(
    ("part", "shown_s"), [("0:3", [0.1, 0.1, 0.6]), ("2:", [0.6, 0.1, 0.8])]
)
def test_part_of_a_gif_holds_its_last_frame_as_long(
    here: Path, paint: Run, part: str, shown_s: list[float]
) -> None:
    frames = [timed.frame for timed in read("clip.mp4")[:5]]
    times_s = [0, 0.1, 0.2, 0.8, 0.9]
    gif = Path("moving.gif")
    write_video(frames, gif, times_s=times_s, fps=Fraction(10), hold_s=0.8)
    paint("moving.gif", "--frames", part)
    packets = list_packets(Path("moving.painting.gif"), "0:v:0")
    assert [packet.duration_s for packet in packets] == pytest.approx(shown_s)


def test_gif_and_sheet_stand_beside_the_result(here: Path, paint: Run) -> None:
    said = paint("clip.mp4", "--gif", "--gif-width", "24", "--sheet", "-o", "out.mp4")
    assert said.stdout.split() == ["out.mp4", "out.gif", "out.sheet.png"]
    assert names_in(here) == {*INPUTS, *said.stdout.split()}
    assert shape_of("out.gif") == (16, 24)
    assert len(read("out.gif")) >= 2
    height, width = read_picture(here / "out.sheet.png").shape[:2]
    assert height > 2 * 32
    assert width > 4 * 48


def test_gif_shows_the_frame_that_was_asked_for(here: Path, paint: Run) -> None:
    paint("clip.mp4", "--gif-output", "learned.mp4", "--gif-frame", "8", "-o", "a")
    learned, source = read("learned.mp4"), read("clip.mp4")
    # It begins with the source's frame; the shots differ much.
    assert _likeness(learned[0], source[8]) > 0.98
    result = read_picture(here / "a" / "000009.png").astype(int)
    assert np.abs(learned[-1].frame - result).mean() < 4  # it went through H.264


def test_gif_of_a_frame_that_is_not_painted_is_no_failure(
    here: Path, paint: Run
) -> None:
    said = paint("clip.mp4", "--gif", "--gif-frame", "8", "--frames", ":2")
    assert said.stdout == "clip.painting.mp4\n"
    assert said.lines[-2] == (
        "warning: no clip.painting.gif: frame 8 is not in the painted range"
    )


def test_preview_is_one_sheet(here: Path, paint: Run) -> None:
    said = paint("clip.mp4", "--preview", "--long-side", "40")
    assert said.stdout == "clip.painting.preview.png\n"
    assert names_in(here) == {*INPUTS, "clip.painting.preview.png"}
    sizes = "48x32, 12 fps, with sound -> 40x27; this preview: 40x27"
    assert said.lines[0] == f"clip.mp4: {FRAMES} frames, {sizes}"
    assert said.lines[-2].startswith(f"whole clip: {FRAMES} frames at 40x27, about")
    height, width = read_picture(here / "clip.painting.preview.png").shape[:2]
    assert height > 2 * 27
    assert width > 3 * 40


def test_preview_ignores_what_only_a_whole_run_writes(here: Path, paint: Run) -> None:
    (here / "clip.painting.gif").write_text("mine", encoding="utf-8")
    paint("clip.mp4", "--preview", "--gif", "--sheet")
    assert (here / "clip.painting.gif").read_text(encoding="utf-8") == "mine"


def test_json_is_one_object(here: Path, paint: Run) -> None:
    said = paint("clip.mp4", "--json", "--gif", "--sheet", "--batch", "2")
    result = json.loads(said.stdout)
    assert result.pop("seconds") > 0
    first_frames = 3 * len(SHOTS)
    assert first_frames < result.pop("steps") <= first_frames + 4 * FRAMES
    assert result == {
        "output": "clip.painting.mp4",
        "frames": FRAMES,
        "shots": len(SHOTS),
        "width": 48,
        "height": 32,
        "gif": "clip.painting.gif",
        "sheet": "clip.painting.sheet.png",
        "compare": None,
    }


def test_quiet_says_nothing_but_the_result(here: Path, paint: Run) -> None:
    said = paint("clip.mp4", "--quiet")
    assert said.stderr == ""
    assert said.stdout == "clip.painting.mp4\n"


def test_log_has_every_step_of_every_frame(here: Path, paint: Run) -> None:
    options = ("--log", "losses.jsonl", "--key-frames", "1")
    said = paint("clip.mp4", *options, "--json")
    lines = (here / "losses.jsonl").read_text(encoding="utf-8").splitlines()
    reports = [json.loads(line) for line in lines]
    assert len(reports) == json.loads(said.stdout)["steps"]
    assert {report["frame"] for report in reports} == set(range(FRAMES))
    for index in range(FRAMES):
        steps = [each["step"] for each in reports if each["frame"] == index]
        assert steps == list(range(1, len(steps) + 1))
    for report in reports:
        assert set(report["losses"]) >= {"content", "style", "tv", "temporal"}
        assert report["loss"] == pytest.approx(sum(report["losses"].values()), rel=1e-4)
    paint("clip.mp4", *options, "--frames", ":1", "-y")
    lines = (here / "losses.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["frame"] for line in lines} == {0}


def test_log_may_be_no_file(here: Path, paint: Run) -> None:
    paint("clip.mp4", "--log", "/dev/null", "--frames", ":1")
    assert Path("/dev/null").exists()


def test_overwriting_replaces_clip_and_folder(here: Path, paint: Run) -> None:
    (here / "out.mp4").write_text("old", encoding="utf-8")
    paint("clip.mp4", "-o", "out.mp4", "--frames", ":1", "--overwrite")
    assert len(read("out.mp4")) == 1
    paint("clip.mp4", "-o", "out", "--frames", ":3")
    paint("clip.mp4", "-o", "out", "--frames", ":2", "-y")
    assert names_in(here / "out") == {"000001.png", "000002.png"}


def test_work_may_lie_elsewhere(here: Path, paint: Run) -> None:
    paint("clip.mp4", "--work-dir", "scratch/here", "--frames", ":1")
    assert names_in(here) == {*INPUTS, "clip.painting.mp4", "scratch"}
    assert names_in(here / "scratch") == set()


def test_batches_paint_the_same_but_for_rounding(here: Path, paint: Run) -> None:
    paint("clip.mp4", "-o", "alone")
    paint("clip.mp4", "-o", "three", "--batch", "3")
    paint("clip.mp4", "-o", "again", "--batch", "3")
    assert len(names_in(here / "three")) == FRAMES
    for name in names_in(here / "alone"):
        alone, three, again = (
            read_picture(here / folder / name).astype(int)
            for folder in ("alone", "three", "again")
        )
        assert np.abs(alone - three).max() <= 1
        assert np.array_equal(three, again)


def test_neighbors_in_the_batch_change_nothing(here: Path, paint: Run) -> None:
    """Rule (i): with the same shape of batch, bit for bit."""
    paint("clip.mp4", "-o", "three", "--batch", "3")
    first = SHOTS["testsrc2"]
    paint("clip.mp4", "-o", "first", "--batch", "3", "--frames", f":{first}")
    for name in names_in(here / "first"):
        three, one = here / "three" / name, here / "first" / name
        assert three.read_bytes() == one.read_bytes()


def test_rate_is_exact(here: Path, paint: Run) -> None:
    arguments = ["-f", "lavfi", "-i", "testsrc2=s=48x32:r=30000/1001", "-frames:v", "3"]
    run_ffmpeg([*arguments, "film.mkv"], error=VideoWriteError, failed="test clip")
    assert ", 29.97 fps -> " in paint("film.mkv", "-o", "out.mp4").lines[0]
    assert probe(Path("out.mp4")).fps == Fraction(30000, 1001)


def test_region_is_painted_and_the_rest_stays(here: Path, vidstyle: Run) -> None:
    mask = np.zeros((32, 48, 3), np.uint8)
    mask[:, :20] = 255
    write_picture(here / "mask.png", mask)
    region = ("--region", "mask.png=painting.png")
    said = vidstyle("video", "clip.mp4", *region, *FEW, "--frames", "0:2", "-o", "out")
    assert said.code == 0, said.stderr
    info = probe(here / "clip.mp4")
    for timed in read_frames(info, on_warning=pytest.fail):
        if timed.index == 2:
            break
        painted = read_picture(here / "out" / f"{timed.index + 1:06d}.png")
        assert np.array_equal(painted[:, 24:], timed.frame[:, 24:])
        assert not np.array_equal(painted[:, :16], timed.frame[:, :16])
    assert not (here / "out.vidstyle").exists()


def test_region_is_previewed_and_its_learning_shown(here: Path, vidstyle: Run) -> None:
    mask = np.zeros((32, 48, 3), np.uint8)
    mask[:, :20] = 255
    write_picture(here / "mask.png", mask)
    region = ("--region", "mask.png=painting.png", "--mask-motion", "flow")
    said = vidstyle("video", "clip.mp4", *region, *FEW, "--preview")
    assert said.code == 0, said.stderr
    assert names_in(here) == {
        *("clip.mp4", "painting.png", "mask.png", "clip.painting.preview.png")
    }
    said = vidstyle("video", "clip.mp4", *region, *FEW, "--gif", "--frames", "0:2")
    assert said.code == 0, said.stderr
    assert (here / "clip.painting.gif").exists()
    assert (here / "clip.painting.mp4").exists()


def test_mix_of_all_and_nothing_is_the_one_painting_throughout(
    here: Path, vidstyle: Run
) -> None:
    picture = np.ascontiguousarray(read_picture(here / "painting.png")[::-1, :, ::-1])
    write_picture(here / "other.png", picture)
    mixes = {
        "alone": ("-s", "painting.png"),
        "all": ("-s", "painting.png", "-s", "other.png", "--style-mix", "1,0"),
        "at": ("--style-at", "0:painting.png", "--style-at", "9e9:other.png"),
        "half": ("-s", "painting.png", "-s", "other.png"),
    }
    found = {}
    for name, mix in mixes.items():
        said = vidstyle("video", "clip.mp4", *mix, *FEW, "--frames", "0:5", "-o", name)
        assert said.code == 0, said.stderr
        paths = sorted((here / name).iterdir())
        found[name] = np.array([read_picture(path) for path in paths])
    assert np.array_equal(found["all"], found["alone"])
    assert (found["half"] != found["alone"]).any(axis=(1, 2, 3)).all()
    assert np.array_equal(found["at"][0], found["alone"][0])
    assert np.abs(found["at"].astype(int) - found["alone"]).max() <= 1
