"""Values for a pipeline's own inputs; one that a stage asks a person for is known, and is given when it asks."""

from collections.abc import Mapping

from schema.inputs import InputError, Value, fit_all
from schema.pipeline import Pipeline


def fit_inputs(pipeline: Pipeline, values: Mapping[str, object]) -> dict[str, Value]:
    """As `fit_all` of the pipeline's inputs. InputError, which says of a stage's input when it is asked for."""
    for name in values:
        if name not in pipeline.inputs and (stage := asked_by(pipeline, name)):
            raise InputError(
                f"{name}: no such input of the pipeline: stage {stage!r} asks a person for it, when it is reached; "
                f"`winslowctl answer PROJECT --input {name}=…`, or its form on the page, gives it then"
            )
    return fit_all(pipeline.inputs, values)


def asked_by(pipeline: Pipeline, name: str) -> str | None:
    """The first stage that asks a person for an input of that name."""
    return next((stage.name for stage in pipeline.stages if name in stage.inputs), None)
