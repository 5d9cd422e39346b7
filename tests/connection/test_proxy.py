"""Which proxy leads to which server, and that nobody ever sees its password."""

from __future__ import annotations

import traceback
from urllib.parse import quote

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.config import ClientConfig, load_config
from geppetto.connection.proxy import is_loopback, parse_proxy, proxy_for, proxy_secrets
from geppetto.errors import ConfigError

VOICE = "wss://voice.example/v1/realtime"
PLAIN = "ws://voice.example:8080/v1/realtime"
SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port"),
    [
        ("http://proxy.example:3128", "http", "proxy.example", 3128),
        ("http://proxy.example:3128/", "http", "proxy.example", 3128),
        ("proxy.example:3128", "http", "proxy.example", 3128),
        ("HTTP://proxy.example", "http", "proxy.example", 80),
        ("https://proxy.example", "https", "proxy.example", 443),
        ("socks5://10.1.2.3", "socks5", "10.1.2.3", 1080),
        ("socks5h://[::1]:9050", "socks5h", "::1", 9050),
    ],
)
def test_urls(text: str, scheme: str, host: str, port: int) -> None:
    """A proxy is a scheme, a host and a port, of which the host alone is needed."""
    proxy = parse_proxy(text)
    assert (proxy.scheme, proxy.host, proxy.port) == (scheme, host, port)
    assert (proxy.username, proxy.password) == (None, "")


def test_credentials_are_decoded() -> None:
    """What is percent-encoded in the URL reaches the proxy as it is meant."""
    proxy = parse_proxy("http://me%40home:a%2Fb%3Ac%23@proxy.example:3128")
    assert (proxy.username, proxy.password) == ("me@home", "a/b:c#")
    assert proxy.shown == "http://me%40home:***@proxy.example:3128"


def test_a_lone_user_name_is_masked() -> None:
    """A user name without a password may be a token, so it is not shown."""
    assert parse_proxy(f"http://{SECRET}@proxy.example").shown == "http://***@proxy.example:80"


@pytest.mark.parametrize(
    "text",
    [
        "http://",
        "http://:3128",
        "http://proxy.example:0",
        "http://proxy.example:99999",
        "http://proxy.example:port",
        "http://proxy.example/path",
        "http://proxy.example?query",
        "http://[::1",
        "http://a@[::1]b:c@proxy.example",
        "http://proxy example",
        "http://proxy.example\n",
        "ftp://proxy.example",
        "socks4://proxy.example",
        "http://a%3Ab:c@proxy.example",
        "socks5://me@proxy.example",
        "socks5://:secret@proxy.example",
        "socks5://me:gr%C3%BC%C3%9Fe@proxy.example",
        f"socks5://me:{'x' * 256}@proxy.example",
    ],
)
def test_what_is_no_proxy(text: str) -> None:
    """What cannot be used as a proxy is a wrong configuration, and the sentence says where it came from."""
    with pytest.raises(ConfigError, match=r"^HTTPS_PROXY.*\.$"):
        parse_proxy(text, source="HTTPS_PROXY")


@given(
    scheme=st.sampled_from(["http", "https", "socks5", "socks5h", "ftp", ""]),
    around=st.text(alphabet="/?#@:% aü[]", max_size=3),
    encoded=st.booleans(),
)
def test_no_password_is_ever_shown(scheme: str, around: str, encoded: bool) -> None:
    """Whatever the password looks like, it is in no repr, no error and no traceback."""
    secret = around + SECRET + around
    password = quote(secret, safe="") if encoded else secret
    text = f"{scheme}://me:{password}@proxy.example:3128" if scheme else f"me:{password}@proxy.example:3128"
    try:
        proxy = parse_proxy(text)
        config = ClientConfig(proxy=text)
    except ConfigError as error:
        seen = "".join(traceback.format_exception(error))  # with whatever it was raised from
    else:
        if encoded:
            assert proxy.password == secret
        seen = f"{proxy!r} {proxy.shown} {config!r}"
        assert ":***@proxy.example:3128" in repr(config)
    assert SECRET not in seen


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        (VOICE, {}, None),
        (VOICE, {"https_proxy": "http://a", "HTTPS_PROXY": "http://b"}, "http://a"),
        (VOICE, {"https_proxy": "", "HTTPS_PROXY": "http://b"}, "http://b"),
        (VOICE, {"HTTPS_PROXY": " http://b "}, "http://b"),
        (VOICE, {"wss_proxy": "http://w", "https_proxy": "http://a"}, "http://w"),
        (VOICE, {"https_proxy": "http://a", "all_proxy": "socks5://c"}, "http://a"),
        (VOICE, {"all_proxy": "socks5://c", "ALL_PROXY": "socks5://d"}, "socks5://c"),
        (VOICE, {"ALL_PROXY": "socks5://d"}, "socks5://d"),
        (VOICE, {"http_proxy": "http://a", "HTTP_PROXY": "http://a", "ws_proxy": "http://a"}, None),
        (PLAIN, {"https_proxy": "http://a", "HTTPS_PROXY": "http://a", "wss_proxy": "http://a"}, None),
        (PLAIN, {"HTTP_PROXY": "http://a", "WS_PROXY": "http://a"}, None),
        (PLAIN, {"http_proxy": "http://a", "all_proxy": "http://c"}, "http://a"),
        (PLAIN, {"ws_proxy": "http://w", "http_proxy": "http://a"}, "http://w"),
        (PLAIN, {"ALL_PROXY": "proxy:3128"}, "proxy:3128"),
    ],
)
def test_the_variable_that_counts(url: str, environ: dict[str, str], proxy: str | None) -> None:
    """The scheme's own variable goes before everybody's, lower case before capitals, empty is not set."""
    assert proxy_for(url, environ) == proxy


@pytest.mark.parametrize(
    "url",
    [
        "wss://localhost/",
        "wss://LOCALHOST.:8443/",
        "wss://voice.localhost/",
        "ws://127.0.0.1:8765/",
        "ws://127.9.9.9/",
        "ws://[::1]/",
    ],
)
def test_this_machine_needs_no_proxy(url: str) -> None:
    """A host of this machine never goes through a proxy from the environment."""
    environ = {"ALL_PROXY": "http://a", "https_proxy": "http://a", "http_proxy": "http://a"}
    assert proxy_for(url, environ) is None
    assert load_config({"url": url}, {**environ, "GEPPETTO_PROXY": "http://a"}).proxy is None


def test_names_that_only_look_like_this_machine() -> None:
    """A host that has localhost somewhere in its name is not this machine."""
    for host in ("localhost.example", "notlocalhost", "127.0.0.1.example", "10.0.0.1", "::2"):
        assert not is_loopback(host)


@pytest.mark.parametrize(
    ("url", "exceptions"),
    [
        (VOICE, "*"),
        (VOICE, "voice.example"),
        (VOICE, "VOICE.example."),
        (VOICE, "example"),
        (VOICE, ".example"),
        (VOICE, "*.example"),
        (VOICE, ".voice.example"),
        (VOICE, "other.example, voice.example"),
        (VOICE, "other.example voice.example"),
        (VOICE, "voice.example:443"),
        (PLAIN, "voice.example:8080"),
        ("wss://10.1.2.3/", "10.1.2.3"),
        ("wss://10.1.2.3/", "10.0.0.0/8"),
        ("wss://10.1.2.3:8443/", "10.1.2.3:8443"),
        ("wss://[2001:db8::7]/", "2001:db8::7"),
        ("wss://[2001:db8::7]/", "2001:db8::/32"),
        ("wss://[2001:db8::7]:8443/", "[2001:db8::7]:8443"),
        ("wss://[2001:db8::7]/", "[2001:DB8::7]"),
    ],
)
def test_exceptions(url: str, exceptions: str) -> None:
    """A host that NO_PROXY names is reached directly."""
    assert proxy_for(url, {"ALL_PROXY": "http://a", "NO_PROXY": exceptions}) is None
    assert proxy_for(url, {"ALL_PROXY": "http://a", "no_proxy": exceptions}) is None


@pytest.mark.parametrize(
    ("url", "exceptions"),
    [
        (VOICE, ""),
        (VOICE, " , "),
        (VOICE, "."),
        (VOICE, "oice.example"),
        (VOICE, "my.voice.example"),
        (VOICE, "voice.example.com"),
        (VOICE, "voice.example:8443"),
        (PLAIN, "voice.example:443"),
        (VOICE, "10.0.0.0/8"),
        ("wss://10.1.2.3/", "11.0.0.0/8"),
        ("wss://10.1.2.3/", "2.3"),
        ("wss://10.1.2.3/", "10.1.2.3:80"),
        ("wss://[2001:db8::7]/", "2001:db9::/32"),
        ("wss://[2001:db8::7]/", "10.0.0.0/8"),
    ],
)
def test_no_exceptions(url: str, exceptions: str) -> None:
    """A host that NO_PROXY does not name goes through the proxy."""
    assert proxy_for(url, {"ALL_PROXY": "http://a", "NO_PROXY": exceptions}) == "http://a"


def test_a_bad_variable_is_named() -> None:
    """A variable that holds no proxy is named, but only if it would have been used."""
    environ = {"HTTPS_PROXY": f"http://me:{SECRET}/@proxy"}
    with pytest.raises(ConfigError, match=r"^HTTPS_PROXY is not the URL of a proxy") as caught:
        proxy_for(VOICE, environ)
    assert SECRET not in str(caught.value)
    assert proxy_for(VOICE, {**environ, "NO_PROXY": "voice.example"}) is None


def test_which_setting_counts() -> None:
    """--proxy goes before GEPPETTO_PROXY, that before HTTPS_PROXY, and an empty --proxy is none."""
    environ = {"HTTPS_PROXY": "http://everybodys"}
    ours = {**environ, "GEPPETTO_PROXY": "http://ours"}
    assert load_config({"url": VOICE}, environ).proxy == "http://everybodys"
    assert load_config({"url": VOICE}, ours).proxy == "http://ours"
    assert load_config({"url": VOICE, "proxy": "http://given"}, ours).proxy == "http://given"
    assert load_config({"url": VOICE, "proxy": ""}, ours).proxy is None
    assert load_config({"url": "ws://localhost/", "proxy": "http://given"}, ours).proxy == "http://given"


def test_no_key_in_the_clear_through_a_proxy() -> None:
    """A key for a plain ws address is not sent through a proxy, not even for a server on this machine."""
    plain = "ws://127.0.0.1:8765/v1/realtime"
    with pytest.raises(ConfigError, match="through the proxy http://me:\\*\\*\\*@proxy:80 unencrypted") as caught:
        ClientConfig(url=plain, api_key="sk-secret", proxy=f"http://me:{SECRET}@proxy")
    assert SECRET not in str(caught.value)
    assert "sk-secret" not in str(caught.value)
    assert ClientConfig(url=plain, proxy="http://proxy").proxy == "http://proxy"
    allowed = ClientConfig(url=plain, api_key="sk-secret", proxy="http://proxy", insecure_key=True)
    assert attrs.evolve(allowed, url=VOICE, insecure_key=False).proxy == "http://proxy"


@pytest.mark.parametrize(
    ("proxy", "secrets"),
    [
        (None, ()),
        ("http://proxy.example", ()),
        (f"http://me:{SECRET}@proxy", (SECRET, SECRET, "bWU6aHVudGVyMi1odW50ZXIy")),
        (f"me:{SECRET}%2F%C3%BC@proxy", (f"{SECRET}%2F%C3%BC", f"{SECRET}/ü", "bWU6aHVudGVyMi1odW50ZXIyL8O8")),
        (f"https://{SECRET}@proxy", (SECRET, SECRET, "aHVudGVyMi1odW50ZXIyOg==")),
    ],
)
def test_what_is_secret_in_a_proxy(proxy: str | None, secrets: tuple[str, ...]) -> None:
    """The password, or a lone user name, is taken out of every text, as it is given and as it is sent."""
    assert proxy_secrets(proxy) == secrets
    config = ClientConfig(proxy=proxy, api_key="sk-1234567")
    assert config.secrets == ("sk-1234567", *secrets)
    for secret in config.secrets:
        assert config.redactor.clean(f"oh: {secret}.") == "oh: [key]."
    assert SECRET not in repr(config)
