"""`geppetto models`: the models that a server offers, in its own words or in those of the table in the package."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

import attrs
import click
import trio

from geppetto.catalogue import CHECKED, MODELS, is_realtime_model, provider_of
from geppetto.cli.flags import read_flags
from geppetto.cli.headings import Headed
from geppetto.cli.options import server_options
from geppetto.cli.saying import hide_in_tracebacks, say, say_error
from geppetto.errors import GeppettoError
from geppetto.redaction import Redactor
from geppetto.status import ExitStatus
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from geppetto.config import ClientConfig

_NO_LIST = frozenset({404, 405, 410, 501})
"""HTTP statuses of a server that has no such thing."""


@attrs.frozen(kw_only=True)
class Listed:
    """A model, as it is shown."""

    name: str
    note: str = ""
    shuts_down: str | None = None
    """A date."""

    def line(self, width: int) -> str:
        """Return it as a line, its name *width* characters wide."""
        ends = f"shuts down {self.shuts_down}" if self.shuts_down else ""
        told = "; ".join(part for part in (self.note, ends) if part)
        return f"{self.name:{width}}  {told}".rstrip()


@attrs.frozen(kw_only=True)
class Listing:
    """The models, and who says so."""

    source: str
    """`server`, `table` or `offline`."""
    server: str | None
    checked: str | None
    """The date of the table."""
    models: tuple[Listed, ...]
    remark: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        return attrs.asdict(self)


@click.command("models", cls=Headed, context_settings={"max_content_width": 100})
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--all", "everything", is_flag=True, help="All models of the server, not only the realtime ones.")
@click.option("--known", is_flag=True, help="The table in the package: nobody is asked.")
@server_options
@click.pass_context
def models_command(here: click.Context, /, *, as_json: bool, everything: bool, known: bool, **flags: object) -> None:
    """
    List the models that a server offers: `GET /v1/models`, with its key and on the way of a session.

    For a server without such a list, the models that were known when this version was made. Whatever is in no list
    can be asked for all the same.
    """
    above = here.parent.params if here.parent is not None else None
    target, _ = read_flags(flags, above)
    redactor = Redactor()
    try:
        config = target.configure(needs_key=not known)
        if config.provider == "offline":
            listing = _embedded(config.protocol.default_model)
        elif known:
            listing = _table(config)
        else:
            redactor = config.redactor
            hide_in_tracebacks(redactor)
            listing = trio.run(_ask, config, everything)
    except GeppettoError as error:
        say_error(error, redactor)
        here.exit(error.status)
    _show(listing, redactor.clean, as_json=as_json)
    here.exit(ExitStatus.OK)


def _show(listing: Listing, clean: Callable[[str], str], *, as_json: bool) -> None:
    if as_json:
        click.echo(clean(json.dumps(listing.as_json(), indent=2, ensure_ascii=False)))
        return
    width = max((len(model.name) for model in listing.models), default=0)
    for model in listing.models:
        click.echo(escape_line(clean(model.line(width))))
    if listing.remark:
        say(escape_line(clean(listing.remark)))


async def _ask(config: ClientConfig, everything: bool) -> Listing:
    """
    Ask the server of *config*.

    Raises:
        GeppettoError: it cannot be reached, refuses the key, or has too much to do.
    """
    from geppetto.connection.failures import rejection
    from geppetto.connection.get import get
    from geppetto.doctor.handshake import headers_of
    from geppetto.doctor.network import Network

    target = list_target(config.url)
    if target is None:
        return _table(config, f"No list of models belongs to {config.host}'s address.")
    route = await Network(config=config).route()
    answer = await get(config.url, target, headers_of(config)[1:], timeout_s=config.connect_timeout, route=route)
    if answer.status_code in _NO_LIST:
        return _table(config, f"{config.host} has no list of models.")
    if answer.status_code != 200:
        raise rejection(config.host, answer.status_code, answer.body, answer.headers)
    models = parse_models(answer.body)
    if models is None:
        return _table(config, f"{config.host} answered with something else than a list of models.")
    fitting = models if everything else tuple(model for model in models if is_realtime_model(model.name))
    remark = ""
    if not fitting and models:
        fitting = models
        remark = "None of them is named like a realtime model, so all are listed."
    elif not models:
        remark = f"{config.host} lists no model."
    elif len(fitting) < len(models):
        remark = f"{len(models) - len(fitting)} others are no realtime models by their names; --all lists them, too."
    return Listing(source="server", server=config.host, checked=None, models=fitting, remark=remark)


def list_target(url: str) -> str | None:
    """
    Return path and query of the list of models that belongs to the WebSocket address *url*; None when none does.

    `/v1/realtime` has `/v1/models` beside it, at OpenAI, at Azure (`/openai/v1/models`) and at compatible servers.
    """
    parts = urlsplit(url)
    above, slash, last = parts.path.rstrip("/").rpartition("/")
    if not slash or last != "realtime":
        return None
    # What a session is opened with is not for the list; a key in the query is, and so is Azure's version.
    dropped = {"model", "deployment", "intent", "call_id", "language", "transcription_model"}
    query = [(name, value) for name, value in parse_qsl(parts.query) if name not in dropped]
    return f"{above}/models" + (f"?{urlencode(query)}" if query else "")


def parse_models(body: bytes) -> tuple[Listed, ...] | None:
    """
    Return the models in the *body* of an answer, by name; None if it is no list of models.

    Source: OpenAI API reference, "List models"; `shutdown_date` as of 2026-11.
    """
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    data = value.get("data") if isinstance(value, dict) else value
    if not isinstance(data, list):
        return None
    models = [_listed(model) for model in data if isinstance(model, dict)]
    return tuple(sorted((model for model in models if model is not None), key=lambda model: model.name))


def _listed(model: Mapping[str, object]) -> Listed | None:
    name = model.get("id")
    if not isinstance(name, str) or not name:
        return None
    known = next((one for one in MODELS if one.name == name), None)
    ends = _date(model.get("shutdown_date"))
    if ends is None and known is not None and known.shuts_down is not None:
        ends = known.shuts_down.isoformat()
    return Listed(name=name, note=known.note if known is not None else "", shuts_down=ends)


def _date(value: object) -> str | None:
    """Return the day in *value*, which is Unix time or text."""
    if isinstance(value, str) and value:
        return value[:10]
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, UTC).date().isoformat()
        except (ValueError, OverflowError, OSError):
            return None
    return None


def _table(config: ClientConfig, why: str = "") -> Listing:
    provider = provider_of(config)
    models = tuple(
        Listed(
            name=model.name, note=model.note, shuts_down=model.shuts_down.isoformat() if model.shuts_down else None
        )
        for model in MODELS
        if provider is None or model.provider == provider
    )
    dated = f"These were known on {CHECKED}."
    if provider is None:
        dated += f" Which of them {config.host} has is not known."
    return Listing(
        source="table",
        server=config.host,
        checked=CHECKED.isoformat(),
        models=models,
        remark=f"{why} {dated}".strip(),
    )


def _embedded(default: str) -> Listing:
    return Listing(
        source="offline",
        server="offline",
        checked=None,
        models=(Listed(name=default, note="the default"),),
        remark="The embedded server answers by itself, and takes every other name as well.",
    )
