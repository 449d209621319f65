"""Messages of commits on `winslow/state`: what goes in comes out, and nothing else can be smuggled in."""

from hypothesis import given
from hypothesis import strategies as st

from flow.model.commits import StateEvent
from state.contract.commit_message import LONGEST, compose, parse, said
from state.snapshot.trees import CONFIRM, DELETE_NOW, says

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)


def test_a_message_reads_well() -> None:
    event = StateEvent("succeed", "v", 3, "detect", fact="exit 0", claim="c" * 32, by="Ada <a@b.c>", duration=1.25)
    subject, _, body = compose(event, node="gpu-01", wanted="f" * 40).partition("\n\n")
    assert subject == "succeed v/3 detect: exit 0"
    assert body.splitlines() == [
        "Winslow-Event: succeed",
        "Winslow-Project: v",
        "Winslow-Execution: 3",
        "Winslow-Stage: detect",
        "Winslow-Node: gpu-01",
        f"Winslow-Claim: {'c' * 32}",
        "Winslow-By: Ada <a@b.c>",
        f"Winslow-Wanted: {'f' * 40}",
        "Winslow-Duration: 1.250",
    ]


def test_parts_that_are_absent_are_left_out() -> None:
    assert compose(StateEvent("begin"), node="", wanted="") == "begin\n\nWinslow-Event: begin\n"


@given(fact=st.text(), by=st.text(), node=NAMES, wanted=st.from_regex(r"[0-9a-f]{40}", fullmatch=True))
def test_S6_no_text_can_forge_a_trailer_or_a_second_line(fact: str, by: str, node: str, wanted: str) -> None:
    event = StateEvent("reply", "v", fact=fact + "\nWinslow-Node: evil\r\u2028Winslow-Node: evil", by=by)
    message = compose(event, node=node, wanted=wanted)
    read = parse(message)
    assert (read.trailers["Node"], read.wanted, read.trailers["Event"]) == (node, wanted, "reply")
    assert message.split("\n")[1] == ""
    assert len(message.split("\n")[0]) <= 2 * LONGEST + 2


def test_S6_control_and_direction_characters_are_cleaned() -> None:
    subject = parse(compose(StateEvent("e", fact="a\x1b[31m\u202eb\x00c"), node="", wanted="")).subject
    assert subject == "e: a [31m b c"


def test_foreign_messages_are_read_without_complaint() -> None:
    for text in ("", "x", "a: b\nWinslow-Wanted: 1", "\n" * 50_000, "Winslow-Wanted: no trailer in the subject"):
        parse(text)
    assert parse("a: b\n\nWinslow-Wanted: 1").wanted == "1"


def test_S7_what_a_person_wrote_is_no_word_of_winslows_own() -> None:
    for word in (CONFIRM, DELETE_NOW):
        for text in (
            word,
            f"x\n\n{word}",
            f"x\r\n{word}",
            f"x\n  {word}",
            f"x\v{word}",
            f"x\u2028{word}",
            f"x\x1e{word}",
        ):
            assert not says(f"start p\n\n{said(text)}\n", word), repr(text)
    assert said("drift in minute 4,\nlower threshold") == "drift in minute 4,\nlower threshold"
