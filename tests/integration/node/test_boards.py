"""What GitLab shows of the state: boards that real nodes wrote."""

import re
from collections.abc import Callable

from markdown_it import MarkdownIt

from flow.boards.root_board import root_board
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
GATE = "  - {name: review, when: manual, confirm: Good enough?, inputs: {keep: {type: boolean, default: true}}}\n"
WAITS = "[time.sleep(0.05) for _ in iter(lambda: os.path.exists(os.environ['RUNS'] + '.go'), True)]"


def pipeline(name: str, lab: Lab, stages: str) -> dict[str, str | None]:
    text = f"name: {name}\nenv: {{RUNS: {lab.runs}}}\nstages:\n{stages}"
    return {
        f"pipelines/{name}.yaml": text,
        f"projects/{name}/project.yaml": f"pipeline: {name}\nname: The {name} one\n",
    }


def section(board: str, name: str) -> str:
    """From its heading to the next."""
    return board.partition(f"## {name} (")[2].partition("\n## ")[0]


def assert_links_lead_somewhere(lab: Lab, folder: str) -> None:
    board = lab.repository.read_text(f"{folder}README.md") or ""
    targets = re.findall(r"\]\(([^)]+)\)", board)
    assert targets, board
    for target in targets:
        assert lab.repository.read_text(folder + target) is not None, f"{folder}README.md: {target}"


def test_R2_the_root_board_shows_all_projects_and_their_state(lab: Labs) -> None:
    here = lab(stage("one"))
    worlds = {
        "good": stage("one", "print('x'); open('a', 'w').write('x')", artifacts="{paths: [a]}"),
        "bad": stage("one", "print('no | <b>video</b>'); raise SystemExit(3)"),
        "gated": stage("one") + GATE,
        "busy": stage("one", WAITS),
        "held": stage("one") + stage("two"),
    }
    for name, stages in worlds.items():
        here.edit(pipeline(name, here, stages))
        here.ask("request: start" + ("\nthen: pause" if name == "held" else ""), name)
    node = here.node()
    for name, reason in (("good", "Done"), ("bad", "Failed"), ("gated", "ManualApproval"), ("held", "PauseRequested")):
        here.until_reason(reason, name)

    def shown(_: object) -> bool:
        snapshot = here.repository.fetch()
        return snapshot.board == root_board(snapshot)

    here.until(shown)
    board = here.repository.fetch().board
    needs, runs, waits, done = (section(board, name) for name in ("Needs you", "Runs", "Waits", "Done"))
    assert "The gated one" in needs
    assert "The bad one" in needs
    assert "exit code 3" in needs
    assert "The busy one" in runs, board
    assert "The held one" in waits
    assert "The good one" in done
    own = here.repository.read_text("projects/bad/README.md") or ""
    assert "exit code 3" in own
    assert "executions/0001-one.yaml" in own
    assert "\nno | <b>video</b>\n~~~" in own, "the end of its log"
    assert "artifacts/0001-one.json" in (here.repository.read_text("projects/good/README.md") or "")
    for folder in ("", *(f"projects/{name}/" for name in worlds)):
        assert_links_lead_somewhere(here, folder)
    assert "<table>" in MarkdownIt("commonmark").enable("table").render(own)
    (here.runs.parent / f"{here.runs.name}.go").touch()
    here.until_reason("Done", "busy")
    here.until(shown)
    assert "The busy one" in section(here.repository.fetch().board, "Done"), "renewed although nothing else happened"
    own = here.repository.read_text("projects/gated/README.md") or ""
    [block] = [token.content for token in MarkdownIt().parse(own) if token.type == "fence"]
    [file] = re.findall(r"<code>(projects/gated/requests/.*?)</code>", own)
    here.edit({file.replace("\\", ""): block})
    view = here.until_reason("Done", "gated")
    assert view.replies[-1].inputs == {"keep": True}, "what the board shows is what answers"
    node.kill()
