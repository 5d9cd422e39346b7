"""
The official `openai` package as a referee: does an event have the shape that the Realtime API documents?

`check_server_event` and `check_client_event` raise AssertionError with the path of the culprit. They are stricter
than the package's own client, which takes anything: types are checked without coercion, and a field that the
types do not know is an error, unless real traffic is known to carry it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import openai.types.beta.realtime as beta
import openai.types.realtime as ga
from openai.types.realtime.realtime_session_create_response import RealtimeSessionCreateResponse
from pydantic import BaseModel, TypeAdapter, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Dialect = Literal["ga", "beta"]

# What recorded traffic carries, and the package's types do not know (yet, or any more).
_KNOWN_EXTRAS: Final[dict[Dialect, dict[str, frozenset[str]]]] = {
    "ga": {
        # The type of `session.created` is that of a request: what the server adds stands in the response type.
        "session": frozenset(RealtimeSessionCreateResponse.model_fields),
    },
    "beta": {
        "session": frozenset({"object", "expires_at"}),
    },
}


def _by_type(union: object) -> dict[str, type[BaseModel]]:
    members, *_ = get_args(union)  # Annotated[Union[...], ...]
    models: dict[str, type[BaseModel]] = {}
    for model in get_args(members):
        (name,) = get_args(model.model_fields["type"].annotation)
        models[name] = model
    return models


_SERVER: Final = {"ga": _by_type(ga.RealtimeServerEvent), "beta": _by_type(beta.RealtimeServerEvent)}
_CLIENT: Final = {"ga": _by_type(ga.RealtimeClientEvent), "beta": _by_type(beta.RealtimeClientEvent)}


def check_server_event(event: Mapping[str, Any], dialect: Dialect = "ga") -> None:
    """Raise AssertionError unless *event* is a documented server event, with its required fields and no others."""
    _check(event, _SERVER[dialect], dialect)
    if dialect == "ga" and "session" in event:
        _validated(RealtimeSessionCreateResponse, event["session"], f"{event['type']}: session")


def check_client_event(event: Mapping[str, Any], dialect: Dialect = "ga") -> None:
    """Raise AssertionError unless *event* is a documented client event, with its required fields and no others."""
    if event.get("type") == "response.create" and "input" in (event.get("response") or {}):
        # References are documented, but the type of `input` has none.
        plain = [item for item in event["response"]["input"] if item.get("type") != "item_reference"]
        event = {**event, "response": {**event["response"], "input": plain}}
    _check(event, _CLIENT[dialect], dialect)


def _check(event: Mapping[str, Any], models: Mapping[str, type[BaseModel]], dialect: Dialect) -> None:
    kind = event.get("type")
    assert isinstance(kind, str), f"an event has no type: {event}"
    assert kind in models, f"{kind}: no such event in the {dialect} dialect"
    model = _validated(models[kind], event, kind)
    known = _KNOWN_EXTRAS[dialect]
    extras = [path for path, above, name in _extras(model, kind, "") if name not in known.get(above, frozenset())]
    assert not extras, f"unknown fields: {', '.join(extras)}"


def _validated(model: type[BaseModel], value: object, where: str) -> BaseModel:
    try:
        return TypeAdapter(model).validate_python(value, strict=True)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise AssertionError(f"{where}: {found}") from None


def _extras(value: object, path: str, name: str) -> Iterator[tuple[str, str, str]]:
    """Yield path, name of the parent and name of each field that the types do not know, at any depth."""
    if isinstance(value, BaseModel):
        for extra in value.model_extra or {}:
            yield f"{path}.{extra}", name, extra
        for field in type(value).model_fields:
            yield from _extras(getattr(value, field), f"{path}.{field}", field)
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from _extras(element, f"{path}[{index}]", name)
