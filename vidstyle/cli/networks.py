"""``vidstyle networks``: which networks there are, and fetching one."""


def networks() -> None:
    """List the networks, and fetch one's weights."""
