"""A listener that keeps what it is told."""

from vidstyle.records import Event, Notice, Plan, StepReport


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
