"""Documents that are kept by the ten thousand, in a fraction of the room.

A model as pydantic makes it has a dictionary, a set of the fields that were given, and a dictionary of unknown ones,
all of its own: of an execution's 7 KB these are 5. Here the sets are shared between models that were given the same
fields, and the values are laid out as Python lays out those of any object. Nothing can be told from outside: the models
are equal, and are written the same.
"""

from typing import Any, TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)
_put, _new = object.__setattr__, object.__new__
_KIND = type(BaseModel)
_SETS: dict[frozenset[str], set[str]] = {}
MOST_SETS = 10_000
"""Ways in which documents can leave out fields are few; of endless ones no more are shared."""
_NOTHING: dict[str, Any] = {}


def prepare(kind: type[BaseModel]) -> None:
    """To be called before there is a model of that kind. The first object of a class decides which names all others
    find in its common table; pydantic's own would enter none there.
    CPython has such a table for fewer than thirty names: what a large document gets next goes into one of its parts.
    """
    first = _new(kind)
    for name in kind.model_fields:
        _put(first, name, None)


def compact(model: Model) -> Model:
    """Another model, which must not be changed: it is of the frozen ones, and shares its parts."""
    made = _new(model.__class__)
    for name, value in model.__dict__.items():
        _put(made, name, compact(value) if value.__class__.__class__ is _KIND else value)
    _put(made, "__pydantic_fields_set__", _shared(model.__pydantic_fields_set__))
    extra = model.__pydantic_extra__
    _put(made, "__pydantic_extra__", _NOTHING if extra == {} else extra)
    _put(made, "__pydantic_private__", model.__pydantic_private__)
    return made


def _shared(given: set[str]) -> set[str]:
    key = frozenset(given)
    known = _SETS.get(key)
    if known is None:
        known = given
        if len(_SETS) < MOST_SETS:
            _SETS[key] = given
    return known
