"""Settings: where each comes from, what it may be, and where it leads."""

from __future__ import annotations

import types
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geppetto.config import OPENAI_URL, SETTINGS, ClientConfig, load_config
from geppetto.errors import ConfigError
from geppetto.realtime.client_events import Modality
from geppetto.settings.source import Source

if TYPE_CHECKING:
    from geppetto.setting import Setting

LOCAL = {"url": "ws://127.0.0.1:8080/v1/realtime"}
"""A server that needs no key."""

# Two values for each setting, neither of them the default.
SAMPLES: dict[str, tuple[object, object]] = {
    "provider": ("xai", "huggingface"),
    "url": ("ws://127.0.0.1:1/a", "ws://127.0.0.1:2/b"),
    "proxy": ("http://proxy-a:3128", "http://proxy-b:3128"),
    "ca_file": (Path("a.pem"), Path("b.pem")),
    "prices_file": (Path("a.toml"), Path("b.toml")),
    "model": ("model-a", "model-b"),
    "dialect": ("beta", "beta"),
    "modality": ("text", "text"),
    "voice": ("ash", "verse"),
    "instructions": ("Be brief.", "Be long."),
    "speed": (0.5, 1.25),
    "temperature": (0.7, 0.9),
    "max_output_tokens": (100, 200),
    "history_budget": (0, 5),
    "rollover_margin": (0.0, 5.0),
    "max_retries": (0, 7),
    "max_message_bytes": (4096, 8192),
    "audio_output_dir": (Path("audio-a"), Path("audio-b")),
    "log_dir": (Path("logs-a"), Path("logs-b")),
    "log_audio": (True, True),
    "shared_files": (True, True),
    "insecure_key": (True, True),
}


def samples(setting: Setting) -> tuple[object, object]:
    """Return two values of *setting*; for a number without a sample, any two."""
    return SAMPLES.get(setting.name) or (setting.kind(17), setting.kind(23))


def load(flags: dict[str, object], environ: dict[str, str]) -> ClientConfig:
    """Load for a server that needs no key, over another dialect where the setting is only there."""
    beta = {"dialect": "beta"} if "temperature" in flags or "GEPPETTO_TEMPERATURE" in environ else {}
    elsewhere = {} if "GEPPETTO_URL" in environ else LOCAL
    far = {"url": "wss://voice.example/v1"} if "GEPPETTO_PROXY" in environ else {}  # no proxy for this machine
    return load_config({**elsewhere, **far, **beta, **flags}, environ)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_flag_goes_before_a_variable_before_the_default(setting: Setting) -> None:
    """For each row of the table, in this order."""
    flag, variable = samples(setting)
    environ = {setting.variable: str(variable)}
    default = getattr(ClientConfig(), setting.name)
    assert flag != default
    assert variable != default
    if setting.name != "url":
        assert getattr(load({}, {}), setting.name) == default
    assert getattr(load({}, environ), setting.name) == variable
    assert getattr(load({setting.name: flag}, environ), setting.name) == flag
    assert getattr(load({setting.name: None}, environ), setting.name) == variable
    assert getattr(load({setting.name: flag}, {}), setting.name) == flag


def test_names_of_flags_and_variables() -> None:
    """They follow from the names of the fields, and each is there once."""
    (setting,) = [setting for setting in SETTINGS if setting.name == "read_timeout"]
    assert (setting.flag, setting.variable) == ("--read-timeout", "GEPPETTO_READ_TIMEOUT")
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)


def test_the_table_fits_the_configuration() -> None:
    """Every field but the key and the sources has its row, and the kind of the row is a type of the field."""
    known = {"Modality": Modality, "Mapping": Mapping, "Source": Source}
    hints: dict[str, Any] = get_type_hints(ClientConfig, localns=known)
    assert {setting.name for setting in SETTINGS} == {field.name for field in attrs.fields(ClientConfig)} - {
        "api_key",
        "sources",
    }
    for setting in SETTINGS:
        hint = hints[setting.name]
        options = get_args(hint) if get_origin(hint) in {types.UnionType, Union} else (hint,)
        kinds = {str if get_origin(option) is Literal else option for option in options} - {type(None)}
        assert kinds == {setting.kind}, setting.name
        if setting.choices and get_origin(hint) is Literal:
            assert get_args(hint) == setting.choices


# --- values that cannot be


@pytest.mark.parametrize(
    ("variable", "text", "sentence"),
    [
        ("GEPPETTO_READ_TIMEOUT", "soon", "GEPPETTO_READ_TIMEOUT is 'soon', but must be a number."),
        ("GEPPETTO_MAX_RETRIES", "1.5", "GEPPETTO_MAX_RETRIES is '1.5', but must be a whole number."),
        ("GEPPETTO_LOG_AUDIO", "maybe", "GEPPETTO_LOG_AUDIO is 'maybe', but must be one of: 1, 0, true, false."),
        ("GEPPETTO_DIALECT", "gamma", "dialect is 'gamma', but must be one of: ga, beta."),
        ("GEPPETTO_READ_TIMEOUT", "0", "read_timeout is 0.0, but must be from more than 0 to 86,400."),
        ("GEPPETTO_READ_TIMEOUT", "nan", "read_timeout is nan, but must be from more than 0 to 86,400."),
        ("GEPPETTO_READ_TIMEOUT", "inf", "read_timeout is inf, but must be from more than 0 to 86,400."),
        ("GEPPETTO_BUFFER_SIZE", "0", "buffer_size is 0, but must be from 1 to 100,000."),
        ("GEPPETTO_MAX_RETRIES", "-1", "max_retries is -1, but must be from 0 to 1,000."),
        (
            "GEPPETTO_BUFFER_SIZE",
            "9" * 400,
            "buffer_size is 99999999999999999999, but must be from 1 to 100,000.",
        ),
        ("GEPPETTO_SPEED", "2", "speed is 2.0, but must be from 0.25 to 1.5."),
        (
            "GEPPETTO_TEMPERATURE",
            "0.8",
            "temperature is set, but the GA dialect has none. Leave it out, or use --dialect beta.",
        ),
    ],
)
def test_a_wrong_value_is_named(variable: str, text: str, sentence: str) -> None:
    """The sentence says which setting, what it is, and what it may be."""
    with pytest.raises(ConfigError) as caught:
        load_config(LOCAL, {variable: text})
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("true", True), ("ON", True), (" yes ", True), ("0", False), ("No", False)]
)
def test_switches(text: str, value: bool) -> None:
    """The usual words switch a setting on or off."""
    assert load_config(LOCAL, {"GEPPETTO_LOG_AUDIO": text}).log_audio is value


def test_an_empty_variable_is_none() -> None:
    """`GEPPETTO_MODEL= geppetto` is as if it were not there."""
    empty = {setting.variable: "" for setting in SETTINGS}
    assert load_config(LOCAL, empty) == load_config(LOCAL, {})


# --- addresses


@pytest.mark.parametrize(
    ("settings", "endpoint"),
    [
        ({}, f"{OPENAI_URL}?model=gpt-realtime-2.1"),
        ({"model": "m 1&2"}, f"{OPENAI_URL}?model=m+1%262"),
        ({"dialect": "beta"}, f"{OPENAI_URL}?model=gpt-4o-realtime-preview-2024-10-01"),
        ({"url": "ws://h/p?model=a&x=1"}, "ws://h/p?model=a&x=1"),
        ({"url": "ws://h/p?model=a&x=1", "model": "b"}, "ws://h/p?x=1&model=b"),
        ({"url": "wss://h/p?api-version=1&deployment=d"}, "wss://h/p?api-version=1&deployment=d"),
        ({"url": "wss://h/p?call_id=c"}, "wss://h/p?call_id=c"),
        ({"url": "wss://h/p?empty="}, "wss://h/p?empty=&model=gpt-realtime-2.1"),
        ({"url": "wss://h/p#there"}, "wss://h/p?model=gpt-realtime-2.1"),
        ({"url": "WSS://H:1/p"}, "wss://H:1/p?model=gpt-realtime-2.1"),
    ],
)
def test_the_endpoint_names_the_model(settings: dict[str, Any], endpoint: str) -> None:
    """It is added to the query, unless the address names one, or a deployment, or a call; a fragment is dropped."""
    assert ClientConfig(**settings).endpoint == endpoint


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "is not a WebSocket URL"),
        ("api.openai.com", "is not a WebSocket URL"),
        ("https://api.openai.com/v1/realtime", "is not a WebSocket URL"),
        ("wss:///v1", "is not a WebSocket URL"),
        ("ws://[::1/v1", "is not a URL"),
        ("ws://h:99999/", "is not a URL"),
        ("ws://h:x/", "is not a URL"),
        ("ws://h/a b", "holds characters that no URL has"),
        ("ws://h/\n", "holds characters that no URL has"),
        ("ws://h/\x1b", "holds characters that no URL has"),
        ("ws://h/grüße", "holds characters that no URL has"),
        ("ws://bücher.example/", "holds characters that no URL has"),
        ("wss://user:pass@h/", "holds a user name or a password"),
        ("wss://@h/", "holds a user name or a password"),
    ],
)
def test_an_address_that_is_none(url: str, words: str) -> None:
    """It is refused before anything is sent, with an example of a good one or with what to do."""
    with pytest.raises(ConfigError, match=words) as caught:
        ClientConfig(url=url)
    assert "pass" not in str(caught.value).replace("password", "")


URL_TEXT = st.text(st.sampled_from([*"abC19.:/?#[]@&=+%;-_~ ", "ü", "\n", "\x00", "\ud800"]), max_size=25)


@example("wss://h", "", "\udcff")
@given(
    st.sampled_from(["ws://", "wss://", "wss://h", ""]),
    URL_TEXT,
    st.none() | st.text(max_size=5),
)
def test_any_address_is_refused_or_usable(scheme: str, rest: str, model: str | None) -> None:
    """What is not refused has a host, and an endpoint that a request can carry, with one model at the most."""
    try:
        config = ClientConfig(url=scheme + rest, model=model)
    except ConfigError:
        return
    parts = urlsplit(config.endpoint)
    assert config.endpoint.isascii()
    assert config.endpoint.isprintable()
    assert parts.hostname
    assert parts.fragment == ""
    models = parse_qs(parts.query, keep_blank_values=True).get("model", [])
    if model is not None:
        assert models == [model.encode(errors="replace").decode() or "gpt-realtime-2.1"]


def test_the_settings_of_a_session() -> None:
    """What is not set is the dialect's; an empty voice is left to the server."""
    ga, beta = ClientConfig().session_settings, ClientConfig(dialect="beta").session_settings
    assert (ga.voice, ga.temperature, ga.modality) == ("marin", None, "audio")
    assert (beta.voice, beta.temperature) == ("alloy", 0.8)
    assert ClientConfig(voice="").session_settings.voice is None
    chosen = ClientConfig(voice="ash", speed=1.5, max_output_tokens=7, modality="text", instructions="x")
    assert attrs.asdict(chosen.session_settings) == {
        "modality": "text",
        "instructions": "x",
        "voice": "ash",
        "speed": 1.5,
        "max_output_tokens": 7,
        "temperature": None,
        "transcription_model": None,
    }
