"""Let ``python -m vidstyle`` be the command line."""

from vidstyle.cli import run

run()
