"""The page in a real browser: a server of its own, tiny files, few steps."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from pictures import scene
from playwright.sync_api import Browser, Page, expect, sync_playwright

from vidstyle.errors import VideoWriteError
from vidstyle.images import write_picture
from vidstyle.video.ffmpeg import run_ffmpeg

CHROMIUM = which("chromium") or which("chromium-browser") or which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to look at the page with"),
]
PATIENCE_MS = 180_000
FEW = {"steps": "2", "next-steps": "1", "long-side": "64"}
NAME = "a tiny clip whose file name is long (2)"
LONG = {"steps": "3000"}


class Server:
    """The program, started again and again on the same folder."""

    def __init__(self, root: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{free.getsockname()[1]}/"
        self._root = root / "runs"
        # Neither holds what the page shows: a server shows what lies in them to all.
        self._start, self._temporary = root / "start", root / "temporary"
        self._start.mkdir()
        self._temporary.mkdir()

    def start(self) -> None:
        port = self.address.rstrip("/").rpartition(":")[2]
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            [
                *(sys.executable, "-m", "vidstyle", "ui", "--no-browser"),
                *("--port", port, "--work-dir", str(self._root)),
            ],
            stderr=subprocess.PIPE,
            text=True,
            cwd=self._start,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "TMPDIR": str(self._temporary),
            },
        )
        assert self._process.stderr is not None
        assert self.address in self._process.stderr.readline()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=300)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("served"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("given") / f"{NAME}.mp4"
    run_ffmpeg(
        ["-f", "lavfi", "-i", "testsrc2=s=48x32:r=12,trim=end_frame=4", str(path)],
        error=VideoWriteError,
        failed="test clip",
    )
    return path


def opened(browser: Browser, address: str, **options: Any) -> Page:
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    expect(page.locator("#status")).to_contain_text("Nothing", timeout=PATIENCE_MS)
    return page


def drop(page: Page, file: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(file)


def settings(page: Page, texts: dict[str, str]) -> None:
    page.get_by_role("button", name="More settings").click()
    for key, text in texts.items():
        page.locator(f"#set-{key}").locator("textarea, input").fill(text)


def expect_status(page: Page, text: str) -> None:
    expect(page.locator("#status")).to_contain_text(text, timeout=PATIENCE_MS)


def test_preview_then_paint_then_download(
    server: Server, browser: Browser, clip: Path, tmp_path: Path
) -> None:
    page = opened(browser, server.address, viewport={"width": 360, "height": 740})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    drop(page, clip)
    settings(page, FEW)
    page.get_by_role("button", name="Preview").press("Enter")
    expect(page.locator("#status h3")).to_be_in_viewport(timeout=PATIENCE_MS)
    expect_status(page, "preview: done")
    page.get_by_role("button", name="Key frames").click()
    with page.expect_download() as frame:
        page.get_by_role("button", name="Download this frame").click()
    painted = tmp_path / frame.value.suggested_filename
    frame.value.save_as(painted)
    page.locator("#keys input[type=file]").set_input_files(painted)
    expect(page.locator("#keys")).to_contain_text("@0s", timeout=PATIENCE_MS)
    page.get_by_role("button", name="Paint", exact=True).click()
    expect_status(page, f"{NAME}.mp4 with swirls: done")
    page.locator("#slider").scroll_into_view_if_needed()
    expect(page.locator("#slider img").first).to_be_visible(timeout=PATIENCE_MS)
    command = page.locator("#command textarea")
    expect(command).to_have_value(re.compile(r"--key '0:a tiny .* \(2\)@0s.png'"))
    with page.expect_download() as download:
        page.locator("#files a").first.click()
    assert download.value.suggested_filename == f"{NAME}.swirls.mp4"
    assert download.value.path().stat().st_size > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for name in page.locator(".file-preview .stem").all():
        assert name.evaluate("name => name.scrollWidth <= name.clientWidth")
    local = server.address, "data:", "blob:"
    assert [url for url in asked if not url.startswith(local)] == []
    other = opened(browser, server.address)
    expect(other.get_by_text("swirls: done")).to_have_count(0)
    page.reload()
    expect_status(page, f"{NAME}.mp4 with swirls: done")


def test_wrong_file_is_told_in_one_sentence(
    server: Server, browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "notes.mp4").write_text("no clip")
    page = opened(browser, server.address)
    drop(page, tmp_path / "notes.mp4")
    expect(page.locator("#alert")).to_contain_text("notes.mp4", timeout=PATIENCE_MS)
    assert "/" not in page.locator("#alert").inner_text()


@pytest.mark.skipif(
    not os.environ.get("VIDSTYLE_BROWSER"),
    reason="too slow beside other tests; VIDSTYLE_BROWSER=1 runs it",
)
def test_stop_wait_and_server_that_is_started_again(
    server: Server, browser: Browser, tmp_path: Path
) -> None:
    write_picture(tmp_path / "photo.png", scene(0, 512, 512))
    first, second = (opened(browser, server.address) for _ in range(2))
    for page in (first, second):
        drop(page, tmp_path / "photo.png")
        settings(page, LONG if page is first else FEW)
        page.get_by_role("button", name="Paint", exact=True).click()
        expect_status(page, "painting" if page is first else "waiting")
    expect_status(first, "step")
    server.stop()
    server.start()
    # In new tabs: the old ones load again by themselves, at any moment.
    first, second = (page.context.new_page() for page in (first, second))
    for page in (first, second):
        page.goto(server.address)
    expect_status(first, "painting")
    expect_status(second, "waiting")
    first.get_by_role("button", name="Stop").click()
    expect_status(first, "stopped")
    expect_status(second, "done")
    first.get_by_role("button", name="Delete").click()  # not confirmed
    first.wait_for_timeout(2000)
    expect_status(first, "stopped")
    first.on("dialog", lambda dialog: dialog.accept())
    first.get_by_role("button", name="Delete").click()
    expect_status(first, "Nothing painted yet")
