"""Numbers frame by frame come in; means, drifts and comparisons go out."""

from dataclasses import dataclass, field
from statistics import fmean

Compared = tuple[float | None, float | None, float | None]
"""The result's number, the content's, and the first by the second."""


@dataclass(frozen=True, slots=True)
class Series:
    """One number for every frame."""

    frames: list[float | None] = field(default_factory=list)
    """None where a frame has none."""

    @property
    def mean(self) -> float | None:
        """Over the frames that have one."""
        known = [value for value in self.frames if value is not None]
        return fmean(known) if known else None

    @property
    def drift(self) -> float | None:
        """The last frame's by the second's: the first has no frame to follow."""
        return _divide(self.frames[-1], self.frames[1]) if self.frames[1:] else None


@dataclass(frozen=True, slots=True)
class Quantity:
    """The same measure of a result and of its content."""

    result: Series = field(default_factory=Series)
    content: Series = field(default_factory=Series)

    @property
    def means(self) -> Compared:
        """Over the frames."""
        return compare(self.result.mean, self.content.mean)

    @property
    def drifts(self) -> Compared:
        """From the second frame to the last."""
        return compare(self.result.drift, self.content.drift)

    def add(self, result: float | None, content: float | None) -> None:
        """Take in the next frame's."""
        self.result.frames.append(result)
        self.content.frames.append(content)


def compare(result: float | None, content: float | None) -> Compared:
    """Put two numbers beside their ratio."""
    return result, content, _divide(result, content)


def _divide(one: float | None, other: float | None) -> float | None:
    """Divide one number by another. None: there is nothing to divide, or by."""
    return one / other if one is not None and other else None
