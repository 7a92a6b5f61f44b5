"""What was measured of folders, as lines of tables and as facts for machines."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from vidstyle.cli.measured import (
    FORMS,
    HEAD,
    SCALE,
    compared_facts,
    network_text,
    table_lines,
)

if TYPE_CHECKING:
    from vidstyle.measure.folders import FolderMeasurement, PairMeasurement

NOTE: Final = "FIDs of other features, or of sets of other sizes, do not compare."
PICTURE: Final = {
    "content_mse": "MSE",
    "content_ssim": "SSIM",
    "content_distance": "content",
    "style_distance": "style",
}
"""Columns of the table of pictures: what was measured, and its heading."""
OWN: Final = "style_mse", "style_distance"
"""Of which the content's own number says more than 0 or 1."""
CELL: Final = "{:>10}"


def folder_facts(measured: "FolderMeasurement") -> dict[str, Any]:
    """Collect all that was measured of folders.

    A picture is an object without others in it, so that all of them make a table.
    """
    sets = measured.sets
    return {
        "pictures": {
            "result": measured.results,
            "content": measured.contents,
            "style": measured.styles,
        },
        "features": sets.features,
        "dimensions": sets.dimensions,
        "content_fid": compared_facts(sets.content),
        "style_fid": compared_facts(sets.style),
        "note": NOTE,
        "network": measured.network,
        "means": {
            name: compared_facts(quantity.means)
            for name, quantity in measured.quantities.items()
        },
        "pairs": [_pair_facts(pair) for pair in measured.pairs],
        "unmatched": [
            {"file": str(path), "reason": reason}
            for path, reason in measured.unmatched.items()
        ],
    }


def _pair_facts(pair: "PairMeasurement") -> dict[str, Any]:
    matched, found = pair.matched, pair.quantities
    names = [name for name in FORMS if name in {*found, *PICTURE, *OWN}]
    none = None, None, None
    return {
        "result": str(matched.result),
        "content": str(matched.content),
        "style": None if matched.style is None else str(matched.style),
        "width": pair.width,
        "height": pair.height,
        **{name: found.get(name, none)[0] for name in names},
        **{f"{name}_of_content": found.get(name, none)[1] for name in OWN},
    }


def folder_table(measured: "FolderMeasurement") -> Iterator[str]:
    """Write what was measured of folders: sets and means, pictures, and the rest."""
    sets = measured.sets
    yield (
        f"{measured.results} results, {measured.contents} contents, "
        f"{measured.styles} paintings; {sets.dimensions} features a picture: "
        f"{sets.features}"
    )
    yield HEAD
    yield from table_lines({"content_fid": sets.content, "style_fid": sets.style})
    yield NOTE
    if measured.pairs:
        yield from _pictures(measured)
    for path, reason in measured.unmatched.items():
        yield f"not measured: {path}: {reason}"


def _pictures(measured: "FolderMeasurement") -> Iterator[str]:
    """Write the means over the pictures, and then each of them."""
    found = measured.quantities
    yield ""
    yield (
        f"means over {len(measured.pairs)} results, {SCALE}"
        f"{network_text(measured.network)}"
    )
    yield HEAD
    yield from table_lines({name: each.means for name, each in found.items()})
    yield ""
    yield "each: MSE and SSIM to its content, distances from content and painting"
    names = [pair.matched.result.name for pair in measured.pairs]
    width = max(map(len, names))
    columns = {name: text for name, text in PICTURE.items() if name in found}
    yield " " * width + "".join(CELL.format(text) for text in columns.values())
    for name, pair in zip(names, measured.pairs, strict=True):
        values = (pair.quantities.get(column) for column in columns)
        cells = (
            "-" if value is None else format(value[0], FORMS[column][1])
            for column, value in zip(columns, values, strict=True)
        )
        yield f"{name:{width}}" + "".join(CELL.format(cell) for cell in cells)
