"""What is seen while a run goes on, on a terminal of 80 columns and in a file."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from vidstyle.cli import report as progress
from vidstyle.cli.report import ProgressView, losses_line
from vidstyle.pace import Pace
from vidstyle.records import Download, FrameReport, Plan, StepReport

LOSSES = {"content": 0.0064, "style": 0.0025, "tv": 0.0027, "temporal": 0.00028}


def step(
    frame: int,
    number: int,
    steps: int,
    losses: dict[str, float] = LOSSES,
    *,
    begins_shot: bool = False,
) -> StepReport:
    return StepReport(
        frame=frame,
        step=number,
        steps=steps,
        evaluations=number,
        read_losses=lambda: losses,
        begins_shot=begins_shot,
    )


def finished(
    frame: int, steps: int, *, known: int, is_all: bool = True, shots: int = 1
) -> FrameReport:
    return FrameReport(
        frame=frame,
        steps=steps,
        frames_known=known,
        all_known=is_all,
        shots_known=shots,
    )


def plan(frames: int | None, *, done: int = 0) -> Plan:
    return Plan(height=180, width=320, frames=frames, done=done, next_steps=40)


def test_work_left_is_counted_in_steps() -> None:
    pace = Pace(plan(5))
    for number in range(1, 101):
        pace.step(step(0, number, 300, begins_shot=True))
    assert pace.steps_left == 200 + 4 * 40
    for number in range(101, 301):
        pace.step(step(0, number, 300, begins_shot=True))
    pace.frame(finished(0, 300, known=5))
    assert pace.steps_left == 4 * 40
    # Frames that stop early say how many steps the next will take.
    for frame in (1, 2):
        for number in range(1, 26):
            pace.step(step(frame, number, 40))
        pace.frame(finished(frame, 25, known=5))
    assert pace.steps_left == 2 * 25
    assert pace.steps == 350


def test_several_frames_at_once_are_counted_each() -> None:
    pace = Pace(plan(10))
    for frame in (0, 3, 6):
        pace.step(step(frame, 1, 100, begins_shot=True))
    assert pace.steps_left == 3 * 99 + 7 * 40


def test_a_step_on_a_smaller_picture_counts_as_its_pixels_do() -> None:
    pace = Pace(Plan(height=180, width=320, frames=2, next_steps=100))
    small = {"level": 1, "levels": 2, "work": 0.5}
    for number in range(1, 51):
        left = 0.5 * (50 - number) + 50
        pace.step(replace(step(0, number, 100), work_left=left, **small))
    assert pace.steps == 25
    assert pace.steps_left == 50 + 100
    for number in range(51, 101):
        pace.step(replace(step(0, number, 100), level=2, levels=2, work_left=0))
    pace.frame(finished(0, 100, known=2))
    assert pace.steps_left == pytest.approx(75)


@pytest.mark.parametrize(
    ("frames", "shots", "least"), [(60, 1, 9), (240, 1, 9), (240, 6, 9), (60, 2, 50)]
)
def test_time_left_is_right_within_a_quarter(
    frames: int, shots: int, least: int
) -> None:
    pace = Pace(Plan(height=180, width=320, frames=frames, next_steps=12))
    works = [area for area in (0.06, 0.12, 0.25, 0.5, 1.0) for _ in range(60)]
    length = frames // shots
    seen: list[tuple[float, float]] = []  # steps taken and left
    for frame in range(frames):
        begins = frame % length == 0
        # The second frame of a shot takes most of its steps.
        following = 50 if frame % length == 1 else least + frame % 4
        count = 300 if begins else following
        for number in range(1, count + 1):
            report = step(frame, number, 300 if begins else 60, begins_shot=begins)
            if begins:
                left = sum(works[number:])
                report = replace(report, work=works[number - 1], work_left=left)
            pace.step(report)
            seen.append((pace.steps, pace.steps_left or 0))
        read = min(frames, frame + 96)
        begun = -(-read // length)
        pace.frame(
            finished(frame, count, known=read, is_all=read == frames, shots=begun)
        )
    for share in (0.1, 0.3, 0.6):
        taken, left = next(each for each in seen if each[0] >= share * pace.steps)
        assert left == pytest.approx(pace.steps - taken, rel=0.25)
    assert seen[0][1] < 1.25 * pace.steps
    assert pace.steps_left == 0


def test_time_left_counts_frames_that_take_no_step() -> None:
    pace = Pace(Plan(height=180, width=320, frames=65, next_steps=9))
    seen: list[tuple[float, float]] = []  # steps taken and left
    for key in range(0, 65, 8):
        counts = {key: 50 if key else 300} | dict.fromkeys(range(key - 7, key), 0)
        counts[key - 1] = 4  # something new has come into sight
        for frame, count in counts.items():
            if frame < 0:
                continue
            for number in range(1, count + 1):
                pace.step(step(frame, number, max(50, count), begins_shot=frame == 0))
                seen.append((pace.steps, pace.steps_left or 0))
            pace.frame(finished(frame, count, known=65))
    taken, left = next(each for each in seen if each[0] >= 0.6 * pace.steps)
    assert left == pytest.approx(pace.steps - taken, rel=0.25)
    assert pace.steps_left == 0


def test_a_frame_counts_beside_its_steps() -> None:
    pace = Pace(Plan(height=180, width=320, frames=3, next_steps=0, frame_work=1.5))
    assert pace.steps_left == 4.5
    pace.frame(finished(0, 0, known=3))
    assert (pace.steps, pace.steps_left) == (1.5, 3.0)


def test_size_is_shown_of_a_picture_that_has_several() -> None:
    report = replace(step(0, 7, 40), level=1, levels=3, work=0.5, work_left=30)
    assert any("7 of 40 steps, size 1 of 3" in line for line in shown(plan(1), report))


def test_work_of_an_earlier_run_is_done() -> None:
    pace = Pace(plan(10, done=6))
    assert (pace.finished, pace.steps, pace.steps_left) == (6, 240, 160)


def test_count_of_frames_follows_what_is_read() -> None:
    pace = Pace(plan(10))
    pace.frame(finished(0, 40, known=12, is_all=False))
    assert pace.frames == 12
    pace.frame(finished(1, 40, known=7))
    assert pace.frames == 7


def test_unknown_count_is_not_guessed() -> None:
    pace = Pace(plan(None))
    pace.step(step(0, 1, 100))
    pace.frame(finished(0, 100, known=30, is_all=False))
    assert pace.frames is None
    assert pace.steps_left is None
    pace.frame(finished(1, 100, known=31))
    assert pace.steps_left == 29 * 100


def test_losses_that_do_not_matter_are_left_out() -> None:
    assert (
        losses_line(LOSSES) == "content 0.0064 style 0.0025 tv 0.0027 temporal 0.00028"
    )
    assert losses_line({"style": 8.30731, "tv": 0.003, "range": 0.0}) == "style 8.3"
    assert losses_line({"style": 1.234e9}) == "style 1.2e+09"
    assert losses_line({"content": 0.0}) == "content 0"


def shown(*events: Plan | StepReport | FrameReport | Download) -> list[str]:
    """Draw events in a terminal of 80 columns; return what stands there at last."""
    file = io.StringIO()
    console = Console(
        file=file, force_terminal=True, width=80, color_system=None, _environ={}
    )
    view = ProgressView(console, is_verbose=True)
    view.start()
    for event in events:
        view(event)
    view.stop()
    last = re.split(r"\x1b\[2K", file.getvalue())
    text = next(part for part in reversed(last) if "\n" in part)
    return [line for line in re.sub(r"\x1b\[[?\d;]*\w", "", text).splitlines() if line]


def test_terminal_shows_frames_steps_losses_and_time() -> None:
    lines = shown(
        plan(48),
        *(step(0, number, 40) for number in range(1, 41)),
        finished(0, 40, known=48),
        *(step(1, number, 40) for number in range(1, 13)),
    )
    bar, facts = (line.strip("\r") for line in lines[-2:])
    assert re.fullmatch(r"painting [━╸ ]+ 1 of 48 frames 0:00:0\d left", bar)
    assert facts == (
        "frame 1 step 12/40: content 0.0064 style 0.0025 tv 0.0027 temporal 0.00028"
    )
    assert len(bar) == 80
    assert len(facts) <= 77


def test_long_line_ends_in_dots_and_leaves_room_for_an_echo() -> None:
    losses = dict.fromkeys((*LOSSES, "range", "another", "one-more"), 1.234e-5)
    facts = shown(plan(12345), step(12344, 200, 300, losses))[-1]
    assert len(facts) == 77
    assert facts.endswith("…")


def test_terminal_shows_a_picture_by_its_steps() -> None:
    bar, facts = shown(plan(1), *(step(0, number, 300) for number in range(1, 121)))
    assert re.search(r"━ +120 of 300 steps 0:00:0\d left$", bar)
    assert facts.startswith("content 0.0064 style")


def test_terminal_shows_an_unknown_count_as_such() -> None:
    bar, facts = shown(
        plan(None),
        step(0, 1, 40),
        finished(0, 40, known=9, is_all=False),
        step(1, 1, 40),
    )
    assert re.search(r"━+ 1 frame so far *$", bar)
    assert facts.startswith("frame 1 step 1/40: ")


def test_terminal_shows_frames_that_take_no_step() -> None:
    plan = Plan(height=18, width=32, frames=4, next_steps=0)
    (bar,) = shown(plan, finished(0, 0, known=4), finished(1, 0, known=4))
    assert re.search(r"^painting ━+[╸ ] +2 of 4 frames *$", bar)


def test_terminal_shows_a_download() -> None:
    (bar,) = shown(Download(name="vgg19", done=120 * 10**6, total=575 * 10**6))
    assert re.search(r"^downloading vgg19 .*[━╸] +120 of 575 MB *$", bar)
    (bar,) = shown(Download(name="vgg19", done=120 * 10**6, total=0))
    assert re.search(r"^downloading vgg19 .*━ 120 MB *$", bar)


def test_painting_takes_the_place_of_a_download() -> None:
    lines = shown(
        Download(name="vgg19", done=5, total=10),
        Download(name="vgg19", done=10, total=10),
        plan(3),
        step(0, 1, 40),
    )
    assert not [line for line in lines if "downloading" in line]


def test_file_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    view = ProgressView(Console(file=file, width=80, _environ={}), is_verbose=True)
    view.start()
    view(plan(3))
    view(step(0, 40, 40))
    view(finished(0, 40, known=3))
    assert file.getvalue() == ""
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0)
    view(step(1, 40, 40))
    view(finished(1, 40, known=3))
    view.stop()
    assert re.fullmatch(r"2 of 3 frames, 0:00:0\d left\n", file.getvalue())


def test_hidden_view_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0)
    file = io.StringIO()
    view = ProgressView(Console(file=file, force_terminal=True), is_shown=False)
    view.start()
    view(plan(1))
    view(step(0, 1, 1))
    view(finished(0, 1, known=1))
    view.stop()
    assert file.getvalue() == ""
