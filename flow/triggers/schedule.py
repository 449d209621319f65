"""Nominal times of a schedule. Pure: what time it is, is given.

The library is loaded where a schedule is looked at: most repositories have none.
"""

from datetime import UTC, datetime
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from schema.trigger import Schedule

MOST = 100
"""Nominal times that are caught up at most; older ones are left out."""


def due(schedule: Schedule, after: datetime, now: datetime, most: int = MOST) -> list[datetime]:
    """The nominal times in (after, now] in UTC, oldest first; of very many the newest."""
    from cronsim import CronSim

    here = ZoneInfo(schedule.zone)
    if after >= now:
        return []
    # A time that is this very moment is due, too: cronsim gives what lies strictly before.
    moment = datetime.fromtimestamp(int(now.timestamp()) + 1, UTC).astimezone(here)
    backwards = (each.astimezone(UTC) for each in CronSim(schedule.cron, moment, reverse=True))
    within = takewhile(lambda each: each > after, (each for each in backwards if each <= now))
    return list(islice(within, most))[::-1]


def coming(schedule: Schedule, now: datetime, count: int) -> list[datetime]:
    """The next nominal times, in the schedule's own zone."""
    from cronsim import CronSim

    return list(islice(CronSim(schedule.cron, now.astimezone(ZoneInfo(schedule.zone))), count))
