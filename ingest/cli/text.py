"""The output of `python -m ingest` as plain text."""

from __future__ import annotations

from typing import Any


def render(document: dict[str, Any], label: str) -> str:
    """Write a document as text: one line for a value, one line for each row of a table."""
    lines = [label] if label else []
    for key, value in document.items():
        if isinstance(value, list):
            lines.append(f"{key}: {len(value)}")
            lines += ["  " + "  ".join(f"{name} {_cell(cell)}" for name, cell in row.items()) for row in value]
        elif isinstance(value, dict):
            lines.append(f"{key}:")
            lines += [f"  {name}: {_cell(cell)}" for name, cell in value.items()]
        else:
            lines.append(f"{key}: {_cell(value)}")
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {cell}" for name, cell in value.items()) or "none"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
