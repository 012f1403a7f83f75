"""Describe in words which values a setting may have, from the schema of its model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

_KINDS = {
    "integer": "a whole number", "number": "a number", "string": "a text", "boolean": "true or false",
    "array": "a list", "object": "a section of settings", "null": "null",
}  # fmt: skip


def requirement_of(model: type[BaseModel], location: Sequence[int | str]) -> str | None:
    """Say what the value at `location` must be, such as "a number between 0 and 1"; None where the schema has no such key."""
    schema = model.model_json_schema()
    node: Any = schema
    for part in location:
        node = _below(_resolved(node, schema), part)
        if node is None:
            return None
    return " or ".join(_describe(option) for option in _options(node, schema)) or None


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = schema
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        node = found
    return node


def _below(node: dict[str, Any], part: int | str) -> dict[str, Any] | None:
    for option in node.get("anyOf", [node]):
        if isinstance(part, int):
            found = option.get("items")
        else:
            found = option.get("properties", {}).get(part, option.get("additionalProperties"))
        if isinstance(found, dict):
            return found
    return None


def _options(node: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    resolved = _resolved(node, schema)
    return [_resolved(option, schema) for option in resolved.get("anyOf", [resolved])]


def _describe(node: dict[str, Any]) -> str:
    values = node.get("enum", [node["const"]] if "const" in node else None)
    if values is not None:
        listed = ", ".join(str(value) for value in values)
        return f"one of {listed}" if len(values) > 1 else listed
    kind = _KINDS.get(str(node.get("type")), "another value")
    if node.get("type") == "array":
        return f"{kind} of at least {node['minItems']}" if node.get("minItems") else kind
    return f"{kind}{_range(node)}"


def _range(node: dict[str, Any]) -> str:
    least, most = node.get("minimum"), node.get("maximum")
    if least is not None and most is not None:
        return f" between {least:,} and {most:,}"
    bounds = [
        f"{words} {node[name]:,}"
        for name, words in (
            ("minimum", "of at least"), ("exclusiveMinimum", "above"), ("maximum", "of at most"),
            ("exclusiveMaximum", "below"),
        )
        if node.get(name) is not None
    ]  # fmt: skip
    return f" {' and '.join(bounds)}" if bounds else ""
