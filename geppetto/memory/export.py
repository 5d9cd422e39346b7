"""A conversation as a file: Markdown to read, JSON for programs, HTML to show."""

from __future__ import annotations

import json
from decimal import Decimal
from html import escape as escape_html
from typing import TYPE_CHECKING, Final, Literal

import attrs
import msgspec

from geppetto.answer import CLIENT_CANCELLED
from geppetto.memory.kept import storable
from geppetto.pricing.cost import spent
from geppetto.text import escape_controls, escape_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geppetto.memory.kept import Answered, Conversation, Item

Format = Literal["md", "json", "html"]
FORMATS: Final[tuple[Format, ...]] = ("md", "json", "html")
_SUFFIXES: Final[dict[str, Format]] = {
    ".md": "md",
    ".markdown": "md",
    ".json": "json",
    ".html": "html",
    ".htm": "html",
}
_JSON_VERSION: Final = 1
_NAMES: Final = {"user": "You", "assistant": "Geppetto"}
_TITLE_CHARS: Final = 60
_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;"
    "padding:0 1rem}article{margin:1.2rem 0}article p{white-space:pre-wrap;overflow-wrap:anywhere;margin:.2rem 0}"
    "article.user{border-left:3px solid;padding-left:.8rem}header,small{opacity:.7}"
)


def format_of(path: Path) -> Format:
    """Return the format that the name of *path* asks for: Markdown, unless it says otherwise."""
    return _SUFFIXES.get(path.suffix.lower(), "md")


def export(conversation: Conversation, items: Sequence[Item], form: Format) -> str:
    """
    Return *conversation*, in which *items* were said, as the text of a file; it can always be encoded.

    JSON has everything. Markdown and HTML have what people read; there, control characters are visible, as in
    transcripts, and no HTML of a model is HTML. An answer's Markdown stays Markdown.
    """
    match form:
        case "json":
            return json.dumps(_as_json(conversation, items), ensure_ascii=False, indent=2) + "\n"
        case "html":
            return _as_html(conversation, items)
        case "md":
            return _as_markdown(conversation, items)


def heading(conversation: Conversation) -> str:
    """Return one line that people know *conversation* by: its name, or how it began."""
    line = " ".join((conversation.name or conversation.title).split())
    line = line if len(line) <= _TITLE_CHARS else line[: _TITLE_CHARS - 2] + " …"
    return escape_line(line) or f"Conversation {conversation.id}"


def facts(conversation: Conversation) -> str:
    """Return one line of figures: when, with whom, how much."""
    about = conversation.about
    n = conversation.n_answers
    usd = None if conversation.usd is None else Decimal(str(conversation.usd))
    parts = [
        conversation.id,
        f"{conversation.begun.astimezone():%Y-%m-%d %H:%M}",
        " at ".join(part for part in (about.model, about.host) if part),
        f"{n} answer{'' if n == 1 else 's'}",
        f"{conversation.audio_ms / 1000:.1f} s of audio" if conversation.audio_ms else "",
        spent(usd, all_priced=conversation.all_priced),
    ]
    return escape_line(" · ".join(part for part in parts if part))


def remark(answer: Answered) -> str:
    """Return one line about an answer: why it is not whole, its sound, its price, its file; empty for nothing."""
    whole = answer.status == "completed"
    known = answer.reason in {"", CLIENT_CANCELLED}
    parts = [
        "" if whole else answer.status if known else f"{answer.status}: {answer.reason}",
        f"{answer.audio_ms / 1000:.1f} s of audio" if answer.audio_ms else "",
        "" if answer.cost is None or not answer.cost.usd else str(answer.cost),
        "" if answer.audio_file is None else storable(str(answer.audio_file)),
    ]
    return escape_line(" · ".join(part for part in parts if part))


def _as_markdown(conversation: Conversation, items: Sequence[Item]) -> str:
    lines = [f"# {heading(conversation)}", "", facts(conversation), ""]
    for item in items:
        lines += [f"## {_NAMES[item.role]}, {item.at.astimezone():%Y-%m-%d %H:%M:%S}", ""]
        lines += [escape_controls(item.text).strip("\n") or "(no words)", ""]
        if item.answer is not None and (about := remark(item.answer)):
            lines += [f"*{about}*", ""]
    return "\n".join(lines)


def _as_html(conversation: Conversation, items: Sequence[Item]) -> str:
    title = escape_html(heading(conversation))
    lines = [
        "<!doctype html>",
        '<html><head><meta charset="utf-8">',
        # Nothing is loaded and nothing runs, whatever was said.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body>",
        f"<header><h1>{title}</h1><p>{escape_html(facts(conversation))}</p></header>",
    ]
    for item in items:
        when = f'<time datetime="{item.at.isoformat()}">{item.at.astimezone():%H:%M:%S}</time>'
        lines.append(f'<article class="{item.role}"><small>{_NAMES[item.role]} · {when}</small>')
        lines.append(f'<p dir="auto">{escape_html(escape_controls(item.text))}</p>')
        if item.answer is not None and (about := remark(item.answer)):
            lines.append(f"<small>{escape_html(about)}</small>")
        lines.append("</article>")
    return "\n".join([*lines, "</body></html>", ""])


def _as_json(conversation: Conversation, items: Sequence[Item]) -> dict[str, object]:
    return {
        "geppetto_conversation": _JSON_VERSION,
        **summary_json(conversation),
        "items": [_item_json(item) for item in items],
    }


def summary_json(conversation: Conversation) -> dict[str, object]:
    """Return *conversation* for programs, without what was said."""
    return {
        "id": conversation.id,
        "name": conversation.name,
        "title": conversation.title,
        "begun": conversation.begun.isoformat(),
        "changed": conversation.changed.isoformat(),
        **attrs.asdict(conversation.about),
        "answers": conversation.n_answers,
        "audio_ms": conversation.audio_ms,
        "usd": conversation.usd,
        "all_priced": conversation.all_priced,
    }


def _item_json(item: Item) -> dict[str, object]:
    said: dict[str, object] = {"role": item.role, "text": item.text, "at": item.at.isoformat()}
    flags = (("spoken", item.spoken), ("heard", item.heard), ("independent", item.independent))
    said |= {flag: True for flag, on in flags if on}
    if (answer := item.answer) is not None:
        said |= {
            "status": answer.status,
            "reason": answer.reason,
            "audio_file": _path(answer.audio_file),
            "transcript_file": _path(answer.transcript_file),
            "audio_ms": answer.audio_ms,
            "latency": msgspec.structs.asdict(answer.latency),
            "usage": answer.usage.as_json(),
            "cost": None if answer.cost is None else answer.cost.as_json(),
            "response_id": answer.response_id,
            "session_id": answer.session_id,
            "attempts": answer.attempts,
        }
    return said


def _path(path: Path | None) -> str | None:
    return None if path is None else storable(str(path))
