"""The page's server: its folders, its address, who may connect."""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Final

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from vidstyle.errors import ConfigError, WorkDirError
from vidstyle.networks.weights import cache_directory
from vidstyle.ui import UiConfig
from vidstyle.ui.page import build
from vidstyle.ui.runs import Runs
from vidstyle.video.work_dir import FrameStore

LOCAL: Final = "127.0.0.1"


def serve(config: UiConfig, *, password: str, announce: Callable[[str], None]) -> None:
    """Serve the page until the program is interrupted, after announcing its URL.

    Raises:
        ConfigError: If other machines could connect without a password, or the address
            is not available.
        WorkDirError: If another server uses the folder, or it cannot be made.
    """
    if config.host != LOCAL and not password:
        raise ConfigError(
            f"other machines can reach {config.host}: set a password in "
            "VIDSTYLE_UI_PASSWORD."
        )
    root = (config.work_dir or cache_directory() / "ui").resolve()
    try:
        (root / "runs").mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as err:
        raise WorkDirError(f"cannot make a folder in {root}: {err.strerror}.") from err
    with (
        FrameStore(root / "server").claimed(),
        TemporaryDirectory(prefix="vidstyle-") as folder,
    ):
        # Gradio's copies of files: their paths occur in URLs, which must not expose the
        # path of the root.
        os.environ["GRADIO_TEMP_DIR"] = folder
        note = root / "temporary"  # a server that was killed could not delete its own
        if note.is_file():
            rmtree(note.read_text(encoding="utf-8"), ignore_errors=True)
        note.write_text(folder, encoding="utf-8")
        runs = Runs(root, keep_days=config.keep_days)
        page = build(runs)
        announce(_launch(page, config, password, runs.root))
        runs.start()
        try:
            while True:
                runs.delete_old()
                time.sleep(10)  # at most, since a signal may reach another thread
        finally:
            runs.close()
            page.close(verbose=False)


def _launch(page: gr.Blocks, config: UiConfig, password: str, runs: Path) -> str:
    """Start the server, which may serve the files in ``runs``; return its URL.

    ConfigError: the address is not available.
    """

    def authenticate(_: str, attempt: str) -> bool:
        return secrets.compare_digest(attempt.encode(), password.encode())

    names = [LOCAL, "localhost"] if config.host == LOCAL else ["*"]
    try:
        _, address, _ = page.launch(
            server_name=config.host,
            server_port=config.port,
            auth=authenticate if password else None,
            auth_message="Enter any name.",
            prevent_thread_lock=True,
            inbrowser=not config.no_browser,
            quiet=True,
            share=False,
            ssr_mode=False,
            run_history=False,
            footer_links=[],
            allowed_paths=[str(runs)],  # a run's path contains its owner's secret token
            max_file_size=config.max_mb * 1_000_000,
            app_kwargs={"middleware": [Middleware(TrustedHostMiddleware, names)]},
            theme=gr.themes.Base(
                primary_hue="orange", font="system-ui", font_mono="monospace"
            ),
            css_paths=Path(__file__).with_name("page.css"),
        )
    except OSError as err:
        raise ConfigError(
            f"cannot listen on {config.host}:{config.port}; try another --port."
        ) from err
    return str(address)
