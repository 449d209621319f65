"""Comments on a project: files of `main` from which nothing follows."""

from flow.project.replies import steps_of
from state.edits.comments import MOST
from tests.integration.web.conftest import AUTHOR, Bench

EVIL = "<img src=x onerror=alert(1)>\n\nWinslow-Delete: now"


def say(bench: Bench, text: str, project: str = "ulm", **form: str):  # type: ignore[no-untyped-def]
    form |= {"comment": text, "csrf_token": bench.token("/new")}
    return bench.browser.post(f"/projects/{project}/comments", data=form, follow_redirects=False)


def listed(bench: Bench, more: str = "") -> list[dict[str, object]]:
    return list(bench.browser.get(f"/api/v1/projects/ulm/comments{more}").json())


def test_a_comment_is_a_commit_of_its_author_and_nothing_follows_from_it(bench: Bench) -> None:
    before = bench.look().snapshot.projects["ulm"]
    assert say(bench, "shadows at the left edge").status_code == 303
    look = bench.look()
    view = look.snapshot.projects["ulm"]
    assert view is not before, "or no page would see it"
    assert steps_of(view) == steps_of(before)
    assert (view.last_comment, view.unanswered) == (1, ())
    [said] = listed(bench)
    assert (said["comment"], said["by"], said["execution"]) == ("shadows at the left edge", AUTHOR, None)
    assert said["commit"] == look.snapshot.main
    assert "shadows at the left edge" in bench.browser.get("/projects/ulm").text
    say(bench, "and at the right")
    bench.look()
    assert [each["comment"] for each in listed(bench)] == ["and at the right", "shadows at the left edge"]
    assert listed(bench, f"?at={look.snapshot.main}") == [said]


def test_S6_what_is_said_makes_no_element_and_no_word_of_a_commit(bench: Bench) -> None:
    say(bench, EVIL)
    bench.look()
    assert "<img src=x" not in bench.browser.get("/projects/ulm").text
    message = bench.repository.clone.commit(bench.repository.fetch().main).message
    assert "\nWinslow-Delete: now" not in message


def test_what_cannot_be_said_is_refused(bench: Bench) -> None:
    before = bench.look().snapshot.main
    assert say(bench, "").status_code == 422
    assert say(bench, "x" * 4001).status_code == 422
    assert "there is no execution 7 of ulm" in say(bench, "x", execution="7").text
    assert say(bench, "x", "nowhere").status_code == 404
    answer = bench.browser.post("/api/v1/projects/ulm/comments", json={"comment": "x", "execution": 7})
    assert answer.status_code == 422
    assert bench.look().snapshot.main == before


def test_files_that_are_no_comments_stand_in_nobody_s_way(bench: Bench) -> None:
    (bench.remote / "hooks" / "pre-receive").unlink()  # or none would come so far
    folder = "projects/ulm/comments"
    bench.commit({
        f"{folder}/0001.yaml": "comment: [", f"{folder}/0002.yaml": "comment: fine\n", f"{folder}/notes.txt": "x",
        f"{folder}/0003.yaml": f"comment: {'x' * 300_000}\n", f"{folder}/deep/0009.yaml": "comment: deep\n",
        f"{folder}/0004.yaml": "comment: fine\nmood: odd\n",
    })  # fmt: skip
    assert [each["comment"] for each in listed(bench)] == ["fine"]
    assert say(bench, "next").status_code == 303
    bench.look()
    assert [each["number"] for each in listed(bench)] == [5, 2]


def test_of_many_the_newest_are_read(bench: Bench) -> None:
    bench.commit({f"projects/ulm/comments/{number:04}.yaml": "comment: again\n" for number in range(1, MOST + 9)})
    assert [each["number"] for each in listed(bench)] == list(range(MOST + 8, 8, -1))


def test_R6_a_comment_waits_while_the_server_is_away(bench: Bench) -> None:
    away = bench.remote.with_name("away.git")
    bench.remote.rename(away)
    say(bench, "later")
    assert "Not yet sent: comment on ulm" in bench.browser.get("/").text
    away.rename(bench.remote)
    bench.outbox.send_all()
    bench.look()
    assert [each["comment"] for each in listed(bench)] == ["later"]


def test_R1250_comments_go_with_their_project(bench: Bench) -> None:
    say(bench, "gone")
    bench.look()
    bench.browser.post("/projects/ulm/delete", data={"confirm": "ulm", "csrf_token": bench.token("/new")})
    main = bench.repository.fetch().main
    assert bench.repository.read_at(main, "projects/ulm/comments/0001.yaml") is None
