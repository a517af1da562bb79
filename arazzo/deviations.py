"""What is said of a practice that the standard does not know and that is tolerated.

Each code is stable; the table of practices with counts is the dialect's (DESIGN.md, section 3).
"""

from __future__ import annotations

from typing import Final

DEVIATIONS: Final[dict[str, tuple[str, str]]] = {
    # expressions
    "body-root": (
        "reads `$body`, which is no root of the standard; it is read as `$response.body`",
        "write `$response.body`",
    ),
    "dotted-body": (
        "reads inside a body by dots or brackets; the standard has a JSON Pointer there",
        "write `#/` and the names behind the body: `$response.body#/NAME/0`",
    ),
    "headers-plural": (
        "reads `headers`; the standard writes `header`",
        "write `header.NAME`",
    ),
    "indexed-name": (
        "reads inside a value by brackets; the standard has a JSON Pointer there",
        "write `#/` and the index behind the name: `NAME#/0`",
    ),
    "name-outside-grammar": (
        "holds a name outside the standard's grammar; it is looked up as written",
        "name it with letters, digits, `-` and `_` only",
    ),
    "name-with-space": (
        "holds a name with a space; it is looked up as written",
        "name it with letters, digits, `-` and `_` only",
    ),
    "pointer-without-slash": (
        "holds a JSON Pointer without its leading slash",
        "write `#/` where it has `#`",
    ),
    "steps-without-outputs": (
        "reads a step without naming one of its outputs as the standard does",
        "write `$steps.STEP.outputs.NAME`",
    ),
    "whole-object": (
        "reads all names of a root at once; the standard reads them one by one",
        "write the name that is meant behind the root: `$inputs.NAME`",
    ),
    # texts with expressions in them
    "bare-expression": (
        "holds an expression without braces inside a longer text; it is put in all the same",
        "put braces around each expression: `{$…}`",
    ),
    "braced-whole-value": (
        "is one expression in braces; it keeps the type of its value, as without them",
        "leave the braces out",
    ),
    # conditions
    "double-quoted-string": (
        "holds a text in double quotes; the standard's literals stand in single quotes",
        "write 'text'",
    ),
    "root-path": (
        "reads the context of the criterion by `$`, which only a JSONPath query may do",
        "write the expression in full: `$response.body#/NAME`",
    ),
    "unquoted-string": (
        "holds a text without quotes",
        "write 'text'",
    ),
    # criteria
    "condition-in-jsonpath": (
        "is a condition and no JSONPath query; it is read as a condition over the context",
        "write a filter, `$[?@.NAME == 'VALUE']`, or give the criterion the type simple",
    ),
    "empty-in-jsonpath": (
        "asks for `empty`, which no JSONPath query has",
        "write a filter with `length` or `count`: `$[?length(@.NAME) == 0]`",
    ),
    "expression-in-jsonpath": (
        "holds an expression inside a JSONPath query; its value is put in as a literal",
        "compare in a criterion of the type simple",
    ),
    "json-condition": (
        "is a JSON value and no condition; it is compared with the context",
        "write a condition: `$response.body#/NAME == 'VALUE'`",
    ),
    "slashed-regex": (
        "stands between slashes; the standard has the regular expression alone",
        "leave the slashes out, and write flags as `(?i)` at its beginning",
    ),
}
"""Code to what is said of the text, and the likely mend."""
