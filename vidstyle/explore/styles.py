"""Paintings and photographs -> a trial each, with one and the same content."""

from collections.abc import Sequence
from pathlib import Path

from vidstyle.config import StyleConfig
from vidstyle.explore.trial import Experiment, Trial


def styles(
    content: Path,
    config: StyleConfig,
    *,
    paintings: Sequence[Path],
    photographs: Sequence[Path] = (),
    batch: int = 1,
) -> Experiment:
    """Paint one picture after paintings and after photographs.

    Args:
        content: The picture.
        config: Of all of them.
        paintings: At least one file.
        photographs: Files that are taken as style, too.
        batch: How many are painted beside one another.

    Source: Lee and Lee 2023, art against photograph as style.
    """
    kinds = {"painting": paintings, "photograph": photographs}
    trials = tuple(
        Trial(
            row="",
            column=f"{kind} {style.stem}",
            content=content,
            style=style,
            config=config,
        )
        for kind, files in kinds.items()
        for style in files
    )
    return Experiment(
        name="styles", config=config, rows=(trials,), batch=batch, shows_styles=True
    )
