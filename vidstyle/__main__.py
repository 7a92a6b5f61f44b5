"""Let ``python -m vidstyle`` be the command line."""

from vidstyle.cli import app

app(prog_name="vidstyle")
