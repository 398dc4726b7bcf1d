"""What all models of the file format have in common: strictness, spellings, and telling forms apart."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

# Marks the parts of pydantic's error locations that are no part of the file: no text in YAML holds a NUL.
TAG = "\0"

NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
TAG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
# One line, without the control characters that would reach a terminal.
_EDGE = r"[^\u0000-\u0020\u007f-\u00a0\u2028\u2029]"
LINE_PATTERN = rf"^{_EDGE}([^\u0000-\u001f\u007f-\u009f\u2028\u2029]*{_EDGE})?$"
PORT_PATTERN = r"^[0-9]{1,5}(/(TCP|UDP|SCTP))?$"
PLACEMENT_PATTERN = r"^(same-as|other-than) \S+/\S+$"
DURATION_PATTERN = r"^[0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m)$"

Protocol = Annotated[Literal["TCP", "UDP", "SCTP"], Field(description="TCP, UDP or SCTP.")]
PortNumber = Annotated[int, Field(ge=1, le=65535, description="A port, from 1 to 65535.")]
Labels = Annotated[dict[str, str], Field(description="Labels: keys and values are text.")]
Line = Annotated[str, Field(pattern=LINE_PATTERN, max_length=300)]


def _shape(value: Any) -> str | None:
    """Tell the union members below apart by the YAML type they are written as."""
    match value:
        case bool() | None:
            return None
        case int() | float():
            return TAG + "number"
        case str():
            return TAG + "text"
        case dict() | BaseModel():
            return TAG + "mapping"
        case list():
            return TAG + "list"
        case _:
            return None


def either(words: str) -> Discriminator:
    """Make the mark of a union whose members are told apart by their YAML type; `words` names them."""
    return Discriminator(_shape, custom_error_type="shape", custom_error_message=f"expected {words}")


Number = Tag(TAG + "number")
Text = Tag(TAG + "text")
Mapping = Tag(TAG + "mapping")
List = Tag(TAG + "list")


class Spec(BaseModel):
    """A mapping of the file: no key but the ones below, and no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
