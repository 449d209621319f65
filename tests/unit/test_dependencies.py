"""What is imported is declared, and each feature's packages are those that its extra brings."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from runner import extras

ROOT = Path(__file__).parents[2]
LAYERS = ("schema", "flow", "state", "runner", "peer", "controller", "webui", "cli")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
INSTALLED = packages_distributions()
EXTRAS = PROJECT["optional-dependencies"]
FOR_TYPES_ONLY = {"typing_extensions"}


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(each).name) for each in requirements}


def imported(folder: Path) -> set[str]:
    """Top-level modules that are neither Python's nor ours."""
    found = {name for file in folder.rglob("*.py") for name in modules(ast.parse(file.read_text()))}
    return found - set(LAYERS) - set(sys.stdlib_module_names) - FOR_TYPES_ONLY


def modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def brought(module: str) -> set[str]:
    """By which distributions."""
    return {canonicalize_name(name) for name in INSTALLED[module]}


BASE = names(PROJECT["dependencies"])


@pytest.mark.parametrize("layer", LAYERS)
def test_K2_everything_that_is_imported_is_declared(layer: str) -> None:
    declared = BASE.union(*(names(each) for extra, each in EXTRAS.items() if extra != "dev"))
    assert [module for module in imported(ROOT / layer) if not brought(module) & declared] == []


@pytest.mark.parametrize("feature", extras.ALL, ids=lambda feature: feature.name)
def test_N2_a_features_packages_are_those_of_its_extra(feature: extras.Feature) -> None:
    assert [module for module in feature.modules if not brought(module) & (names(EXTRAS[feature.extra]) | BASE)] == []


def test_N2_the_page_says_all_that_it_needs() -> None:
    needed = {module for module in imported(ROOT / "webui") if not brought(module) & BASE}
    assert needed - set(extras.PAGE.modules) == set()


def test_N2_all_that_is_optional_belongs_to_a_feature() -> None:
    known = {module for feature in (*extras.ALL, *extras.BY_CHOICE) for module in feature.modules}
    optional = {module for layer in LAYERS for module in imported(ROOT / layer) if not brought(module) & BASE}
    assert optional == known


def test_N2_the_extra_that_people_are_told_of_brings_every_feature() -> None:
    [whole] = map(Requirement, EXTRAS[extras.EVERYTHING])
    assert whole.extras == {feature.extra for feature in extras.ALL}
    assert Requirement(EXTRAS["all"][0]).extras >= {extras.EVERYTHING}
