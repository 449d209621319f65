"""Every page for everybody: axe at four widths in both schemes, zoom of 400 %, forced colours, paper."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.house import WAIT, House
from tests.browser.test_page import PAGES, WIDER, Houses, Labs, finished  # noqa: F401  (a fixture)

WIDTHS = (320, 390, 1280, 1920)
DARK = (320, 1280, 1920)
"""One width of each layout: 390 pixels have that of 320."""
EVERY = (
    *PAGES, "/wall", "/find?q=v", "/components", "/new-pipeline", "/projects/v/runs/one", "/at/0d/", "/nowhere",
    "/projects/v/1/provenance", "/?q=nothing-is-called-so",
)  # fmt: skip
COLOURS = ("color-contrast", "link-in-text-block")
"""The rules of axe that look at colours: all others find in one scheme what they find in the other."""
VIOLATIONS = """async (rules) => (await axe.run({ resultTypes: ['violations'],
    ...(rules ? { runOnly: { type: 'rule', values: rules } } : {}) })).violations
    .flatMap((rule) => rule.nodes.slice(0, 3).map((node) =>
    `${rule.id} (${rule.impact}): ${node.html.slice(0, 160)} ${(node.failureSummary || '').slice(0, 200)}`))"""
PRESSED = """() => [...document.querySelectorAll('main :is(a[href], button, input, select, textarea, summary)')]
    .filter((each) => each.checkVisibility({ visibilityProperty: true }) && each.offsetWidth > 0)
    .map((each) => `${each.tagName} ${each.name || each.getAttribute('href') || each.textContent.trim()}`)"""
FLAT = """() => [...document.querySelectorAll('body *')].filter((each) => !each.closest('svg')
        && !each.childElementCount && !each.textContent.trim() && each.checkVisibility()
        && each.offsetWidth > 2 && each.offsetHeight > 2
        && !each.matches('header, img, video, iframe, canvas, input, select, textarea, progress, br, hr, td, th, col'))
    .filter((each) => { const style = getComputedStyle(each);
        const edge = style.borderTopStyle !== 'none' || style.outlineStyle !== 'none';
        return each.dataset.flat === '1' && style.forcedColorAdjust !== 'none' && !edge; })
    .map((each) => each.outerHTML.slice(0, 120))"""
FILLED = """() => { for (const each of document.querySelectorAll('body *'))
    if (getComputedStyle(each).backgroundColor !== 'rgba(0, 0, 0, 0)') each.dataset.flat = '1'; }"""


@pytest.fixture
def bare(browser: Browser) -> Iterator[Page]:
    """A tab into which axe can be put, and in which a page may answer 404."""
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(WAIT)
    yield page
    context.close()


def test_P9_axe_finds_nothing_at_any_width_in_either_scheme(finished: House, bare: Page, axe_script: str) -> None:  # noqa: F811
    """Each page is loaded once, as a person has it who turns a screen or dims it."""
    found: dict[str, list[str]] = {}
    for path in EVERY:
        bare.goto(finished.url + path)
        bare.add_script_tag(content=axe_script)
        for width in WIDTHS:
            bare.set_viewport_size({"width": width, "height": 900})
            bare.emulate_media(color_scheme="light")
            if complaints := bare.evaluate(VIOLATIONS):
                found[f"{path} at {width}"] = complaints
            bare.emulate_media(color_scheme="dark")
            if width in DARK and (complaints := bare.evaluate(VIOLATIONS, COLOURS)):
                found[f"{path} at {width}, dark"] = complaints
    assert not found, "\n".join(f"{place}: {each}" for place, each in found.items())


def test_P9_zoom_of_400_percent_scrolls_in_one_direction_and_hides_nothing_that_can_be_pressed(
    finished: House,  # noqa: F811
    bare: Page,
) -> None:
    """A window of 1280 × 1024 has 320 × 256 pixels of CSS then."""
    lost: dict[str, object] = {}
    for path in EVERY:
        bare.set_viewport_size({"width": 1280, "height": 1024})
        bare.goto(finished.url + path)
        before = bare.evaluate(PRESSED)
        bare.set_viewport_size({"width": 320, "height": 256})
        if wider := bare.evaluate(WIDER):
            lost[f"{path}: wider"] = wider
        if gone := set(before) - set(bare.evaluate(PRESSED)):
            lost[f"{path}: gone"] = sorted(gone)
    assert not lost, "\n".join(f"{place}: {each}" for place, each in lost.items())


def test_P9_forced_colours_lose_nothing_that_is_told_by_a_colour(finished: House, bare: Page) -> None:  # noqa: F811
    """What is only an area of a colour keeps an edge, or its colour."""
    lost: dict[str, object] = {}
    for path in EVERY:
        bare.emulate_media(forced_colors="none")
        bare.goto(finished.url + path)
        bare.evaluate(FILLED)
        bare.emulate_media(forced_colors="active")
        assert bare.evaluate("matchMedia('(forced-colors: active)').matches")
        if flat := bare.evaluate(FLAT):
            lost[path] = flat
    assert not lost, "\n".join(f"{place}: {each}" for place, each in lost.items())


def test_P9_on_paper_is_what_a_page_says_and_nothing_to_press(finished: House, bare: Page) -> None:  # noqa: F811
    bare.emulate_media(media="print")
    bare.set_viewport_size({"width": 794, "height": 1123})
    for path in ("/", "/projects/v", "/projects/v/1", "/nodes", "/projects/v/1/provenance"):
        bare.goto(finished.url + path)
        assert bare.locator(".side:visible, .top:visible, .actions:visible, form.filter:visible").count() == 0, path
        assert bare.locator("h1:visible").count() == 1, path
        assert bare.evaluate(WIDER) == [], path
    bare.goto(f"{finished.url}/projects/v/1")
    cut = "(each) => each.scrollHeight > each.clientHeight + 2"
    assert not bare.locator("[data-lines], .log").first.evaluate(cut), "a log is printed whole"
