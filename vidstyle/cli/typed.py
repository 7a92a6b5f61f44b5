"""What people type who know another program, or begin with their clip."""

import difflib
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from vidstyle.cli.request import Mistyped
from vidstyle.config.toml_file import SAMPLES, read_table, sample


def check_words(args: Sequence[str], options: Collection[str], *, flags: str) -> None:
    """Refuse words with dashes that are no options, with what was meant (Mistyped).

    ``flags`` are the letters that may stand together behind one dash, as in ``-yq``.
    """
    for arg in args:
        word = arg.partition("=")[0]
        if arg == "--":
            return
        if word in options or not re.match("--?[A-Za-z]", word):
            continue
        plain = word.strip("-").replace("_", "-").lower()
        if instead := _instead(plain, options):
            raise Mistyped(f"There is no option {word}: {instead}.")
        if word[1] != "-" and word[1:].strip(flags):
            near = difflib.get_close_matches(f"--{plain}", options, n=1)
            meant = f": {near[0]}." if near else "; put a space after a short one."
            raise Mistyped(f"{word} has one dash; long options have two{meant}")


def _instead(plain: str, options: Collection[str]) -> str | None:
    """Find what was meant, if it is an option of the command, or a remark."""
    table = read_table(Path(__file__).with_name("instead.toml"))
    for use, there in (("use ", table["use"]), ("", table["remark"])):
        for answer, words in there.items():
            is_here = not use or re.split("[ ;,]", answer)[0] in options
            if is_here and plain in words.split():
                return f"{use}{answer}"
    return None


def find_command(args: Sequence[str], commands: Collection[str]) -> list[str]:
    """Begin with a command where a file, ``help`` or ``demo`` was typed instead."""
    match list(args):
        case ["help", *topic]:
            return [*topic, "--help"]
        case ["version"]:
            return ["--version"]
        case ["demo", *rest]:
            made = ("--evolution", "--compare", "-o", "demo/")
            style = () if {"--style", "-s"} & {*rest} else ("--style", SAMPLES[0])
            return ["video", str(sample("clip.mp4")), *style, *made, *rest]
        case [first, *_] if first not in commands and (
            Path(first).is_file() or "://" in first
        ):
            from vidstyle.images import PICTURE_ENDINGS

            is_picture = Path(first).suffix.lower() in PICTURE_ENDINGS
            return ["image" if is_picture else "video", *args]
        case ["-s" | "-i" | "--style", *_]:
            raise Mistyped(
                "Start with a command: vidstyle video clip.mp4 --style painting.jpg."
            )
    return list(args)
