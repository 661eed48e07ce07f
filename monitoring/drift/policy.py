"""When a check that is over its threshold becomes an alarm, and when that is over: counts alone, so that it replays."""

from collections.abc import Iterable, Sequence

from monitoring.drift.findings import Status

ALERT_WITHIN = 3  # newest checks, of which
ALERT_AT = 2  # are over their threshold
CLEAN = 5  # checks in a row that close an incident


def status(over: Sequence[bool]) -> Status:
    """Of the newest of a channel's checks, given oldest first.

    >>> [status(over).value for over in ([True, False, True], [True, False, False], [False, True])]
    ['alert', 'ok', 'warning']
    """
    if not over or not over[-1]:
        return Status.OK
    return Status.ALERT if sum(over[-ALERT_WITHIN:]) >= ALERT_AT else Status.WARNING


def statuses(over: Sequence[bool]) -> list[Status]:
    """Of each check, as it was told then."""
    return [status(over[max(0, place + 1 - ALERT_WITHIN) : place + 1]) for place in range(len(over))]


def incidents(told: Iterable[Status]) -> int:
    """How many incidents a channel's checks open: an alert opens one, and CLEAN checks in a row close it.

    >>> incidents([Status.ALERT, *[Status.OK] * 5, Status.ALERT]), incidents([Status.ALERT, Status.OK, Status.ALERT])
    (2, 1)
    """
    opened, clean, is_open = 0, 0, False
    for each in told:
        clean = clean + 1 if each == Status.OK else 0
        if each == Status.ALERT and not is_open:
            opened, is_open = opened + 1, True
        is_open = is_open and clean < CLEAN
    return opened
