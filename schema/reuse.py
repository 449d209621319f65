"""`default`, `templates` and `extends` of a pipeline: what is written once becomes part of each stage that wants it.

A mapping is laid over a mapping, key by key; anything else takes the place of what is below. The stage's own words are
on top, below them what it extends (of several the last first), at the bottom `default`. What is wrong in a part that
was taken over is told where that part stands.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schema.codec import KEY, MAX_NODES, ParsedText, Path, Position
from schema.errors import DocumentError
from schema.suggest import did_you_mean

Source = tuple[Mapping[str, Any], Path]
"""A part of the document, and where it stands."""
OWN = frozenset({"name", "extends"})
"""Keys of a stage that no other takes over."""
MOST = 2 * MAX_NODES
"""Values of all stages together, once they are written out."""


def expanded(parsed: ParsedText) -> ParsedText:
    """The same document with every stage written out. DocumentError."""
    value = parsed.value
    if not isinstance(value, dict) or not isinstance(value.get("stages"), list):
        return parsed
    if not ({"default", "templates"} & value.keys() or any(_extends(stage) for stage in value["stages"])):
        return parsed
    return _Expansion(parsed).document()


def _extends(stage: Any) -> bool:
    return isinstance(stage, dict) and "extends" in stage


class _Expansion:
    def __init__(self, parsed: ParsedText) -> None:
        self.parsed, self.count = parsed, 0
        self.positions: dict[Path, Position] = {}
        self.texts: dict[Path, str] = {}
        self.named: dict[str, Source] = {}
        for at, stage in enumerate(parsed.value["stages"]):
            if isinstance(stage, dict) and isinstance(stage.get("name"), str):
                self.named.setdefault(stage["name"], (stage, ("stages", at)))
        for name, template in self._mapping("templates").items():
            if name in self.named:
                raise self._wrong(("templates", name), f"{name!r} is a stage as well; call one of them otherwise")
            if not isinstance(template, dict):
                raise self._wrong(("templates", name), "a mapping of keys of a stage is wanted")
            self.named[name] = (template, ("templates", name))
        self.default = self._mapping("default")
        for key in self.default.keys() & {"name", "needs", "extends"}:
            raise self._wrong(("default", key), f"`{key}` belongs to each stage, not to `default`")

    def document(self) -> ParsedText:
        value, other = self.parsed.value, ("stages", "default", "templates")
        for key, part in value.items():
            if key not in other:
                self._copy(part, (key,), (key,))
        self._place(("stages",), ("stages",))
        stages = [self._stage(at, stage) for at, stage in enumerate(value["stages"])]
        whole = {key: part for key, part in value.items() if key not in other} | {"stages": stages}
        self.positions.setdefault((), self.parsed.positions.get((), (1, 1)))
        return ParsedText(whole, self.positions, self.parsed.file, self.texts)

    def _stage(self, at: int, stage: Any) -> Any:
        target: Path = ("stages", at)
        if not isinstance(stage, dict):
            return self._copy(stage, target, target)
        sources = list(self._sources(stage, target, ()))
        if not _is_gate(sources):
            sources.append((self.default, ("default",)))
        self._place(target, target)
        return self._laid(sources, target, own=frozenset({"extends"}))

    def _sources(self, part: Mapping[str, Any], path: Path, way: tuple[str, ...]) -> Iterator[Source]:
        """The topmost first."""
        yield part, path
        bases = part.get("extends", [])
        if not isinstance(bases, str | list) or not all(isinstance(base, str) for base in bases):
            raise self._wrong((*path, "extends"), "the name of a stage or template is wanted, or a list of such")
        for base in reversed([bases] if isinstance(bases, str) else bases):
            if base not in self.named:
                hint = did_you_mean(base, self.named)
                raise self._wrong((*path, "extends"), f"{base!r} is no stage and no template here{hint}")
            if base in way:
                raise self._wrong((*path, "extends"), f"it extends itself: {' extends '.join([*way, base])}")
            inner, place = self.named[base]
            for source, where in self._sources(inner, place, (*way, base)):
                yield {key: value for key, value in source.items() if key not in OWN}, where

    def _laid(self, sources: Sequence[Source], target: Path, own: frozenset[str] = frozenset()) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key in dict.fromkeys(key for part, _ in sources for key in part):
            if key in own:
                continue
            layers = [(part[key], (*path, key)) for part, path in sources if key in part]
            top, where = layers[0]
            if isinstance(top, dict):
                below: list[Source] = []
                for part, path in layers:
                    if not isinstance(part, dict):
                        break
                    below.append((part, path))
                self._place(where, (*target, key))
                found[key] = self._laid(below, (*target, key))
            else:
                found[key] = self._copy(top, where, (*target, key))
        return found

    def _copy(self, value: Any, source: Path, target: Path) -> Any:
        self._place(source, target)
        if isinstance(value, dict):
            return {key: self._copy(inner, (*source, key), (*target, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._copy(inner, (*source, at), (*target, at)) for at, inner in enumerate(value)]
        return value

    def _place(self, source: Path, target: Path) -> None:
        self.count += 1
        if self.count > MOST:
            raise self._wrong((), f"the stages are too large once they are written out; at most {MOST} values are read")
        parsed = self.parsed
        for last in ((), (KEY,)):
            if (*source, *last) in parsed.positions:
                self.positions[(*target, *last)] = parsed.positions[(*source, *last)]
        if source in parsed.texts:
            self.texts[target] = parsed.texts[source]

    def _mapping(self, key: str) -> dict[str, Any]:
        found = self.parsed.value.get(key, {})
        if not isinstance(found, dict):
            raise self._wrong((key,), "a mapping is wanted")
        return found

    def _wrong(self, path: Path, what: str) -> DocumentError:
        return DocumentError([self.parsed.problem(path, what)])


def _is_gate(sources: list[Source]) -> bool:
    """What asks a person and has no image stays without one."""
    when = next((part["when"] for part, _ in sources if "when" in part), "")
    return str(when).startswith("manual") and not any("image" in part for part, _ in sources)
