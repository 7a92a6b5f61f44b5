"""A web interface (Gradio), and the queue of runs that it starts."""

from dataclasses import dataclass
from pathlib import Path

from vidstyle.config.setting import Config, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class UiConfig(Config):
    """Settings of the server."""

    host: str = setting(
        "127.0.0.1",
        "Address to listen on; any other lets other machines in, with a password.",
        metavar="ADDRESS",
    )
    port: int = setting(7860, "Port to listen on.", least=1, most=65535)
    work_dir: Path | None = setting(
        None,
        "Folder for uploads and runs.",
        metavar="DIR",
        default_text="in the user's cache",
    )
    max_mb: int = setting(2000, "Largest upload, in MB.", least=1)
    keep_days: int = setting(7, "Delete a run after this many days.", least=1)
    no_browser: bool = setting(False, "Do not open a browser.")
