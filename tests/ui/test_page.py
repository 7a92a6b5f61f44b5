"""What the page's functions say and ask for, without a browser."""

import json
import re
import time
from functools import partial
from pathlib import Path

import gradio as gr
import pytest
from pictures import scene
from typer.testing import CliRunner

from vidstyle.cli import app
from vidstyle.errors import (
    ConfigError,
    InputError,
    VideoWriteError,
    WorkDirError,
)
from vidstyle.images import read_picture, write_picture
from vidstyle.records import FrameReport, Notice, Plan, StepReport
from vidstyle.ui import UiConfig, page, request, server
from vidstyle.ui import runs as queue
from vidstyle.ui.request import MORE, OWN, add_run
from vidstyle.ui.runs import FACTS, Run, Runs, Stopped
from vidstyle.video.ffmpeg import run_ffmpeg

ME, OTHER = "a" * 32, "b" * 32
FEW = {"steps": "2", "min-steps": "2", "network": "slim", "device": "cpu"}
PLAIN = (None, None, "Standard", "Balanced", 1, *[""] * len(MORE))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    write_picture(tmp_path / "my photo.png", scene(0, 32, 40))
    return tmp_path / "my photo.png"


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "root")


def facts(run: Run) -> dict[str, object]:
    return json.loads((run.folder / FACTS).read_text())


def wait_for(runs: Runs, state: str) -> Run:
    for _ in range(3600):
        (run,) = runs.of(ME)
        if run.state == state:
            return run
        time.sleep(0.05)
    raise AssertionError(facts(run))


def test_controls_become_options_and_a_command(runs: Runs, photo: Path) -> None:
    more = ["" for _ in MORE]
    more[[each.key for each in MORE].index("recolor")] = "false"
    asked = request.options("More scene", 1.5, *more)
    assert asked == {"content-weight": "0.15", "style-scale": "1.5", "recolor": "false"}
    run = runs.add(ME, photo, "swirls", preset="fine", options=asked)
    assert request.command(run) == (
        "vidstyle image 'my photo.png' --style swirls --preset fine --content-weight "
        "0.15 --style-scale 1.5 --no-recolor --evolution "
        "--output 'my photo.swirls.png'"
    )
    style = run.config().style
    assert (style.long_side, style.content_weight, style.recolor) == (768, 0.15, False)


def test_settings_of_clips_are_not_for_pictures(runs: Runs, photo: Path) -> None:
    more = ["1" if each.key in {"steps", "start"} else "" for each in MORE]
    add_run(runs, False, ME, str(photo), None, "swirls", *PLAIN[:5], *more)
    assert runs.of(ME)[0].options == {"steps": "1"}


def test_no_control_takes_the_name_of_a_file() -> None:
    assert MORE
    assert not any(Path in setting.hints for setting in MORE)


def test_what_is_missing_is_said(runs: Runs, photo: Path) -> None:
    ask, file = partial(add_run, runs, False), str(photo)
    assert "picture first" in ask(ME, None, None, "swirls", *PLAIN)[1]
    assert "painting first" in ask(ME, file, None, OWN, *PLAIN)[1]
    assert "its runs" in ask("../x", file, None, "swirls", *PLAIN)[1]
    wrong = (*PLAIN[:5], *["x"] * len(MORE))
    assert "long-side" in ask(ME, file, None, "swirls", *wrong)[1]
    assert "frame it is" in ask(ME, "a.mp4", None, "swirls", [file], *PLAIN[1:])[1]
    assert runs.of(ME) == []


def test_wrong_file_gets_one_sentence_without_its_folder(
    runs: Runs, tmp_path: Path
) -> None:
    (tmp_path / "notes.mp4").write_text("no clip")
    shown, said, *_ = request.show_source(str(tmp_path / "notes.mp4"), 0)
    assert shown["visible"] is False
    assert "notes.mp4" in said
    assert str(tmp_path) not in said
    file = str(tmp_path / "notes.mp4")
    assert add_run(runs, False, ME, file, None, "swirls", *PLAIN)[1] == said
    assert runs.of(ME) == []


def test_files_of_one_name_and_users_do_not_meet(runs: Runs, photo: Path) -> None:
    first = runs.add(ME, photo, photo)
    second = runs.add(OTHER, photo, photo)
    assert first.source != second.source != photo
    assert first.source.read_bytes() == first.painting.read_bytes()
    assert [run.folder for run in runs.of(ME)] == [first.folder]
    assert runs.of("*") == runs.of("../" + ME) == runs.of("") == []
    assert runs.find(ME, first.folder.name) is first
    assert runs.find(OTHER, first.folder.name) is runs.find(ME, None) is None
    assert (
        page.update_page(runs, OTHER, first.folder.name, {})[3]["view"][0]
        != first.folder
    )
    assert facts(first)["state"] == "waiting"
    ((label, _),) = page.update_page(runs, ME, None, {})[0]["choices"]
    assert re.match(r"\w+ \d\d:\d\d my photo\.png with my photo: waiting", label)


def test_frame_of_a_clip_is_had_and_put_back_by_its_name(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, asked = tmp_path / "clip.mp4", {}
    graph = ["-f", "lavfi", "-i", "testsrc2=s=48x32:r=12,trim=end_frame=6", str(clip)]
    run_ffmpeg(graph, error=VideoWriteError, failed="test clip")
    request.show_source(str(clip), 0.1)
    _, _, panel, slider, file = request.show_source(str(clip), 0.3)
    assert (panel["visible"], slider["maximum"]) == (True, 0.4)  # no frame at 0.5 s
    assert [path.name for path in tmp_path.glob("*.png")] == ["clip@0.3s.png"]
    assert file.endswith("clip@0.3s.png")
    assert (read_picture(Path(file)) == request.read_frame(clip, 4)).all()
    add_run(runs, False, ME, str(clip), None, "swirls", [file], *PLAIN[1:])
    (run,) = runs.of(ME)
    assert "--key 0.3:clip@0.3s.png --evolution --compare" in request.command(run)
    monkeypatch.setattr(
        queue, "stylize_video", lambda *_, **given: asked.update(given) or run
    )
    run.paint()
    assert asked["keys"] == {0.3: run.folder / "more" / "clip@0.3s.png"}
    assert asked["keys"][0.3].is_file()


def test_network_is_a_file_of_the_run(runs: Runs, photo: Path) -> None:
    network = photo.with_name("swirls.safetensors")
    network.touch()
    controls = None, str(network), *PLAIN[2:]
    add_run(runs, False, ME, str(photo), None, "swirls", *controls)
    (run,) = runs.of(ME)
    assert "--painter swirls.safetensors" in request.command(run)
    assert run.config().style.painter == run.folder / "more" / network.name
    assert (run.folder / "more" / network.name).is_file()


def test_picture_on_the_page_is_no_file(runs: Runs, photo: Path) -> None:
    write_picture(photo, scene(0, 32, 2000))
    shown, *_ = request.show_source(str(photo), 0)
    assert shown["value"].startswith("data:image/jpeg;base64,")
    assert len(shown["value"]) < 2000 * 32
    assert "swirls.jpg" not in str(page.build(runs).config)
    run = runs.add(ME, photo, "swirls")
    runs.stop(run)
    write_picture(run.newest, scene(0, 32, 40))
    newest = page.update_page(runs, ME, None, {})[2]
    assert newest["value"].startswith("data:image/jpeg;base64,")
    run.newest.write_bytes(b"")  # deleted or replaced meanwhile
    assert page.update_page(runs, ME, None, {})[2]["visible"] is False


def test_estimate_of_a_preview_is_told_first(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    run = runs.add(ME, tmp_path / "clip.mp4", "swirls", is_preview=True)
    run.state, run.notes = "done", ["clip.mp4: 9 frames", "about 2 minutes"]
    assert ">about 2 minutes</p><ul><li>clip.mp4: 9 frames</li>" in page.status(run)
    run.notes = []
    assert "done" in page.status(run)


@pytest.mark.slow
def test_picture_is_painted_by_the_library(runs: Runs, photo: Path) -> None:
    runs.add(ME, photo, photo, options=FEW)
    runs.start()
    run = wait_for(runs, "done")
    assert [path.name for path in run.results] == [
        "my photo.my photo.png",
        "my photo.my photo.gif",
    ]
    before, after = request.before_and_after(run)
    assert before.shape == after.shape == (32, 40, 3)
    assert run.newest.is_file()
    assert "done" in page.update_page(runs, ME, None, {})[1]
    runs.close()


def test_stop_then_go_on_then_failure(
    runs: Runs, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def paint(run: Run) -> None:
        run(Plan(height=32, width=40, frames=9))
        if (run.folder / "second").exists():
            raise InputError(f"cannot read {run.source}: no such file.")
        while True:
            time.sleep(0.01)
            run(FrameReport(frame=0, frames_known=9))

    monkeypatch.setattr(Run, "paint", paint)
    runs.add(ME, photo, "swirls")
    runs.start()
    run = wait_for(runs, "painting")
    while not run.line.endswith("of 9 frames"):
        time.sleep(0.01)
    runs.delete(run)
    runs.stop(run)
    run = wait_for(runs, "stopped")
    (run.folder / "second").touch()
    runs.enqueue(run)
    run = wait_for(runs, "failed")
    assert run.error == "cannot read my photo.png: no such file."
    runs.delete(run)
    assert runs.of(ME) == []
    runs.close()


def test_stopped_clip_is_kept_as_often_as_asked(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clip.mp4").touch()
    run = runs.add(ME, tmp_path / "clip.mp4", "swirls")
    runs.stop(run)
    _, _, _, seen, selected, *_ = page.update_page(runs, ME, None, {})
    assert selected == run.folder.name
    with pytest.raises(gr.Error, match=r"run in clip.swirls.mp4.vidstyle;") as caught:
        page.keep(run)
    assert str(tmp_path) not in str(caught.value)
    monkeypatch.setattr(page, "finish_video", lambda path, **_: path.write_bytes(b""))
    for _ in range(2):
        page.keep(run)
        looked = page.update_page(runs, ME, run.folder.name, seen)
        assert {"value": [str(run.output)], "visible": True}.items() <= looked[
            -2
        ].items()
        seen = looked[3]


def test_server_that_ends_leaves_its_run_waiting(tmp_path: Path, photo: Path) -> None:
    run = Runs(tmp_path / "root").add(ME, photo, "swirls")
    run.enter("painting")
    again = Runs(tmp_path / "root", keep_days=-1)
    assert [each.state for each in again.of(ME)] == ["waiting"]
    again.delete_old()
    assert len(again.of(ME)) == 1
    again.stop(again.of(ME)[0])
    again.delete_old()
    assert again.of(ME) == []


def test_progress_tells_the_time_left(runs: Runs, photo: Path) -> None:
    run = runs.add(ME, photo, "swirls")
    run.state, run.line = "painting", "preparing"
    assert page.progress(run) == (None, "preparing")
    run(Notice(text=f"{run.source} is here"))
    run(Plan(height=32, width=40, frames=1))
    step = StepReport(
        frame=0,
        step=1,
        steps=4,
        evaluations=1,
        read_losses=dict,
        begins_shot=True,
        picture=lambda: scene(0, 32, 40),
    )
    run(step)
    share, text = page.progress(run)
    assert share == 0.25
    assert text.startswith("step 1 of 4, about ")
    assert "<li>my photo.png is here</li>" in page.status(run)
    assert run.newest.parent == run.folder
    run.newest.unlink()
    run(step)
    assert not run.newest.is_file()  # it is too early for another
    run.is_stopped = True
    with pytest.raises(Stopped):
        run(step)
    page.keep(run)
    assert (read_picture(run.output) == scene(0, 32, 40)).all()


def test_other_machines_need_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIDSTYLE_UI_PASSWORD", raising=False)
    said = CliRunner().invoke(app, ["ui", "--host", "0.0.0.0", "--no-browser"])  # noqa: S104
    assert said.exit_code == ConfigError.exit_code
    assert "VIDSTYLE_UI_PASSWORD" in said.stderr


def test_work_dir_must_be_a_folder(photo: Path) -> None:
    said = CliRunner().invoke(app, ["ui", "--work-dir", str(photo), "--no-browser"])
    assert said.exit_code == WorkDirError.exit_code
    assert "cannot make a folder" in said.stderr


def test_uploads_of_a_killed_server_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise ConfigError("cannot listen.")

    root, left = tmp_path / "root", tmp_path / "left"
    root.mkdir()
    left.mkdir()
    (left / "upload.mp4").touch()
    (root / "temporary").write_text(str(left))
    monkeypatch.setattr(server, "_launch", fail)
    with pytest.raises(ConfigError, match="cannot listen"):
        server.serve(UiConfig(work_dir=root), password="", announce=str)
    assert not left.exists()
    assert (root / "runs").stat().st_mode & 0o777 == 0o700
