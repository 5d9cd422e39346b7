"""Keys and the names of servers: one name for each, and nothing of a key in a sentence."""

from __future__ import annotations

import pytest

from geppetto.errors import ConfigError
from geppetto.keys import masked, parse_server, server_of, travels_openly

KEY = "sk-abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("api.openai.com", "api.openai.com"),
        ("API.OpenAI.com", "api.openai.com"),
        ("api.openai.com:443", "api.openai.com"),
        ("127.0.0.1:8765", "127.0.0.1:8765"),
        ("localhost:80", "localhost:80"),
        ("[::1]:8765", "[::1]:8765"),
        ("[::1]", "[::1]"),
        ("wss://voice.example:9/v1/realtime?model=m", "voice.example:9"),
        ("ws://localhost:8765/v1", "localhost:8765"),
    ],
)
def test_servers_have_one_name(text: str, server: str) -> None:
    """What the user types and the URL of a run come to the same name."""
    assert parse_server(text) == server
    assert server_of(f"wss://{server}/v1/realtime") == server


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a b", "host/path", "host?x", "user@host", "user:pw@host", "host:port", "host:99999", "[::1", "ws://",
        "sk-proj-abc", KEY, "0123456789abcdef0123456789abcdef", "AIzaSyA1234567890abcdefghi", "http://host", "a\nb",
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused_unseen(text: str) -> None:
    """A key given as the argument is not taken for a host, and not repeated."""
    with pytest.raises(ConfigError, match="is not a host") as caught:
        parse_server(text)
    assert len(text) < 6 or text not in str(caught.value)


def test_lists_show_little_of_a_key() -> None:
    """Only of a long key the ends are shown."""
    assert masked(KEY) == "sk-…wxyz"
    assert masked("k" * 21) == "kkk…kkkk"
    assert masked("k" * 20) == masked("k") == "****"


@pytest.mark.parametrize(
    ("url", "openly"),
    [
        ("wss://voice.example", False),
        ("ws://voice.example", True),
        ("ws://192.168.1.2:80", True),
        ("ws://localhost.example", True),
        ("ws://127.0.0.1.example", True),
        ("ws://localhost:1", False),
        ("ws://127.9.9.9", False),
        ("ws://[::1]:1", False),
        ("ws://[::2]:1", True),
    ],
)
def test_only_this_machine_is_reached_safely_without_tls(url: str, openly: bool) -> None:
    """A name that merely looks like this machine's does not count."""
    assert travels_openly(url) is openly
