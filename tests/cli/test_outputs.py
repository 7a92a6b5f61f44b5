"""Where results may go."""

from pathlib import Path

import pytest

from vidstyle.errors import ConfigError, OutputError, VidstyleError
from vidstyle.images import check_outputs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("clip.mp4", "painting.png", "there.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "frames").mkdir()
    return tmp_path


def check(
    folder: Path, *results: str | None, besides: tuple[str, ...] = (), **settings: bool
) -> None:
    check_outputs(
        [None if name is None else folder / name for name in results],
        besides=[folder / name for name in besides],
        inputs=[folder / "clip.mp4", folder / "painting.png"],
        **{"overwrite": False} | settings,
    )


def test_new_files_and_folders_may_be_made(folder: Path) -> None:
    check(folder, "new.mp4", None, "new.gif", besides=("log",))
    check(folder, "new")


def test_what_is_there_may_be_replaced_on_request(folder: Path) -> None:
    check(folder, "there.mp4", overwrite=True)
    check(folder, "frames", overwrite=True)


def test_log_and_work_may_always_go_on(folder: Path) -> None:
    check(folder, "new.mp4", besides=("there.mp4", "frames", "gone/log"))


@pytest.mark.parametrize(
    ("results", "besides", "error", "words"),
    [
        (["there.mp4"], (), OutputError, "there.mp4 exists; use --overwrite"),
        (["frames"], (), OutputError, "frames exists; use --overwrite"),
        (["new.mp4", "there.mp4"], (), OutputError, "there.mp4 exists"),
        (["gone/new.mp4"], (), OutputError, "gone for new.mp4 does not exist"),
        (["there.mp4/new.mp4"], (), OutputError, "does not exist"),
        (["clip.mp4"], (), ConfigError, "would replace an input"),
        (["frames/../painting.png"], (), ConfigError, "would replace an input"),
        (["new.mp4"], ("clip.mp4",), ConfigError, "would replace an input"),
        (["a.mp4", "frames/../a.mp4"], (), ConfigError, "two results would be named"),
        (["a"], ("a",), ConfigError, "two results would be named"),
    ],
)
def test_what_would_do_harm_is_refused(
    folder: Path,
    results: list[str],
    besides: tuple[str, ...],
    error: type[VidstyleError],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        check(folder, *results, besides=besides)


def test_input_is_safe_even_when_overwriting(folder: Path) -> None:
    (folder / "link.mp4").symlink_to(folder / "clip.mp4")
    for name in ("clip.mp4", "link.mp4"):
        with pytest.raises(ConfigError, match="would replace an input"):
            check(folder, name, overwrite=True)
