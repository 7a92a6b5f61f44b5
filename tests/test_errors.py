"""The family of errors, and that its tree in the docstring is the real one."""

import re

import pytest

from vidstyle import errors
from vidstyle.errors import VidstyleError

FAMILY = {
    value.__name__: value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, VidstyleError)
}

# Typer's own for a wrong use, and what shells expect of signals.
TAKEN = {0, 1, 2, 130, 143}


def drawn_tree() -> dict[str, tuple[str | None, int | None]]:
    """Read the docstring's tree: name -> (its parent, the code drawn beside it)."""
    row = re.compile(r"^([ │├└─]*)(\w+)(?: \((\d+)\))?(?: |$)")
    tree: dict[str, tuple[str | None, int | None]] = {}
    branch: list[str] = []
    drawing = (errors.__doc__ or "").partition("\nVidstyleError\n")
    for line in [drawing[1].strip(), *drawing[2].strip().splitlines()]:
        found = row.match(line)
        assert found is not None, line
        indent, name, code = found.groups()
        del branch[len(indent) // 4 :]
        parent = branch[-1] if branch else None
        tree[name] = (parent, int(code) if code else None)
        branch.append(name)
    return tree


def test_tree_in_the_docstring_is_the_real_one() -> None:
    real = {
        name: None if kind is VidstyleError else kind.__base__.__name__
        for name, kind in FAMILY.items()
    }
    assert {name: parent for name, (parent, _) in drawn_tree().items()} == real


def test_codes_in_the_docstring_are_the_real_ones() -> None:
    for name, (parent, code) in drawn_tree().items():
        if code is not None:
            assert FAMILY[name].exit_code == code
        elif parent is not None:
            assert FAMILY[name].exit_code == FAMILY[parent].exit_code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("VidstyleError", 1),
        ("InputError", 3),
        ("ConfigError", 3),
        ("ImageOpenError", 3),
        ("VideoOpenError", 3),
        ("DependencyError", 3),
        ("WeightsError", 4),
        ("OptimizationError", 5),
        ("DeviceMemoryError", 5),
        ("OutputError", 6),
        ("VideoWriteError", 6),
        ("WorkDirError", 7),
    ],
)
def test_exit_code(name: str, code: int) -> None:
    assert FAMILY[name].exit_code == code


def test_branches_can_be_told_apart_by_their_codes() -> None:
    codes = [kind.exit_code for kind in VidstyleError.__subclasses__()]
    assert len(set(codes)) == len(codes)
    assert not set(codes) & TAKEN


@pytest.mark.parametrize("kind", FAMILY.values())
def test_error_says_its_sentence(kind: type[VidstyleError]) -> None:
    assert str(kind("cannot read a.mp4: no such file.")) == (
        "cannot read a.mp4: no such file."
    )
    assert kind.__doc__


def test_memory_that_does_not_hold_a_library_is_told() -> None:
    known = errors.dependency_error(
        ImportError("libtorch.so: failed to map segment from shared object")
    )
    assert str(known).startswith("not enough memory to load the program (libtorch.so")
