"""``vidstyle ui``: a page to paint on."""

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vidstyle.cli import options as o
from vidstyle.cli.report import print_line, reported_errors
from vidstyle.config.setting import Config, setting
from vidstyle.errors import DependencyError


@dataclass(frozen=True, slots=True, kw_only=True)
class UiRequest(Config):
    """Where the page is served from, and to whom."""

    host: str = setting("127.0.0.1", "Another lets other machines in, by a password.")
    port: int = setting(7860, "Where it listens.", least=1, most=65535)
    work_dir: Path | None = setting(
        None,
        "Where uploads and runs are kept.",
        metavar="DIR",
        default_text="in the user's cache",
    )
    max_mb: int = setting(2000, "Largest upload, in MB.", least=1)
    keep_days: int = setting(7, "After so many, a run is deleted.", least=1)
    no_browser: bool = setting(False, "Do not open a browser.")


@o.add_options(UiRequest, hides=False)
def ui(**values: Any) -> None:
    """Open a page to paint on in the browser; Ctrl-C ends it.

    It needs Gradio: pip install "vidstyle[ui]". Runs are painted one at a time, and go
    on when it is started again. The password is that in VIDSTYLE_UI_PASSWORD; without
    an encrypting proxy before the page, others in the network can read along.
    """
    with reported_errors("what it was painting goes on when it is started again"):
        asked = asdict(UiRequest(**values))
        try:
            from vidstyle.ui.page import launched
        except ImportError as err:
            if (err.name or "").partition(".")[0] != "gradio":
                raise
            raise DependencyError(
                f"Gradio, which makes the page, cannot be loaded ({err}); "
                'pip install "vidstyle[ui]" brings it.'
            ) from err
        password = os.environ.get("VIDSTYLE_UI_PASSWORD", "")
        with launched(**asked, password=password) as address:
            print_line(f"vidstyle is at {address}; Ctrl-C ends it")
            while True:
                time.sleep(3600)
