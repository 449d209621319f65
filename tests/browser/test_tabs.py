"""Many tabs of one browser, and what a page says when what it shows is not renewed any more."""

import re
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import APIResponse, Browser, Page, Request, Route, expect

from schema.execution import State
from tests.browser.house import House
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
Houses = Callable[[Lab], House]
GO = "[time.sleep(0.02) for _ in iter(lambda: os.path.exists(os.environ['RUNS'] + '.go'), True)]; print('last words')"


def streams(made: House) -> int:
    """Connections that the page's process has open."""
    return len([each for each in psutil.Process(made.page.pid).net_connections("tcp") if each.status == "ESTABLISHED"])


@pytest.mark.parametrize(("shared", "tabs"), [(True, 30), (False, 10)])
def test_T6_with_thirty_tabs_open_every_button_answers_and_every_log_goes_on(
    lab: Labs, house: Houses, tab: Page, shared: bool, tabs: int
) -> None:
    """Also where a browser has no shared workers, as on Android: one tab holds the stream for all."""
    if not shared:
        tab.context.add_init_script("delete window.SharedWorker")
    here = lab(stage("one", f"print('first words', flush=True); {GO}"))
    made = house(here)
    here.ask("request: start")
    here.until_state(State.RUNNING)
    others = [tab.context.new_page() for _ in range(tabs)]
    for number, other in enumerate(others):
        other.goto(f"{made.url}/projects/v{'/1' if number % 2 else ''}", wait_until="domcontentloaded")
    assert streams(made) <= 6
    tab.goto(f"{made.url}/projects/v")
    tab.get_by_role("button", name="Pause after this stage").click()
    expect(tab.locator("body")).to_contain_text("committed as")
    Path(f"{here.runs}.go").touch()
    for other in others[1::6]:
        expect(other.locator(".tx", has_text="last words")).to_be_attached()
    for other in others[::10]:
        expect(other.locator("#head .state").first).not_to_have_text("running")


def test_T6_a_page_that_lost_its_server_says_so_and_finds_it_again(lab: Labs, house: Houses, tab: Page) -> None:
    made = house(lab(stage("one")))
    tab.goto(f"{made.url}/projects/v")
    expect(tab.locator(".age")).to_have_text("live")
    made.page.kill()
    expect(tab.locator(".age")).to_contain_text("not connected")
    made.restart_page()
    expect(tab.locator(".age")).to_have_text("live")


def test_T6_a_stream_whose_worker_is_gone_is_begun_anew(lab: Labs, house: Houses, tab: Page, browser: Browser) -> None:
    """It ends with the page that began it, if the next one comes at the wrong moment, or could not be loaded at all."""
    made = house(lab(stage("one")))
    tab.clock.install()
    tab.goto(made.url)
    expect(tab.locator(".age")).to_have_text("live")
    devtools = browser.new_browser_cdp_session()
    [worker] = [each for each in devtools.send("Target.getTargets")["targetInfos"] if each["type"] == "shared_worker"]
    devtools.send("Target.closeTarget", {"targetId": worker["targetId"]})
    tab.clock.fast_forward(6_000)
    expect(tab.locator(".age")).to_contain_text("not connected")
    tab.clock.fast_forward(20_000)
    expect(tab.locator(".age")).to_have_text("live")


def test_T6_a_server_that_only_stands_still_is_no_server(lab: Labs, house: Houses, tab: Page) -> None:
    made = house(lab(stage("one")))
    tab.goto(f"{made.url}/projects/v")
    process = psutil.Process(made.page.pid)
    process.suspend()
    try:
        expect(tab.locator(".age")).to_contain_text("not connected")
    finally:
        process.resume()
    expect(tab.locator(".age")).to_have_text("live")


def test_T6_a_page_that_lost_its_repository_says_so_and_what_waits_is_told_without_a_reload(
    lab: Labs, house: Houses, tab: Page
) -> None:
    here = lab(stage("one"))
    made = house(here)
    other = tab.context.new_page()
    for each in (tab, other):
        each.goto(f"{made.url}/projects/v")
        expect(each.locator(".age")).to_have_text("live")
    here.take_away()
    expect(tab.locator(".age")).to_contain_text("the repository does not answer")
    tab.get_by_role("button", name="Start", exact=True).first.click()
    expect(other.locator("#unsent")).to_contain_text("Not yet sent")
    here.bring_back()
    for each in (tab, other):
        expect(each.locator(".age")).to_have_text("live")
        expect(each.locator("#unsent")).to_have_text("")


@pytest.mark.parametrize("shared", [True, False])
def test_hidden_tabs_hold_no_stream(lab: Labs, house: Houses, tab: Page, shared: bool) -> None:
    made = house(lab(stage("one")))
    if not shared:
        tab.add_init_script("delete window.SharedWorker")
    tab.goto(f"{made.url}/projects/v")
    expect(tab.locator(".age")).to_have_text("live")
    turn = """hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
                          document.dispatchEvent(new Event('visibilitychange')); }"""
    tab.evaluate(turn, True)
    made.until(lambda: streams(made) == 0)
    made.lab.edit({"projects/v/project.yaml": "pipeline: p\nname: Another name\n"})
    tab.evaluate(turn, False)
    expect(tab.locator("h1")).to_contain_text("Another name")


def test_T6_without_shared_workers_one_tab_holds_the_stream_and_hands_it_on(
    lab: Labs, house: Houses, tab: Page
) -> None:
    made = house(lab(stage("one")))
    tab.context.add_init_script("delete window.SharedWorker")
    asked: list[Page] = []
    tab.context.on(
        "request", lambda request: asked.append(request.frame.page) if request.url.endswith("/events") else None
    )
    others = [tab, tab.context.new_page(), tab.context.new_page()]
    for each in others:
        each.goto(f"{made.url}/projects/v")
        expect(each.locator(".age")).to_have_text("live")
    assert asked == [tab]
    tab.close()
    made.lab.edit({"projects/v/project.yaml": "pipeline: p\nname: Another name\n"})
    for each in others[1:]:
        expect(each.locator("h1")).to_contain_text("Another name")
        expect(each.locator(".age")).to_have_text("live")
    assert len(set(asked[1:])) == 1


def test_a_form_that_would_not_arrive_keeps_what_was_typed(lab: Labs, house: Houses, tab: Page) -> None:
    made = house(lab(stage("one")))
    tab.goto(f"{made.url}/projects/v")
    tab.get_by_label("Comment").last.fill("half a thought")
    made.page.kill()
    tab.get_by_role("button", name="Comment", exact=True).click()
    expect(tab.get_by_role("alert")).to_contain_text("Nothing was sent")
    expect(tab.get_by_label("Comment").last).to_have_value("half a thought")
    made.restart_page()
    tab.get_by_role("button", name="Comment", exact=True).click()
    expect(tab.locator("body")).to_contain_text("committed as")


def test_a_proxys_login_in_place_of_an_answer_keeps_what_was_typed(lab: Labs, house: Houses, tab: Page) -> None:
    made = house(lab(stage("one")))
    tab.goto(f"{made.url}/projects/v")
    tab.get_by_label("Comment").last.fill("half a thought")
    login = "<html><title>Corporate login</title></html>"
    tab.route(f"{made.url}/still", lambda route: route.fulfill(status=200, content_type="text/html", body=login))
    tab.get_by_role("button", name="Comment", exact=True).click()
    expect(tab.get_by_role("alert")).to_contain_text("You have to log in again")
    made.lab.edit({"projects/v/project.yaml": "pipeline: p\nname: Another name\n"})
    expect(tab.locator("h1")).to_contain_text("Another name")
    expect(tab.get_by_role("alert")).to_contain_text("You have to log in again")
    expect(tab.get_by_label("Comment").last).to_have_value("half a thought")
    tab.unroute(f"{made.url}/still")
    tab.get_by_role("button", name="Comment", exact=True).click()
    expect(tab.locator("body")).to_contain_text("committed as")
    expect(tab.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("how", ["cut", "answered by a proxy"])
def test_T6_a_part_that_could_not_be_renewed_is_asked_for_again(lab: Labs, house: Houses, tab: Page, how: str) -> None:
    made = house(lab(stage("one")))
    tab.goto(f"{made.url}/projects/v")
    expect(tab.locator(".age")).to_have_text("live")
    lost: list[Route] = []

    def lose(route: Route) -> None:
        lost.append(route)
        if how == "cut":
            route.abort("connectionreset")
        else:
            route.fulfill(status=503, content_type="text/html", body="<h1>Bad gateway</h1>")

    tab.route(f"{made.url}/projects/v", lose, times=1)
    made.lab.edit({"projects/v/project.yaml": "pipeline: p\nname: Another name\n"})
    expect(tab.locator("h1")).to_contain_text("Another name")
    assert len(lost) == 1
    expect(tab.get_by_role("alert")).to_have_count(0)


def test_an_answer_is_sent_once_and_its_form_closes_at_once(lab: Labs, house: Houses, tab: Page) -> None:
    here = lab(stage("one") + "  - {name: look, when: manual, confirm: Good?, inputs: {note: {type: string}}}\n")
    made = house(here)
    here.ask("request: start")
    here.until_reason("ManualApproval")
    made.node.stop()
    sent: list[Request] = []
    tab.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    tab.goto(f"{made.url}/projects/v")
    tab.get_by_label("note").fill("good")
    tab.evaluate("() => { const b = document.querySelector('.ask button.main'); b.click(); b.click(); b.click(); }")
    expect(tab.locator("#ask")).to_contain_text("Answered by Ada Lovelace: note good")
    expect(tab.get_by_role("button", name="Answer")).to_have_count(0)
    assert len(sent) == 1


def typed_meanwhile(tab: Page, part: str, happens: Callable[[], object], text: str) -> None:
    """Types in the field that finds something while the answer that renews the part is on its way, old already."""
    late: list[tuple[Route, APIResponse]] = []

    def release() -> None:
        while late:
            renewal, answer = late.pop()
            renewal.fulfill(response=answer)

    def hold(route: Route) -> None:
        if route.request.headers.get("hx-trigger") == part and not (late or typed):
            late.append((route, route.fetch()))
            return
        release()
        route.continue_()

    typed = False
    tab.route(re.compile(r"/(history)?\?"), hold)
    with tab.expect_request(lambda request: request.headers.get("hx-trigger") == part):
        happens()
    tab.get_by_label("Find").fill(text)
    typed = True
    tab.wait_for_timeout(500)  # longer than the page waits for the next letter
    release()


def test_news_on_the_way_does_not_undo_what_is_looked_for(lab: Labs, house: Houses, tab: Page) -> None:
    here = lab(stage("one"))
    here.edit({f"projects/site-{n}/project.yaml": "pipeline: p\n" for n in range(3)})
    made = house(here)
    tab.goto(made.url)
    rows = tab.locator("#projects tbody tr")
    expect(rows).to_have_count(4)
    news = {"projects/site-3/project.yaml": "pipeline: p\n"}
    typed_meanwhile(tab, "projects", lambda: here.edit(news), "site")
    expect(rows).to_have_count(4)
    expect(tab.locator("#row-v")).to_have_count(0)
    expect(tab.locator("#total")).to_have_text("4 projects")
    here.edit({"projects/site-4/project.yaml": "pipeline: p\n", "projects/other/project.yaml": "pipeline: p\n"})
    expect(rows).to_have_count(5)
    expect(tab.locator("#total")).to_have_text("5 projects")


def test_news_on_the_way_does_not_undo_which_events_are_looked_for(lab: Labs, house: Houses, tab: Page) -> None:
    here = lab(stage("one"))
    made = house(here)
    here.ask("request: start")
    here.until_reason("Done")

    def told() -> bool:
        tab.goto(f"{made.url}/history")
        return tab.locator("#history tbody tr", has_text="claim").count() == 1

    made.until(told)
    typed_meanwhile(tab, "history", lambda: here.ask("request: start\nstage: one"), "nothing like it")
    expect(tab.locator("#history")).to_contain_text("Nothing like that")


def test_news_leaves_what_is_typed_on_a_project_page(lab: Labs, house: Houses, tab: Page) -> None:
    here = lab(stage("one"))
    made = house(here)
    here.ask("request: start")
    here.until_reason("Done")

    def told() -> bool:
        tab.goto(f"{made.url}/projects/v")
        return tab.get_by_label("Compare execution").count() == 1

    made.until(told)
    tab.locator("details.redo summary").click()
    fields = tab.locator("main :is(input, textarea):not([type=hidden]):visible")
    count = fields.count()
    assert count > 3
    for number in range(count):
        fields.nth(number).fill(str(number))
    here.edit({"projects/v/project.yaml": "pipeline: p\nname: Renamed\n"})
    expect(tab.locator("#head")).to_contain_text("Renamed")
    expect(fields.last).to_be_focused()
    assert [each.input_value() for each in fields.all()] == [str(number) for number in range(count)]
