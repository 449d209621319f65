"""The rules and the dashboard that are given away: each rule fires where it should, and each number is one of ours."""

import json
import re
import subprocess
from pathlib import Path

import yaml

from tests.servers.programs import found

FOLDER = Path(__file__).parents[2] / "docs" / "monitoring"
METRICS = Path(__file__).parents[2] / "webui" / "asgi" / "metrics.py"
OURS = re.compile(r"winslow_[a-z_]+")


def test_each_rule_fires_where_it_should_and_nowhere_else() -> None:
    [promtool] = found("promtool")
    for arguments in (["check", "rules", "winslow.rules.yml"], ["test", "rules", "winslow.rules.test.yml"]):
        done = subprocess.run([promtool, *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_is_tested_to_fire() -> None:
    rules = yaml.safe_load((FOLDER / "winslow.rules.yml").read_text())["groups"][0]["rules"]
    tests = yaml.safe_load((FOLDER / "winslow.rules.test.yml").read_text())["tests"]
    fires = {each["alertname"] for test in tests for each in test["alert_rule_test"] if each["exp_alerts"]}
    assert fires == {rule["alert"] for rule in rules}


def test_rules_and_dashboard_ask_for_numbers_that_there_are() -> None:
    known = set(OURS.findall(METRICS.read_text()))
    rules = yaml.safe_load((FOLDER / "winslow.rules.yml").read_text())["groups"][0]["rules"]
    board = json.loads((FOLDER / "winslow.dashboard.json").read_text())
    asked = [rule["expr"] for rule in rules] + [each["expr"] for p in board["panels"] for each in p["targets"]]
    assert not {name for text in asked for name in OURS.findall(text)} - known
