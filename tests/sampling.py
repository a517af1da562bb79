"""Values made from schemas, for requests that a description must accept; the same every time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    Follow = Callable[[Any], dict[str, Any]]

DEEPEST: Final = 4
"""Levels down to which optional properties are given."""
FORMATS: Final = {
    "date-time": "2026-11-28T12:00:00Z", "date": "2026-11-28", "time": "12:00:00Z",
    "email": "ada@example.com", "uri": "https://example.com/a", "url": "https://example.com/a",
    "uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
    "hostname": "example.com", "byte": "YQ==", "duration": "P1D",
}  # fmt: skip
WORDS: Final = ("blue", "two words", "naïve", "a/b", "x&y=z", "50%", "semi;colon")


class Sampler:
    """Makes values; `follow` resolves references, chance decides what is optional."""

    def __init__(self, follow: Follow, chance: Random) -> None:
        self.follow = follow
        self.chance = chance

    def value(self, schema: Any, depth: int = 0) -> Any:
        """Return a value of the schema, as far as its simple keywords say."""
        found = self._merged(schema)
        if "const" in found:
            return found["const"]
        if found.get("enum"):
            return next((one for one in found["enum"] if one is not None), None)
        kind = found.get("type")
        kinds = kind if isinstance(kind, list) else [kind or self._kind(found)]
        kind = next((one for one in kinds if one != "null"), "null")
        made: dict[str, Callable[[], Any]] = {
            "object": lambda: self._object(found, depth),
            "array": lambda: self._array(found, depth),
            "string": lambda: self._string(found),
            "integer": lambda: self._number(found),
            "number": lambda: self._number(found) + 0.5 * ("maximum" not in found),
            "boolean": lambda: self.chance.random() < 0.5,
        }
        return made[kind]() if kind in made else None

    def _merged(self, schema: Any) -> dict[str, Any]:
        found = dict(self.follow(schema)) if isinstance(schema, dict) else {}
        for one in found.pop("allOf", []):
            part = self._merged(one)
            properties = {**found.get("properties", {}), **part.get("properties", {})}
            required = [*found.get("required", []), *part.get("required", [])]
            found = {**part, **found}
            found.update({"properties": properties} if properties else {})
            found.update({"required": required} if required else {})
        for key in ("oneOf", "anyOf"):
            if found.get(key):
                chosen = self._merged(found.pop(key)[0])
                found = {**chosen, **found}
        return found

    @staticmethod
    def _kind(schema: dict[str, Any]) -> str:
        if "properties" in schema or "additionalProperties" in schema:
            return "object"
        return "array" if "items" in schema else "string"

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required", [])
        made: dict[str, Any] = {}
        for name, one in schema.get("properties", {}).items():
            if self._merged(one).get("readOnly"):
                continue
            if name in required or (depth < DEEPEST and self.chance.random() < 0.6):
                made[name] = self.value(one, depth + 1)
        return made

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        few = max(schema.get("minItems", 0), 0 if depth > DEEPEST else 2)
        count = min(few, schema.get("maxItems", few))
        return [self.value(schema.get("items", {}), depth + 1) for _ in range(count)]

    def _string(self, schema: dict[str, Any]) -> str:
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]
        word = self.chance.choice(WORDS)
        word += "x" * max(0, schema.get("minLength", 0) - len(word))
        return word[: schema.get("maxLength", len(word))]

    @staticmethod
    def _number(schema: dict[str, Any]) -> int:
        low, high = schema.get("minimum"), schema.get("maximum")
        step = schema.get("multipleOf", 1)
        if isinstance(schema.get("exclusiveMinimum"), (int, float)):
            low = schema["exclusiveMinimum"] + 1
        start = low if low is not None else min(7, high if high is not None else 7)
        return int(-(-start // step) * step) if isinstance(step, int) else int(start)
