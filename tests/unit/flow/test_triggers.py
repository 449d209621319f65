"""What triggers want: nominal times over summer time, outages, wrong clocks and changes of the schedule."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow.model.snapshot import ProjectView, Snapshot
from flow.triggers.firings import Firing, done, key_of, moment_of, of_call, of_end, of_file, project_of
from flow.triggers.mistakes import mistakes
from flow.triggers.schedule import coming, due
from flow.triggers.wanted import TriggerMemory, ended, remembered, scheduled
from schema.binding import read
from schema.errors import DocumentError
from schema.execution import State
from schema.trigger import Schedule, Trigger
from tests.unit.flow.builders import Story, fleet, started

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = Trigger.model_validate({"schedule": {"cron": "0 3 * * *", "catch_up": "all", "overlap": "allow"},
                                "create": {"pipeline": "p", "start": False}})  # fmt: skip


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def local(moments: list[datetime]) -> list[str]:
    return [each.astimezone(BERLIN).strftime("%d %H:%M") for each in moments]


def between(cron: str, after: str, until: str) -> list[str]:
    schedule = Schedule(cron=cron, zone="Europe/Berlin")
    begin, end = (datetime.fromisoformat(each).replace(tzinfo=BERLIN).astimezone(UTC) for each in (after, until))
    return local(due(schedule, begin, end))


def test_G8_in_the_hour_that_summer_time_skips_a_start_comes_right_after_it() -> None:
    assert between("30 2 * * *", "2026-03-28", "2026-03-31") == ["28 02:30", "29 03:00", "30 02:30"]


def test_G8_in_the_hour_that_winter_time_repeats_a_start_comes_once() -> None:
    assert between("30 2 * * *", "2026-10-24", "2026-10-27") == ["24 02:30", "25 02:30", "26 02:30"]
    hourly = between("0 * * * *", "2026-10-25", "2026-10-25T05:00")
    assert hourly == ["25 01:00", "25 02:00", "25 02:00", "25 03:00", "25 04:00", "25 05:00"]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["*/15 * * * *", "0 3 * * *", "30 2 * * *", "5 */2 1,15 * *", "0 6 * * 1-5"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.lists(st.floats(1, 86_400), min_size=1, max_size=8),
)
def test_G8_however_often_it_is_looked_at_each_time_is_due_once(cron: str, begin: datetime, steps: list[float]) -> None:
    schedule = Schedule(cron=cron, zone="Europe/Berlin")
    looks = [begin]
    for step in steps:
        looks.append(looks[-1] + timedelta(seconds=step))
    parts = [each for a, b in pairwise(looks) for each in due(schedule, a, b, 10_000)]
    assert parts == due(schedule, begin, looks[-1], 10_000)


def test_a_time_is_due_at_that_very_moment_and_keys_are_read_back() -> None:
    moment = datetime(2026, 3, 1, 3, tzinfo=UTC)
    assert due(DAILY.schedule, moment - timedelta(seconds=1), moment) == [moment]  # type: ignore[arg-type]
    assert due(DAILY.schedule, moment, moment) == []  # type: ignore[arg-type]
    assert moment_of(key_of(moment)) == moment
    assert moment_of("20269999t000000z") is None
    assert coming(Schedule(cron="0 3 * * *", zone="Europe/Berlin"), moment, 1)[0].isoformat() == (
        "2026-03-02T03:00:00+01:00"
    )


# what is wanted


class World:
    """A repository in which whatever is wanted is made at once."""

    def __init__(self, trigger: Trigger, **projects: Story) -> None:
        self.trigger, self.memory = trigger, TriggerMemory()
        self.snapshot = replace(fleet(projects), triggers={"t": trigger})

    def look(self, now: str) -> list[str]:
        firings, self.memory = scheduled("t", self.trigger, self.snapshot, self.memory, at(now))
        for each in firings:
            assert not done(self.snapshot, self.trigger, each)
            self.make(each)
        return [each.key for each in firings]

    def make(self, firing: Firing) -> None:
        id = project_of(firing)
        story = Story()
        views = {**self.snapshot.projects, id: replace(story.view, id=id)}
        self.snapshot = replace(self.snapshot, projects=views)


def changed(trigger: Trigger, **fields: object) -> Trigger:
    schedule = trigger.schedule.model_dump() | fields  # type: ignore[union-attr]
    return Trigger.model_validate({**trigger.model_dump(exclude_none=True), "schedule": schedule})


def test_G8_an_outage_over_several_nominal_times_is_caught_up_as_the_trigger_says() -> None:
    for policy, wanted in {
        "all": ["20260302t030000z", "20260303t030000z", "20260304t030000z"],
        "latest": ["20260304t030000z"],
        "none": [],
    }.items():
        world = World(changed(DAILY, catch_up=policy))
        assert world.look("2026-03-01T00:00") == []
        assert world.look("2026-03-01T03:00:02") == ["20260301t030000z"]
        assert world.look("2026-03-04T09:00") == wanted
        assert world.look("2026-03-04T09:01") == []


def test_G8_a_new_node_catches_up_from_what_was_made_and_a_new_trigger_from_now() -> None:
    world = World(DAILY)
    world.look("2026-03-01T00:00")
    world.look("2026-03-01T04:00")
    world.memory = TriggerMemory()  # a node that knows nothing
    assert world.look("2026-03-03T04:00") == ["20260302t030000z", "20260303t030000z"]
    assert World(DAILY).look("2026-03-03T04:00") == []


def test_G8_a_clock_that_was_ahead_for_a_while_holds_up_nothing() -> None:
    world = World(DAILY)
    world.look("2026-03-01T00:00")
    assert len(world.look("2031-03-01T03:00")) == 100  # bounded, whatever the clock says
    assert world.look("2026-03-01T04:00") == ["20260301t030000z"]
    assert world.look("2026-03-02T04:00") == ["20260302t030000z"]
    new = World(DAILY)
    new.look("2031-01-01T00:00")  # first seen by a clock that is wrong
    assert new.look("2026-03-01T00:00") == []
    assert new.look("2026-02-28T00:00") == []  # set back: everything up to there was judged


def test_G8_a_changed_schedule_counts_from_when_it_was_changed() -> None:
    world = World(DAILY)
    world.look("2026-03-01T00:00")
    world.look("2026-03-01T03:00")
    world.trigger = changed(DAILY, cron="0 * * * *")
    assert world.look("2026-03-01T12:30") == []
    assert world.look("2026-03-01T13:01") == ["20260301t130000z"]


def test_while_it_still_runs_a_start_waits_or_is_skipped_or_comes_all_the_same() -> None:
    for policy, during, after in (
        ("wait", [], ["20260302t030000z"]),
        ("skip", [], []),
        ("allow", ["20260302t030000z"], []),
    ):
        trigger = Trigger.model_validate(
            {"schedule": {"cron": "0 3 * * *", "overlap": policy}, "start": {"project": "v"}}
        )
        busy = started()
        busy.ran(State.RUNNING)
        memory = TriggerMemory()
        running, ended_ = fleet(busy), fleet(Story())
        _, memory = scheduled("t", trigger, running, memory, at("2026-03-02T00:00"))
        firings, memory = scheduled("t", trigger, running, memory, at("2026-03-02T03:01"))
        assert [each.key for each in firings] == during, policy
        firings, memory = scheduled("t", trigger, ended_, memory, at("2026-03-02T05:00"))
        assert [each.key for each in firings] == (during or after), policy


def test_an_end_of_another_project_is_news_once() -> None:
    trigger = Trigger.model_validate({"project": {"name": "v"}, "start": {"project": "w"}})
    story = started("name: p\nstages:\n  - {name: a, image: i}\n")
    before, memory = ended("t", trigger, fleet(story), TriggerMemory())
    assert before == []
    story.ran()
    world = fleet({"v": story, "w": Story()})
    news, memory = ended("t", trigger, world, memory)
    assert [(each.key, each.said) for each in news] == [("v.1", "v succeeded")]
    assert ended("t", trigger, world, remembered(memory, world, trigger))[0] == []
    assert ended("t", trigger, world, TriggerMemory())[0] == []  # seen first after the end: no news
    story.ask(request="start", stage="a")
    assert ended("t", trigger, fleet({"v": story, "w": Story()}), memory)[0] == []
    story.ran()
    again, _ = ended("t", trigger, fleet({"v": story, "w": Story()}), remembered(memory, world, trigger))
    assert [each.key for each in again] == ["v.2"]


def test_an_end_that_was_there_before_is_no_news_after_a_request_waited_for_its_reply() -> None:
    trigger = Trigger.model_validate({"project": {"name": "v"}, "start": {"project": "w"}})
    story = started("name: p\nstages:\n  - {name: a, image: i}\n")
    story.ran()
    _, memory = ended("t", trigger, fleet({"v": story, "w": Story()}), TriggerMemory())
    waiting = fleet({"v": story.pending({"request": "pause"}), "w": Story()})
    assert ended("t", trigger, waiting, memory)[0] == []
    memory = remembered(memory, waiting, trigger)
    answered = fleet({"v": story.pending(), "w": Story()})
    assert ended("t", trigger, answered, memory)[0] == []
    assert remembered(memory, fleet({"w": Story()}), trigger).ends == {}  # a project that is gone begins anew


def test_keys_are_names_whatever_they_are_made_of() -> None:
    assert of_end("t", "a" * 63, 5, "succeeded").key == of_end("t", "a" * 63, 5, "succeeded").key
    for firing in (of_end("t", "a" * 63, 5, "any"), of_call("t", "../../x\n", {}), of_call("t", "Ä" * 300, {})):
        assert project_of(firing).removeprefix("t-").isalnum()
    assert of_file("t", "a/b.c.mp4", "blake3:" + "ab" * 32).facts["file.stem"] == "b.c"


def test_a_project_that_was_deleted_was_made() -> None:
    firing = of_file("t", "a.mp4", "blake3:" + "0" * 64)
    trigger = Trigger.model_validate({"pool": {"files": "*.mp4"}, "create": {"pipeline": "p"}})
    gone = ProjectView(project_of(firing), None)
    assert done(Snapshot("m", "s", projects={gone.id: gone}), trigger, firing)


# mistakes

GOOD = "schedule: {cron: '0 3 * * *'}\nstart: {project: v}\n"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("start: {project: v}\n", "say one of schedule, pool, project and hook"),
        (GOOD + "hook: {}\n", "here are schedule and hook"),
        ("hook: {}\n", "say either `start`, a project that there is, or `create`"),
        ("schedule: {cron: '61 3 * * *'}\nstart: {project: v}\n", "1:18: five fields are wanted"),
        ("schedule: {cron: '0 0 30 2 *'}\nstart: {project: v}\n", "five fields are wanted"),
        ("schedule: {cron: '* * * * *', zone: Europe/Berlln}\nstart: {project: v}\n", "1:37: a time zone is wanted"),
        ("pool: {files: '*'}\nstart: {project: v}\n", "of a file of the pool a project is made"),
        ("project: {name: v}\nstart: {project: v}\n", "it would start itself for ever"),
        ("hook: {}\ncreate: {pipeline: p, name: '$[[ hook.x ]]'}\n", "2:29: $[[ hook.x ]]: a trigger of this"),
        ("pool: {files: '*'}\ncreate: {pipeline: p, inputs: {v: '$[[ file.pth ]]'}}\n", "did you mean 'file.path'"),
        ("scedule: {cron: '* * * * *'}\nstart: {project: v}\n", "did you mean 'schedule'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_one_trigger_is_told_at_its_place(text: str, what: str) -> None:
    with pytest.raises(DocumentError) as told:
        read(Trigger, text, "triggers/t.yaml")
    assert what in str(told.value)


def test_what_is_wrong_with_several_is_told_of_each() -> None:
    texts = {
        "a": "project: {name: v}\nstart: {project: w}\n",
        "b": "project: {name: w}\nstart: {project: v}\n",
        "c": "pool: {files: '*'}\ncreate: {pipeline: p}\n",
        "d": "pool: {files: '*'}\ncreate: {pipeline: p}\ndescription: the same\n",
        "e": "hook: {}\ncreate: {pipeline: pp}\n",
        "f": "hook: {}\nstart: {project: vv}\n",
    }
    triggers = {name: read(Trigger, text, name) for name, text in texts.items()}
    assert {(name, what) for name, _, what in mistakes(triggers, ["p"], ["v", "w"])} == {
        ("a", "the end of 'v' starts it again, by a, b"),
        ("b", "the end of 'w' starts it again, by b, a"),
        ("d", "it makes what 'c' makes, twice; remove one of them"),
        ("e", "there is no pipeline 'pp' (did you mean 'p'?)"),
        ("f", "there is no project 'vv' (did you mean 'v'?)"),
    }
