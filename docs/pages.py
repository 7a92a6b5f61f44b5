"""The pages of the documentation: those of the repository, and those made from code.

Files keep their places, so that their links hold. mkdocs calls ``on_files``.
"""

import inspect
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import vidstyle
from vidstyle.cli.options import METAVARS
from vidstyle.cli.request import Request
from vidstyle.config.setting import PANELS, Setting, settings_of
from vidstyle.config.toml_file import KINDS

ROOT = Path(__file__).parents[1]
FROM_THE_REPOSITORY = (
    *("*.md", "LICENSE", "vidstyle/*.md", "vidstyle/*/*.md", "examples/*.ipynb"),
    *("samples/*.md", "samples/*.gif", "samples/*.jpg", "samples/papers/*.jpg"),
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add all pages and pictures."""
    for path in (each for one in FROM_THE_REPOSITORY for each in ROOT.glob(one)):
        place = path.relative_to(ROOT).as_posix()
        files.append(File(place, str(ROOT), config.site_dir, config.use_directory_urls))
    made = {
        "options.md": options_page(),
        "gallery.md": section("Gallery"),
        "library.md": section("As a library") + library_page(),
    }
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    return files


def section(title: str) -> str:
    """Cut a section out of the README; it becomes a page."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {title}\n.*?(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"README.md has no section {title}.")
    return found[0].replace("## ", "# ", 1)


def options_page() -> str:
    """Lay out every option of ``vidstyle video`` and ``image``, as it is declared."""
    known = settings_of(Request, *KINDS)
    lines = ["# Options", ""]
    for title, is_common in ("Common options", True), ("All other options", False):
        lines += [f"## {title}", ""]
        for panel in PANELS:
            rows = [
                _row(each)
                for each in known
                if each.is_common == is_common and (each.panel or PANELS[0]) == panel
            ]
            if rows:
                head = f"### {panel}", "", "| option | | default |", "|---|---|---|"
                lines += [*head, *rows, ""]
    return "\n".join(lines)


def _row(each: Setting) -> str:
    (hint, *_) = each.hints
    value = each.metavar or "|".join(each.choices) or METAVARS.get(hint, "FILE")
    name = f"--{each.key}" + f"/--no-{each.key}" * (each.default is True)
    short = f", `-{each.short}`" if each.short else ""
    is_plain = each.default is None or isinstance(each.default, bool)
    default = each.default_text or ("" if is_plain else each.text(each.default))
    said = f"{each.help} | {default}".replace("*", r"\*")
    return f"| `{f'{name} {value}'.strip()}`{short} | {said} |"


def library_page() -> str:
    """Show what ``import vidstyle`` offers: functions, then classes, then errors."""
    offered = {name: getattr(vidstyle, name) for name in vidstyle.__all__}
    offered["Stylizer.stylize"] = vidstyle.Stylizer.stylize

    def place(name: str) -> tuple[bool, bool]:
        return name.endswith("Error"), inspect.isclass(offered[name])

    return "".join(_entry(name, offered[name]) for name in sorted(offered, key=place))


def _entry(name: str, thing: object) -> str:
    if not (inspect.isfunction(thing) or inspect.isclass(thing)):
        return ""
    call = ""
    if not name.endswith("Error"):
        parameters = map(str, inspect.signature(thing).parameters.values())
        lines = "".join(f"    {each},\n" for each in parameters if each != "self")
        lines = re.sub(r"([a-z_]+\.)+(?=[A-Z])", "", lines)  # names without modules
        lines = re.sub(r"<function (\w+) at \w+>", r"\1", lines)
        call = f"```python\n{name}(\n{lines})\n```\n\n"
    return f"\n## {name}\n\n{call}```text\n{inspect.getdoc(thing)}\n```\n"
