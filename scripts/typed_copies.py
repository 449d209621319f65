"""A mypy plugin: `model_copy(update={…})` names fields of the model, and gives each a value of its type.

Pydantic checks neither the names nor the values of an update: a misspelt one would be a field that nobody reads.
An update is written where the copy is made, as a mapping with plain names: then each entry can be held to its field.
"""

from collections.abc import Callable

from mypy.expandtype import expand_type_by_instance
from mypy.messages import format_type
from mypy.nodes import DictExpr, Expression, StrExpr, Var
from mypy.plugin import MethodContext, Plugin
from mypy.subtypes import is_subtype
from mypy.types import Instance, Type, get_proper_type

PLAIN = 'an update of a model is written as {"field": value, …} where it is copied, so that its types can be checked'


class TypedCopies(Plugin):
    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        return _checked if fullname.endswith(".model_copy") else None


def _checked(context: MethodContext) -> Type:
    model = get_proper_type(context.type)
    if isinstance(model, Instance) and model.type.has_base("pydantic.main.BaseModel"):
        for name, given in zip(context.callee_arg_names, context.args, strict=True):
            if name == "update" and given:
                _update(context, model, given[0])
    return context.default_return_type


def _update(context: MethodContext, model: Instance, update: Expression) -> None:
    if not isinstance(update, DictExpr):
        context.api.fail(PLAIN, update)
        return
    for key, value in update.items:
        if isinstance(key, StrExpr):
            _field(context, model, key.value, value)
        elif isinstance(value, DictExpr) and key is None:
            _update(context, model, value)
        else:
            context.api.fail(PLAIN, value)


def _field(context: MethodContext, model: Instance, name: str, value: Expression) -> None:
    found = model.type.get(name)
    if found is None or not isinstance(found.node, Var) or found.node.type is None or found.node.is_classvar:
        context.api.fail(f'"{model.type.name}" has no field "{name}"', value)
        return
    wanted = expand_type_by_instance(found.node.type, model)
    given = context.api.get_expression_type(value, wanted)
    if not is_subtype(given, wanted):
        shown = [format_type(each, context.api.options) for each in (given, wanted)]
        context.api.fail(f'"{name}" of "{model.type.name}" is given {shown[0]}, and takes {shown[1]}', value)


def plugin(version: str) -> type[Plugin]:
    """Called by mypy, which names its version."""
    return TypedCopies
