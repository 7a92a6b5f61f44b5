"""Help with mistyped command lines: other programs' options, a missing command."""

import difflib
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from vidstyle.cli.request import Mistyped
from vidstyle.config.toml_file import SAMPLES, read_table, sample


def check_words(args: Sequence[str], options: Collection[str], *, flags: str) -> None:
    """Raise Mistyped for an empty argument, or an unknown option, with a suggestion.

    ``flags`` are the short options that may be combined, as in ``-yq``.
    """
    for number, arg in enumerate(args):
        word = arg.partition("=")[0]
        if arg == "--":
            return
        if arg == "" or (arg.endswith("=") and arg[:-1] in options):
            after = f" after {args[number - 1]}" if number and not arg else ""
            raise Mistyped(f"There is an empty argument{after}; is a variable unset?")
        if word in options or not re.match("--?[A-Za-z]", word):
            continue
        plain = word.strip("-").replace("_", "-").lower()
        if suggestion := _suggest(plain, options):
            raise Mistyped(f"There is no option {word}: {suggestion}.")
        if word[1] != "-" and word[1:].strip(flags):
            near = difflib.get_close_matches(f"--{plain}", options, n=1)
            hint = f": {near[0]}." if near else "; put a space after a short one."
            raise Mistyped(f"{word} has one dash; long options have two{hint}")


def _suggest(plain: str, options: Collection[str]) -> str | None:
    """Look up an option of this command to use instead, or a remark."""
    table = read_table(Path(__file__).with_name("instead.toml"))
    for prefix, answers in (("use ", table["use"]), ("", table["remark"])):
        for answer, words in answers.items():
            applies = not prefix or re.split("[ ;,]", answer)[0] in options
            if applies and plain in words.split():
                return f"{prefix}{answer}"
    return None


def find_command(args: Sequence[str], commands: Collection[str]) -> list[str]:
    """Insert the command where a file, ``help`` or ``demo`` was typed instead."""
    match list(args):
        case ["help", *topic]:
            return [*topic, "--help"]
        case ["version"]:
            return ["--version"]
        case ["demo", *rest]:
            outputs = ("--evolution", "--compare", "-o", "demo/")
            has_style = any(re.match("(--style(-at)?|-s)(=|$)", arg) for arg in rest)
            style = () if has_style else ("--style", SAMPLES[0])
            return ["video", str(sample("clip.mp4")), *style, *outputs, *rest]
        case [first, *_] if first not in commands and (
            Path(first).is_file() or "://" in first
        ):
            from vidstyle.images import is_picture

            return ["image" if is_picture(Path(first)) else "video", *args]
        case ["-s" | "-i" | "--style", *_]:
            raise Mistyped(
                "Start with a command: vidstyle video clip.mp4 --style painting.jpg."
            )
    return list(args)
