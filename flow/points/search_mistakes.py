"""What a search asks for that nobody could propose, said before anything runs."""

import math
from collections.abc import Iterator, Mapping

from flow.points.points import NoPoints, fitted
from schema.inputs import Input, InputKind
from schema.search import Choice, SearchRange, TrialSearch

MOST_STEPS = 1_000_000
"""Values that a range with `step` has at most."""
FARTHEST = 2**53
"""Beyond it a number of a computer skips whole numbers, and sums of its powers overflow."""
NUMBERS = (InputKind.NUMBER, InputKind.INTEGER)

Where = tuple[str | int, ...]


def unsearchable(search: TrialSearch, specs: Mapping[str, Input]) -> Iterator[tuple[Where, str]]:
    """(path in the search, what) for each value that is none of the input of its name."""
    for name, each in search.space.items():
        spec = specs.get(name)
        found = _of_options(name, each, spec) if each.options else _of_range(name, each, spec)
        yield from ((("space", name, *path), what) for path, what in found)


def whole(name: str, specs: Mapping[str, Input]) -> bool:
    return name in specs and specs[name].type is InputKind.INTEGER


def as_given(name: str, each: SearchRange, specs: Mapping[str, Input]) -> SearchRange:
    """Its options as the values that a program is given. NoPoints."""
    if not each.options or name not in specs:
        return each
    return each.model_copy(update={"options": tuple(fitted({name: option}, specs)[name] for option in each.options)})


def _of_options(name: str, each: SearchRange, spec: Input | None) -> Iterator[tuple[Where, str]]:
    kinds = {_kind(option) for option in each.options}
    if spec is None and len(kinds) > 1:
        yield ("options",), f"{name}: {' and '.join(sorted(kinds))} are mixed; give values of one kind"
    known: dict[Choice, int] = {}
    for at, option in enumerate(each.options):
        value: Choice = option
        if isinstance(option, float) and not math.isfinite(option):
            yield ("options", at), f"{name}: a number is wanted, not {option}"
            continue
        if spec is not None:
            try:
                value = fitted({name: option}, {name: spec})[name]
            except NoPoints as error:
                yield ("options", at), str(error)
                continue
        if known.setdefault(value, at) != at:
            yield ("options", at), f"{name}: {option!r} is in the list twice"


def _kind(option: Choice) -> str:
    match option:
        case bool():
            return "truth values"
        case str():
            return "texts"
    return "numbers"


def _of_range(name: str, each: SearchRange, spec: Input | None) -> Iterator[tuple[Where, str]]:
    assert each.min is not None
    assert each.max is not None
    if spec is not None and spec.type not in NUMBERS:
        yield ("min",), f"{name}: its input is a {spec.type}, which has no range; give `options`, a list of values"
        return
    ends = {"min": each.min, "max": each.max}
    far = [end for end, value in ends.items() if not abs(value) <= FARTHEST]  # not a number is far as well
    if far:
        yield (far[0],), f"{name}: a number between -{FARTHEST} and {FARTHEST} is wanted, not {ends[far[0]]:g}"
        return
    integers = spec is not None and spec.type is InputKind.INTEGER
    if integers:
        ends = {"min": math.ceil(each.min), "max": math.floor(each.max)}
        if ends["min"] > ends["max"]:
            yield ("min",), f"{name}: there is no whole number from {each.min:g} to {each.max:g}"
            return
    yield from _of_step(name, each, integers)
    if spec is None:
        return
    for end, value in ends.items():
        try:
            fitted({name: value}, {name: spec})
        except NoPoints as error:
            yield (end,), str(error)


def _of_step(name: str, each: SearchRange, integers: bool) -> Iterator[tuple[Where, str]]:
    assert each.min is not None
    assert each.max is not None
    if each.step is None:
        return
    if not math.isfinite(each.step):
        yield ("step",), f"{name}: a number is wanted, not {each.step:g}"
    elif integers and not (each.step.is_integer() and each.min.is_integer()):
        yield ("step",), f"{name}: its input is a whole number; so have to be `min` and `step` ({each.step:g})"
    elif not (each.max - each.min) / each.step < MOST_STEPS:
        yield ("step",), f"{name}: with steps of {each.step:g} there are more than {MOST_STEPS} values; leave it out"
