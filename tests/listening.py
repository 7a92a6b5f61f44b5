"""A listener that keeps what it is told."""

from collections.abc import Callable

from vidstyle.records import Event, FrameReport, Notice, Plan, StepReport


class Listened(list[Event]):
    """All events, in the order in which they came."""

    def __call__(self, event: Event) -> None:
        self.append(event)

    @property
    def steps(self) -> list[StepReport]:
        return [event for event in self if isinstance(event, StepReport)]

    @property
    def plan(self) -> Plan:
        (plan,) = (event for event in self if isinstance(event, Plan))
        return plan

    @property
    def notices(self) -> list[str]:
        return [event.text for event in self if isinstance(event, Notice)]


class StoppedError(Exception):
    """The listener does not want any more."""


def stop_after(
    reports: int, kind: type[Event] = FrameReport
) -> Callable[[Event], None]:
    """Stop a run as Ctrl-C would, at the next report after so many of a kind."""
    left = iter(range(reports))

    def listen(event: Event) -> None:
        if isinstance(event, kind) and next(left, None) is None:
            raise StoppedError

    return listen
