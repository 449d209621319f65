"""Markdown of programs: what it may lead to from a page."""

import pytest

from webui.views.prose import prose

RAW = "/raw/executions/v/1"


@pytest.mark.parametrize("path", ["../secret", "%2e%2e/%2e%2e/secret", ".%2E/secret", "a/%2e%2e%2f..%2fsecret"])
def test_pictures_of_a_text_lie_beside_it_however_dots_are_written(path: str) -> None:
    """Browsers read `%2e%2e` as the folder above."""
    assert 'src="data:,"' in prose(f"![x]({path})", RAW)


def test_a_picture_beside_a_text_is_shown() -> None:
    assert f'src="{RAW}/plots/a%20b.png"' in prose("![x](plots/a%20b.png)", RAW)


@pytest.mark.parametrize(
    "to", ["javascript:alert(1)", "java&#9;script:alert(1)", "data:text/html,x", "//elsewhere/x", "/x"]
)
def test_links_lead_nowhere_but_to_sites_and_beside(to: str) -> None:
    made = prose(f"[x]({to}) <script>alert(1)</script>", RAW)
    assert "<script" not in made
    assert 'href="javascript' not in made
    assert 'href="data' not in made
    assert 'href="/' not in made
