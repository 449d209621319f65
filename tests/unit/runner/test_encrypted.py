"""I5: secrets that stand encrypted in the repository."""

from pathlib import Path

import pytest

from controller.grants.granting import Granting, NotGranted
from flow.placement.grants import Asker, rights_refusal
from runner.secrets.node_secrets import KEY, BadSecret, NodeSecrets
from schema.binding import read
from schema.errors import DocumentError
from schema.pipeline import Pipeline
from schema.policy import Policy, summary
from schema.rights import Rights
from tests.unit.controller.test_policy_file import order

pytest.importorskip("pyrage", reason="the extra `age` is not installed")
from runner.secrets.encrypted import decrypted, encrypted, fresh_key, recipient

VALUE = b"correct-horse\nbattery-staple"
OURS, OTHERS = fresh_key(), fresh_key()


def text(name: str = "TOKEN", *keys: str) -> str:
    return encrypted(name, VALUE, [recipient(key) for key in keys or (OURS,)])


def test_I5_only_the_keys_that_it_was_made_for_read_it() -> None:
    for key in (OURS, OTHERS):
        assert decrypted("TOKEN", text("TOKEN", OURS, OTHERS), key) == VALUE
    with pytest.raises(BadSecret, match=f"not encrypted to this node's key.*--to {recipient(OTHERS)}"):
        decrypted("TOKEN", text(), OTHERS)


def test_I5_a_value_that_is_moved_to_another_name_is_not_taken() -> None:
    """Or whoever can push would have it given to a pipeline of their own, under a name that is granted to that."""
    with pytest.raises(BadSecret, match="encrypted under another name"):
        decrypted("MINE", text("TOKEN"), OURS)


@pytest.mark.parametrize("change", ["", "x", "-----BEGIN AGE ENCRYPTED FILE-----\n-----END AGE ENCRYPTED FILE-----"])
def test_what_is_no_file_of_age_says_so(change: str) -> None:
    with pytest.raises(BadSecret, match="was changed"):
        decrypted("TOKEN", change, OURS)


@pytest.mark.parametrize(
    ("name", "value", "to", "why"),
    [
        ("TOKEN", b"short", [recipient(OURS)], "fewer than 8 bytes"),
        ("TOKEN", VALUE, [], "1 to 16"),
        ("TOKEN", VALUE, [OURS], "recipient is wanted"),
        ("TOKEN", VALUE, ["age1nonsense"], "recipient is wanted"),
        ("TO\nKEN", VALUE, [recipient(OURS)], "no name of a secret"),
    ],
)
def test_what_cannot_be_encrypted_says_why(name: str, value: bytes, to: list[str], why: str) -> None:
    with pytest.raises(BadSecret, match=why) as told:
        encrypted(name, value, to)
    assert "AGE-SECRET" not in str(told.value)


def pipeline(armour: str) -> Pipeline:
    lines = "".join(f"          {line}\n" for line in armour.splitlines())
    stage = f"  - name: a\n    image: i\n    secrets:\n      - name: TOKEN\n        encrypted: |\n{lines}"
    return read(Pipeline, f"name: p\nstages:\n{stage}", "p.yaml")


def test_a_pipeline_has_it_and_records_tell_the_name_only() -> None:
    rights = pipeline(text()).stages[0].rights
    assert rights.encrypted == {"TOKEN"}
    assert rights.secrets[0].encrypted
    assert rights.by_name.model_dump(exclude_defaults=True) == {"secrets": ({"name": "TOKEN"},)}
    with pytest.raises(DocumentError, match="winslowctl secrets encrypt NAME"):
        pipeline("hunter2hunter2")


def test_I5_a_stage_goes_where_it_is_granted_and_can_be_read() -> None:
    rights, policy = pipeline(text()).stages[0].rights, Policy.model_validate({"secrets": {"TOKEN": {}}})
    who = Asker("v", "p")
    assert rights_refusal(rights, summary(policy, decrypts=True), who) == ""
    told = "secret TOKEN is encrypted, and no key is there (winslowctl secrets key)"
    assert rights_refusal(rights, summary(policy), who) == told
    assert "is not granted (policy.secrets)" in rights_refusal(rights, summary(Policy(), decrypts=True), who)
    plain = Rights.model_validate({"secrets": [{"name": "TOKEN"}]})
    assert "has no value there" in rights_refusal(plain, summary(policy, decrypts=True), who)


def test_I5_the_node_gives_it_by_its_own_key_and_only_as_its_policy_says(tmp_path: Path) -> None:
    secrets = NodeSecrets(tmp_path)
    assert (secrets.key, secrets.decrypts) == ("", False)
    secrets.keep_key(OURS)
    assert (secrets.key, secrets.decrypts, secrets.names()) == (OURS, True, frozenset())
    assert (secrets.folder / KEY).stat().st_mode & 0o777 == 0o600
    asked = order().model_copy(update={"rights": pipeline(text()).stages[0].rights})
    policy = Policy.model_validate({"secrets": {"TOKEN": {}}})
    granting = Granting(lambda: policy, secrets, isolated=True)
    granting(asked)
    [given] = granting.secrets_of(asked)
    assert (given.name, given.value) == ("TOKEN", VALUE)
    with pytest.raises(NotGranted, match=r"policy\.secrets"):
        Granting(lambda: Policy(), secrets, isolated=True)(asked)
    secrets.keep_key(OTHERS)
    with pytest.raises(NotGranted, match="not encrypted to this node's key"):
        granting.secrets_of(asked)
