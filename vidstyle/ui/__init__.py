"""A web interface (Gradio), and the queue of runs that it starts."""

from dataclasses import dataclass
from pathlib import Path

from vidstyle.config.setting import Config, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class UiConfig(Config):
    """Settings of the server."""

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
