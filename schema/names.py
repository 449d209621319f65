"""Identifiers that appear in paths, container names and environment variables."""

from typing import Annotated

from pydantic import StringConstraints

NAME = r"^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$"
INPUT = r"^[a-z][a-z0-9_]{0,62}$"
ENVIRONMENT = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"

Name = Annotated[str, StringConstraints(pattern=NAME)]
"""A project, pipeline, stage or node: lower-case letters, digits, `.`, `_`, `-`; at most 63 characters."""

InputName = Annotated[str, StringConstraints(pattern=INPUT)]
"""An input: lower-case letters, digits and `_`; becomes `INPUT_<NAME>` in the stage's environment."""

EnvironmentName = Annotated[str, StringConstraints(pattern=ENVIRONMENT)]
ClaimId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""128 random bits, hexadecimal."""

Oid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40,64}$")]
"""A Git object id."""
