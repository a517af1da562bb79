"""What is wrong in the description of an operation, and how it is read all the same.

A path variable must be declared, by a parameter that is `in: path`, and each of those must stand in
the path (OpenAPI 3.1.1, 4.8.12 «Parameter Object»). An unknown `format` is no fault: formats are
open-ended, and «MAY» be passed over (4.4.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arazzo.parameter_styles import DEFAULT_STYLES
from arazzo.path_templates import path_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.openapi import Operation

Fault = tuple[str, str, str]
"""The code of a finding, its message and its mend."""


def description_faults(operation: Operation) -> Iterator[Fault]:
    """Yield the faults of an operation's parameters."""
    variables = list(path_variables(operation.path))
    if operation.path != operation.written_path:
        message = f"has variables in angles in its path `{operation.written_path}`"
        yield _fault(operation, "path-without-braces", f"{message}; they are read as variables")
    for name in dict.fromkeys(variables):
        if operation.parameter(name, "path") is None:
            yield _undeclared(operation, name)
    for one in operation.parameters:
        if one.location not in DEFAULT_STYLES:
            message = f"has the parameter `{one.name}` in `{one.location}`, which is no place"
            yield _fault(operation, "unplaced-parameter", f"{message}; it is not known")
        elif one.location == "path" and one.name not in variables:
            message = f"declares the path parameter `{one.name}`, which its path does not have"
            yield _fault(operation, "unplaced-parameter", f"{message}; it is not sent")


def _undeclared(operation: Operation, name: str) -> Fault:
    elsewhere = next((one.location for one in operation.parameters if one.name == name), "")
    told = f"declares `{name}` in {elsewhere}" if elsewhere else f"does not declare `{name}`"
    message = f"{told}, a variable of its path; it is read as a path parameter"
    return _fault(operation, "undeclared-path-parameter", message)


def _fault(operation: Operation, code: str, message: str) -> Fault:
    shown = f"{operation.method} {operation.path}"
    return code, f"the description of {shown} {message}", "mend it in the description"
