"""How large the package is and how it hangs together: python tests/structure.py [DIR].

DIR is the folder of the package, ./vidstyle by default; another checkout's to compare.
"""

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp

PACKAGE = Path(sys.argv[1] if len(sys.argv) > 1 else "vidstyle").resolve()
LONG = 50  # lines of a function

Function = ast.FunctionDef | ast.AsyncFunctionDef
SOURCES = {path: path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {path: ast.parse(text) for path, text in SOURCES.items()}


def count_lines(paths: list[Path]) -> int:
    return sum(len(SOURCES[path].splitlines()) for path in paths)


def span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def is_docstring(node: ast.AST) -> bool:
    """Return whether a statement is a lone string; those below a constant count."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def count_comments(text: str) -> int:
    """Count the lines with a comment on them, of their own or after code."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(token.type == tokenize.COMMENT for token in tokens)


def functions() -> Iterator[tuple[int, int, str]]:
    """Yield each function's lines without and with its docstring, and its place."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                place = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                docstring = span(node.body[0]) if is_docstring(node.body[0]) else 0
                yield span(node) - docstring, span(node), f"{place} {node.name}"


def imports_a_setting(tree: ast.Module) -> bool:
    """Return whether a module imports StyleConfig, VideoConfig, or another of them."""
    return any(
        alias.name.endswith("Config")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(f"{PACKAGE.name}.config")
        for alias in node.names
    )


def count_levels() -> int:
    """Count the parts on the longest way down: packages, and modules beside them."""
    sys.path.insert(0, str(PACKAGE.parent))
    graph = grimp.build_graph(PACKAGE.name, cache_dir=None)
    for part in graph.find_children(PACKAGE.name):
        graph.squash_module(part)

    @cache
    def level(part: str) -> int:
        below = graph.find_modules_directly_imported_by(part) - {part, PACKAGE.name}
        return 1 + max(map(level, below), default=0)

    return max(map(level, graph.find_children(PACKAGE.name)))


def main() -> None:
    paths = list(SOURCES)
    loose = [path.stem for path in PACKAGE.glob("[!_]*.py")]
    lines = count_lines(paths)
    in_cli = count_lines([path for path in paths if PACKAGE / "cli" in path.parents])
    nodes = [node for tree in TREES.values() for node in ast.walk(tree)]
    docstrings = sum(span(node) for node in nodes if is_docstring(node))
    comments = sum(map(count_comments, SOURCES.values()))
    settings = [
        path
        for path, tree in TREES.items()
        if PACKAGE / "config" not in path.parents and imports_a_setting(tree)
    ]
    for name, value in {
        "lines": f"{lines:,}",
        "lines in cli": f"{in_cli:,} ({100 * in_cli / lines:.1f} %)",
        "docstring lines per 100": f"{100 * docstrings / lines:.1f}",
        "comment lines per 100": f"{100 * comments / lines:.1f}",
        "modules": len(paths),
        "packages": len(list(PACKAGE.glob("*/__init__.py"))),
        "loose modules": f"{len(loose)} ({' '.join(sorted(loose))})",
        "levels of import": count_levels(),
        "modules that import a setting's class": len(settings),
        "classes": sum(isinstance(node, ast.ClassDef) for node in nodes),
    }.items():
        print(f"{name:38}{value}")  # noqa: T201 - what it is for
    longest = sorted(functions(), reverse=True)
    over = sum(code > LONG for code, _, _ in longest)
    whole = sum(all_lines > LONG for _, all_lines, _ in longest)
    print(f"\nfunctions over {LONG} lines: {over}, with docstrings {whole}")  # noqa: T201
    for code, all_lines, place in longest[:10]:
        print(f"{code:6}{all_lines:6}  {place}")  # noqa: T201


if __name__ == "__main__":
    main()
