"""From the options of `durazzo run` to the inputs of a run, typed by the JSON Schema."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from activities.load_plan import LARGEST_INPUT_BYTES
from arazzo import yaml_text
from arazzo.blobs import BLOB_KEY, blob_of, is_blob
from arazzo.errors import InputInvalid
from arazzo.inputs import SECRET_KEY, is_secret
from arazzo.plan import canonical
from arazzo.scope import closest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arazzo.inputs import InputsSchema
    from arazzo.plan import Plan

REFERENCE_BEGINS: Final = f'{{"{BLOB_KEY}"'
"""How `durazzo put` prints one."""
MOST_NAMED: Final = 3
SECRET_NAME: Final = re.compile(r"[a-z0-9_]+")


def collect_inputs(
    schema: InputsSchema, given: Sequence[str], file: str | None, secrets: Sequence[str]
) -> dict[str, Any]:
    """Return the inputs: those of the file, then of --input, then of --secret.

    Raises InputInvalid, which never repeats a value.
    """
    inputs = _from_file(file) if file else {}
    inputs.update(_typed(schema, given))
    for text in secrets:
        name, equals, secret = text.partition("=")
        if not equals or not secret:
            raise InputInvalid("`--secret` wants INPUT=NAME of a secret", reason="secret-option")
        inputs[_known(schema, name)] = {SECRET_KEY: secret}
    try:
        size = len(canonical(inputs))
    except ValueError:
        raise InputInvalid(
            "the inputs hold a number that JSON does not have: NaN, or an infinite one",
            reason="no-json",
        ) from None
    if size > LARGEST_INPUT_BYTES:
        raise _too_large(inputs, size)
    return inputs


def _too_large(inputs: dict[str, Any], size: int) -> InputInvalid:
    """Say what is large, and that the blob store takes it: Temporal holds some 2 MB."""
    sizes = {name: len(canonical(value)) for name, value in inputs.items()}
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:MOST_NAMED]
    named = ", ".join(f"`{name}` {sizes[name]}" for name in largest)
    return InputInvalid(
        f"the inputs are {size} bytes; {LARGEST_INPUT_BYTES} are allowed ({named}). Give what is "
        f'large from a file in the blob store: `--input {largest[0]}="$(durazzo put --value '
        'FILE)"` where the document reads it as a value, without `--value` where a file is sent '
        "on as it is",
        reason="inputs-too-large",
        facts={"bytes": size, "largest": {name: sizes[name] for name in largest}},
    )


def expect_secrets(plan: Plan, inputs: dict[str, Any]) -> None:
    """Raise InputInvalid when a secret's name can't be one, or is not among those allowed.

    The message never repeats it: people give a value in its place by mistake. Whether the worker
    has the secret is known only there.
    """
    allowed = _allowed_secrets(plan)
    for name, value in inputs.items():
        if not is_secret(value):
            continue
        if not SECRET_NAME.fullmatch(value[SECRET_KEY]):
            raise InputInvalid(
                f"the secret of `{name}` must be given by its name, which holds a-z, 0-9 and _, "
                "and not by its value",
                reason="secret-name",
            )
        if allowed is not None and value[SECRET_KEY] not in allowed:
            known = ", ".join(f"`{one}`" for one in sorted(allowed)) or "none"
            raise InputInvalid(
                f"the secret that is named for `{name}` is none that this workflow may use; the "
                f"settings of its folder allow {known}",
                reason="secret-not-allowed",
            )


def _allowed_secrets(plan: Plan) -> frozenset[str] | None:
    """Return the secret names that any step may use; None when they are not limited."""
    allowed: set[str] = set()
    for step in plan.steps:
        call = step.attempt.call
        if call is not None and call.secrets is None:
            return None
        allowed.update(call.secrets or () if call else ())
    for sub in plan.workflows.values():
        of_sub = _allowed_secrets(sub.plan)
        if of_sub is None:
            return None
        allowed |= of_sub
    return frozenset(allowed)


def _from_file(file: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputInvalid(f"`--inputs {file}` can't be read: {error}", reason="file") from error
    value = yaml_text.read(text, "standard input" if file == "-" else file).value
    if not isinstance(value, dict):
        raise InputInvalid(
            f"`--inputs {file}` must hold one object of inputs by name", reason="inputs-no-object"
        )
    return value


def _typed(schema: InputsSchema, given: Sequence[str]) -> dict[str, Any]:
    texts: dict[str, list[str]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputInvalid(f"`--input {name}` wants NAME=VALUE", reason="input-option")
        texts.setdefault(_known(schema, name), []).append(value)
    return {name: _value(schema, name, values) for name, values in texts.items()}


def _known(schema: InputsSchema, name: str) -> str:
    if schema.declares and name not in schema.properties:
        raise InputInvalid(
            f"there is no input `{name}`; {closest(name, list(schema.properties))}",
            reason="unknown-input",
        )
    return name


def _value(schema: InputsSchema, name: str, texts: list[str]) -> Any:
    """An array is given as JSON, by a reference, or by repeating the option; all else once."""
    declared = schema.properties.get(name, {})
    kinds = declared.get("type", [])
    types = [kinds] if isinstance(kinds, str) else list(kinds)
    if "array" in types and not (len(texts) == 1 and texts[0].lstrip().startswith("[")):
        items = declared.get("items")
        item_types = [items.get("type")] if isinstance(items, dict) else []
        values = [_read(name, text, item_types) for text in texts]
        return values[0] if _is_the_array(values, item_types) else values
    if len(texts) > 1:
        raise InputInvalid(f"the input `{name}` is given {len(texts)} times", reason="repeated")
    return _read(name, texts[0], types)


def _is_the_array(values: list[Any], item_types: Sequence[Any]) -> bool:
    """Return whether one reference stands for all elements: text can't hold them, a file can."""
    if len(values) != 1 or not is_blob(values[0]):
        return False
    return "string" not in item_types or blob_of(values[0]).is_value


def _read(name: str, text: str, types: Sequence[Any]) -> Any:
    """Text stays text where the schema takes text, but for a reference; all else is JSON."""
    if "string" in types and not text.startswith(REFERENCE_BEGINS):
        return text
    try:
        return json.loads(text)
    except ValueError:
        if not types or types == [None]:
            return text
        wanted = " or ".join(str(one) for one in types)
        raise InputInvalid(
            f"the input `{name}` must be of type {wanted}; objects and arrays are given as JSON",
            reason="ill-typed-input",
        ) from None
