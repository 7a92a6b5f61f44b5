"""What a clip would take, before it is paid for."""

import json

import numpy as np
import pytest
from pictures import scene
from typer.testing import CliRunner

from vidstyle.cli import app
from vidstyle.clip import plan
from vidstyle.clip.plan import plan_video
from vidstyle.config import StyleConfig, VideoConfig
from vidstyle.images import write_picture
from vidstyle.records import FrameReport, StepReport
from vidstyle.video.folder import write_pictures


@pytest.fixture
def clip(tmp_path):
    write_pictures((scene(number // 6) for number in range(12)), tmp_path / "clip")
    write_picture(tmp_path / "painting.png", scene(99, 32, 32))
    return tmp_path / "clip"


def test_the_plan_counts_and_leaves_nothing_behind(clip):
    arguments = (
        f"plan {clip} --style {clip.parent}/painting.png --network slim --device cpu "
        "--steps 2 --next-steps 1 --next-min-steps 1 --pyramid 1"
    ).split()
    before = sorted(clip.parent.rglob("*"))
    done = CliRunner().invoke(app, [*arguments, "--json", "--frames", "0:12"])
    assert done.exit_code == 0
    facts = json.loads(done.stdout)
    assert (facts["frames"], facts["shots"], facts["batch"]) == (12, 2, 1)
    assert (facts["width"], facts["height"]) == (48, 32)
    assert (facts["network"], facts["device"]) == ("slim", "cpu")
    assert 0 < facts["memory_bytes"] < facts["memory_there_bytes"]
    assert 0 < facts["disk_bytes"] < facts["disk_free_bytes"]
    assert facts["first_frame_s"] > facts["frame_s"] > 0
    assert facts["seconds"] > 2 * facts["first_frame_s"]
    assert sorted(clip.parent.rglob("*")) == before


def test_black_at_the_start_is_not_the_trial(clip, tmp_path):
    frames = [np.zeros((32, 48, 3), np.uint8)] * 9 + [scene(1)] * 4
    write_pictures(frames, tmp_path / "dark")
    style = StyleConfig(network="slim", device="cpu", steps=4, min_steps=9)
    config = VideoConfig(style=style, next_steps=1)
    estimate = plan_video(
        tmp_path / "dark", clip.parent / "painting.png", tmp_path / "x", config=config
    )
    assert estimate.first_frame_s > 1.5 * estimate.frame_s > 0


def test_steps_are_counted_small_and_timed_in_full(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(plan.time, "monotonic", lambda: next(clock))
    trial = plan._Trial(VideoConfig(), print)
    for frame, steps in [(5, 4), (6, 3), (7, 2), (8, 4)]:
        for step in range(steps):
            trial._hear(
                StepReport(
                    frame=frame,
                    step=step + 1,
                    steps=9,
                    evaluations=1,
                    read_losses=dict,
                    work=0.5 if frame == 5 and step < 2 else 1.0,
                )
            )
        trial._hear(FrameReport(frame=frame, steps=steps, frames_known=4))
    assert trial.steps(VideoConfig()) == (4, 3)
    # A step takes a second here, and so does what a frame does beside its steps.
    assert trial.seconds(300, 10) == (301, 11)


def test_what_cannot_be_painted_is_refused_as_video_does(clip, tmp_path):
    config = VideoConfig(style=StyleConfig(network="slim"), frames=(40, 50))
    with pytest.raises(plan.ConfigError, match="no frame in the requested range"):
        plan_video(clip, tmp_path / "painting.png", tmp_path / "x.mp4", config=config)
