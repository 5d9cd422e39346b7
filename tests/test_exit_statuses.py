"""Every exit status there is, by real processes: the status, the time it took, the files, the Close frame."""

from __future__ import annotations

import signal
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio
import trustme

from tests.fakes.program import files_below, frames, open_program, run_program, transcripts, unfinished_wav, wavs
from tests.fakes.scripted_server import (
    answer,
    answers,
    audio,
    created,
    done,
    error,
    listening,
    scripted_server,
    silent,
    tone,
    words,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.program import Ran
    from tests.fakes.scripted_server import Peer

QUICK_S = 4.0
"""More than any of these endings takes, less than `shutdown_timeout` and any start of an interpreter together."""


def to(url: str, *more: str) -> list[str]:
    """Return the arguments of a chat with *url* that does not try twice."""
    return ["--url", url, "--max-retries", "0", *more]


def assert_ended(ran: Ran, status: int, *, said: str = "") -> None:
    """Check the status, that it came quickly, that stderr says why, and that nothing looks like a crash."""
    assert ran.status == status, ran.stderr
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.elapsed_s < QUICK_S


# --- 0


async def test_quit_at_the_prompt_is_0(tmp_path: Path) -> None:
    """`.quit` leaves at once, also while an answer is under way, and the server sees Close 1000."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(created("resp_1"), audio("resp_1", tone()), words("resp_1", "Once upon a time"))
        await peer.client_left()

    async with scripted_server(story) as server, open_program(to(server.url), cwd=tmp_path, terminal=True) as program:
        await program.wrote("You: ")
        await program.type("Tell me a story.\n")
        await program.wrote("Once upon a time")
        await program.type(".quit\n")
        ran = await program.left()
    assert ran.status == 0, ran.stdout
    assert ran.elapsed_s < QUICK_S
    assert server.seen.close_code == 1000
    (wav,) = wavs(tmp_path)
    assert wav.name.endswith("_partial.wav")
    assert frames(wav) == tone()


async def test_end_of_a_pipe_is_0_after_every_answer(tmp_path: Path) -> None:
    """A pipe that ends waits for the answers that are still to come, and each has its files."""
    async with scripted_server(answers(["One.", "Two.", "Three."])) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="a?\nb?\nc?\n")
    assert_ended(ran, 0)
    assert ran.stdout == "One.\nTwo.\nThree.\n"
    assert [frames(wav) for wav in wavs(tmp_path)] == [tone()] * 3
    assert transcripts(tmp_path) == ["One.", "Two.", "Three."]
    assert server.seen.close_code == 1000
    assert server.seen.created_while_active == 0
    assert server.seen.questions == ["a?", "b?", "c?"]


async def test_control_d_at_the_prompt_is_0(tmp_path: Path) -> None:
    """Ctrl+D at the prompt is a good ending."""
    async with (
        scripted_server(silent) as server,
        open_program(to(server.url), cwd=tmp_path, terminal=True) as program,
    ):
        await program.wrote("You: ")
        await program.type("\x04")
        ran = await program.left()
    assert ran.status == 0
    assert ran.elapsed_s < QUICK_S
    assert server.seen.close_code == 1000


# --- 1

BUGS = {
    "receive": "geppetto.connection.transport:Transport.receive_some",
    "understand": "geppetto.realtime.conversation:Conversation.receive",
    "send": "geppetto.session:Session.speak",
    "assemble": "geppetto.records.recorder:Recorder.write",
    "display": "geppetto.cli.screen:TerminalScreen.show",
    "keepalive": "geppetto.connection.transport:Transport.ping",
    "log": "geppetto.records.wirelog:WireLog.flush",
    "read": "geppetto.batch.questions:QuestionParser.parse",
    "worker": "geppetto.chat:Chat.ask",
    "results": "geppetto.cli.script_output:ScriptOutput.tick",
}
"""What breaks in which task."""
BUG = """
import importlib, sys
from geppetto.cli.main import run

def broken(self, *args, **kwargs):
    raise ZeroDivisionError("a bug in a task")

module, _, name = {place!r}.partition(":")
owner, _, method = name.partition(".")
setattr(getattr(importlib.import_module(module), owner), method, broken)
sys.argv[0] = "geppetto"
run()
"""


@pytest.mark.parametrize("task", BUGS)
async def test_a_bug_is_1_with_its_traceback(tmp_path: Path, task: str) -> None:
    """A bug in any task ends with its traceback on stderr, and the server still gets its Close 1000."""
    run = ("-c", BUG.format(place=BUGS[task]))
    async with scripted_server(half_an_answer) as server:
        args = to(server.url, "--ping-interval", "0.1")
        async with open_program(args, cwd=tmp_path, run=run) as program:
            await program.type("Hi\n")
            ran = await program.left()
    assert ran.status == 1, ran.stderr
    assert "ZeroDivisionError: a bug in a task" in ran.stderr
    assert ran.elapsed_s < QUICK_S
    if task not in {"read", "worker"}:  # which may break before there is a connection
        assert server.seen.close_code == 1000


BUG_IN_THE_PROTOCOL = """
import sys
from geppetto.cli.main import run
from geppetto.realtime.exchange import Exchange

def broken(self, event):
    raise ZeroDivisionError("a bug in the conversation")

Exchange.done = broken
sys.argv[0] = "geppetto"
run()
"""


async def test_a_bug_in_the_conversation_keeps_the_audio(tmp_path: Path) -> None:
    """A bug in the middle of an answer is 1, and what had arrived is a WAV."""
    async with scripted_server(answers(["Hello."])) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="Hi\n", run=("-c", BUG_IN_THE_PROTOCOL))
    assert ran.status == 1
    assert "ZeroDivisionError: a bug in the conversation" in ran.stderr
    assert server.seen.close_code == 1000
    assert [frames(wav) for wav in wavs(tmp_path)] == [tone()]


# --- 2


@pytest.mark.parametrize(
    ("args", "env", "said"),
    [
        ((), {}, "OPENAI_API_KEY is not set"),
        (("--no-such-flag",), {}, "--no-such-flag"),
        (("--read-timeout", "-1"), {}, "read_timeout is -1"),
        ((), {"GEPPETTO_READ_TIMEOUT": "soon"}, "GEPPETTO_READ_TIMEOUT is 'soon'"),
        (("--url", "http://example.com"), {}, "is not a WebSocket URL"),
        (("--url", "ws://127.0.0.1:9/", "--key-env", "NO_SUCH_KEY"), {}, "NO_SUCH_KEY"),
    ],
)
async def test_wrong_usage_is_2(tmp_path: Path, args: tuple[str, ...], env: dict[str, str], said: str) -> None:
    """A missing key, a bad flag and a bad variable are named before anything is connected or written."""
    ran = await run_program(args, cwd=tmp_path, env=env)
    assert_ended(ran, 2, said=said)
    assert files_below(tmp_path) == []


# --- 3


async def test_answers_that_failed_are_3(tmp_path: Path) -> None:
    """A session that went well but left a question unanswered is 3, and stderr has the server's reason."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        why = {"type": "server_error", "code": "server_error", "message": "The model is asleep."}
        await peer.send(created("resp_1"), done("resp_1", "failed", error=why))
        await peer.expect("response.create")
        await peer.send(*answer("resp_2", "Two.", tone()))
        await peer.client_left()

    async with scripted_server(story) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="a?\nb?\n")
    assert_ended(ran, 3, said="1 question was not answered")
    assert "The model is asleep (server_error)" in ran.stderr
    assert ran.stdout == "Two.\n"
    assert [frames(wav) for wav in wavs(tmp_path)] == [tone()]
    assert server.seen.close_code == 1000


# --- 4


async def test_a_refused_port_is_4(tmp_path: Path) -> None:
    """A port where nobody listens is 4 and says so."""
    async with listening(lambda stream: stream.aclose()) as port:
        pass
    ran = await run_program(to(f"ws://127.0.0.1:{port}/v1/realtime"), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 4, said="cannot be reached (connection refused)")


async def test_an_unknown_name_is_4(tmp_path: Path) -> None:
    """A name that does not resolve is 4 and says so."""
    ran = await run_program(to("ws://nowhere.invalid/v1/realtime"), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 4, said="nowhere.invalid cannot be resolved")


async def test_a_stream_that_ends_in_the_handshake_is_4(tmp_path: Path) -> None:
    """TCP closed in the middle of the opening handshake is 4, at once."""

    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.aclose()

    async with listening(hang_up) as port:
        ran = await run_program(to(f"ws://127.0.0.1:{port}/v1/realtime"), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 4, said="closed the connection during the opening handshake")


async def test_a_handshake_that_never_ends_is_4(tmp_path: Path) -> None:
    """A server that takes the connection and says nothing is 4 when `connect_timeout` is over."""

    async def mute(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            while await stream.receive_some():
                pass

    async with listening(mute) as port:
        url = f"ws://127.0.0.1:{port}/v1/realtime"
        ran = await run_program(to(url, "--connect-timeout", "0.3"), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 4, said="did not finish the opening handshake within 0.3 s")


@pytest.mark.parametrize("garbage", [b"\x00\xff\x00garbage\r\n\r\n", b"220 mail.example.org ESMTP\r\n\r\n"])
async def test_something_else_than_http_is_4(tmp_path: Path, garbage: bytes) -> None:
    """Whatever answers the handshake with something that is not HTTP is 4."""

    async def babble(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            await stream.receive_some()
            await stream.send_all(garbage)
            await stream.receive_some()

    async with listening(babble) as port:
        ran = await run_program(to(f"ws://127.0.0.1:{port}/v1/realtime"), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 4, said="not as a WebSocket server")


async def test_a_certificate_of_nobody_is_4_and_the_key_is_not_sent(tmp_path: Path) -> None:
    """A certificate that cannot be verified is 4 with its reason, and the server sees no request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with scripted_server(silent, tls=context) as server:
        args = to(server.url, "--key-env", "SOME_KEY")
        ran = await run_program(args, cwd=tmp_path, stdin="Hi\n", env={"SOME_KEY": "sk-somewhat-secret"})
    assert_ended(ran, 4, said="showed a certificate that cannot be verified")
    assert [seen.headers for seen in server.connections] == [[]] * len(server.connections)


async def test_a_trusted_certificate_is_fine(tmp_path: Path) -> None:
    """SSL_CERT_FILE names an authority to trust, and the chat goes over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA()
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with scripted_server(answers(["Safely."]), tls=context) as server:
        env = {"SSL_CERT_FILE": str(tmp_path / "ca.pem"), "SOME_KEY": "sk-somewhat-secret"}
        ran = await run_program(to(server.url, "--key-env", "SOME_KEY"), cwd=tmp_path, stdin="Hi\n", env=env)
    assert_ended(ran, 0)
    assert ran.stdout == "Safely.\n"
    assert server.seen.header("Authorization") == "Bearer sk-somewhat-secret"
    assert server.seen.close_code == 1000


async def test_a_server_without_tls_is_4(tmp_path: Path) -> None:
    """A wss address whose port speaks plain HTTP is 4 and says what to try."""

    async def plain(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with listening(plain) as port:
        ran = await run_program(to(f"wss://localhost:{port}/v1/realtime"), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 4, said="does not speak TLS")


# --- 5


@pytest.mark.parametrize(
    ("code", "said"),
    [(401, "refused the key"), (403, "refused the key"), (404, "no Realtime server is there")],
)
async def test_an_http_refusal_is_5(tmp_path: Path, code: int, said: str) -> None:
    """HTTP 401, 403 and 404 are final at the first try, and the body is shown."""
    async with scripted_server(silent, reject=(code, b'{"error": "no \x1b[31m entry"}')) as server:
        ran = await run_program(["--url", server.url], cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 5, said=said)
    assert r'{"error": "no \x1b[31m entry"}' in ran.stderr
    assert len(server.connections) == 1


async def test_an_error_and_close_3000_is_5(tmp_path: Path) -> None:
    """A key that is refused after the handshake, as GA does it, is 5 with the server's words."""

    async def story(peer: Peer) -> None:
        await peer.send(error("invalid_api_key", "Incorrect API key provided."))
        await peer.close(3000, "invalid_request_error.invalid_api_key")

    async with scripted_server(story) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 5, said="Incorrect API key provided (invalid_api_key). Check the key.")


async def test_a_close_3000_alone_is_5(tmp_path: Path) -> None:
    """The close reason is enough to know why."""

    async def story(peer: Peer) -> None:
        await peer.close(3000, "invalid_request_error.model_not_found")

    async with scripted_server(story) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 5, said="Name another one with `--model`.")


async def test_insufficient_quota_is_5(tmp_path: Path) -> None:
    """An account without quota is 5, though it comes inside of an answer, and the server sees Close 1000."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        why = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "You exceeded your quota."}
        await peer.send(created("resp_1"), done("resp_1", "failed", error=why))
        await peer.client_left()

    async with scripted_server(story) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="Hi\nAnd again\n")
    assert_ended(ran, 5, said="You exceeded your quota (insufficient_quota)")
    assert server.seen.close_code == 1000


async def test_refused_settings_are_5(tmp_path: Path) -> None:
    """Settings that the server refuses end the session with the name of the setting."""

    async def story(peer: Peer) -> None:
        await peer.send({"type": "session.created", "session": {"id": "sess_1"}})
        update = await peer.expect("session.update")
        refusal = error("invalid_value", "Invalid value: 'hal'.", event_id=update["event_id"])
        refusal["error"]["param"] = "session.audio.output.voice"
        await peer.send(refusal)
        await peer.client_left()

    async with scripted_server(story) as server:
        ran = await run_program(to(server.url, "--voice", "hal"), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 5, said="session.audio.output.voice")
    assert server.seen.close_code == 1000


# --- 6


async def half_an_answer(peer: Peer) -> None:
    """Open the session and begin an answer."""
    await peer.greet()
    await peer.expect("response.create")
    await peer.send(created("resp_1"), audio("resp_1", tone()), words("resp_1", "Half of"))


async def test_a_dropped_connection_is_6(tmp_path: Path) -> None:
    """TCP that ends without a Close frame is 6, and the audio so far is kept as partial."""

    async def story(peer: Peer) -> None:
        await half_an_answer(peer)
        await peer.drop()

    async with scripted_server(story) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 6, said="The connection was lost (1006, no close frame)")
    assert ran.stdout == "Half of\n"
    (wav,) = wavs(tmp_path)
    assert wav.name.endswith("_partial.wav")
    assert frames(wav) == tone()


@pytest.mark.parametrize("code", [1000, 1001, 1011])
async def test_a_close_of_the_server_is_6(tmp_path: Path, code: int) -> None:
    """A Close that the server begins is 6 with code and reason, and is answered in kind."""

    async def story(peer: Peer) -> None:
        await half_an_answer(peer)
        await peer.close(code, "keepalive ping timeout")
        await peer.client_left()

    async with scripted_server(story) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 6, said=f"The server closed the connection ({code}, keepalive ping timeout)")
    assert [frames(wav) for wav in wavs(tmp_path)] == [tone()]
    assert server.seen.close_code == code


async def test_a_server_that_keeps_tcp_open_after_its_close_is_6(tmp_path: Path) -> None:
    """A server that sends Close and then does nothing cannot hold us."""

    async def story(peer: Peer) -> None:
        await half_an_answer(peer)
        await peer.close(1011)
        await trio.sleep_forever()

    async with scripted_server(story, answers_close=False) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 6, said="(1011)")


async def test_a_server_that_never_answers_our_close_cannot_hold_us(tmp_path: Path) -> None:
    """A Close that is never answered costs a bounded time, and the status stays what it was."""
    async with scripted_server(answers(["Yes."]), answers_close=False) as server:
        ran = await run_program(to(server.url, "--shutdown-timeout", "1"), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 0)
    assert server.seen.close_code == 1000


async def test_a_lost_pong_is_6(tmp_path: Path) -> None:
    """A ping that is never answered is 6, and the server gets its Close all the same."""
    async with scripted_server(half_an_answer, pongs=False) as server:
        args = to(server.url, "--ping-interval", "0.1", "--pong-timeout", "0.3")
        ran = await run_program(args, cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 6, said="The server answered no ping for 0.3 s")
    assert server.seen.close_code == 1000
    assert [frames(wav) for wav in wavs(tmp_path)] == [tone()]


async def test_an_answer_that_stalls_is_6(tmp_path: Path) -> None:
    """A server that answers pings but says nothing more is 6 after `read_timeout`."""
    async with scripted_server(half_an_answer) as server:
        args = to(server.url, "--read-timeout", "0.4", "--ping-interval", "0.1")
        ran = await run_program(args, cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 6, said="The answer did not come for 0.4 s")
    assert server.seen.close_code == 1000
    assert [frames(wav) for wav in wavs(tmp_path)] == [tone()]


async def test_a_session_that_never_opens_is_6(tmp_path: Path) -> None:
    """A server that never says `session.created` is not waited for longer than `connect_timeout`."""

    async def story(peer: Peer) -> None:
        await peer.client_left()

    async with scripted_server(story) as server:
        ran = await run_program(to(server.url, "--connect-timeout", "0.4"), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 6, said="The opening of the session did not come for 0.4 s")
    assert server.seen.close_code == 1000


# --- 7


@pytest.mark.parametrize("name", ["audio_output", "logs"])
async def test_a_file_in_place_of_a_directory_is_7(tmp_path: Path, name: str) -> None:
    """Where the output cannot go, the sentence names the place."""
    (tmp_path / name).write_text("in the way")
    async with scripted_server(answers(["Hello."])) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="Hi\n")
    assert_ended(ran, 7, said=f"{name} is not a directory")
    assert server.connections == []  # nothing was asked, and paid for


async def test_a_full_disk_is_7(tmp_path: Path) -> None:
    """A WAV that cannot grow ends the session with 7; what did go in is a valid file."""
    pcm = tone(60_000)

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "Much to say.", pcm, pieces=30))
        await peer.client_left()

    async with scripted_server(story) as server:
        # 64 blocks of 1,024 bytes in bash, of 512 in dash.
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="Hi\n", shell='ulimit -f 64; exec "$@"')
    assert_ended(ran, 7, said="cannot be written (File too large)")
    assert server.seen.close_code == 1000
    kept = frames(unfinished_wav(tmp_path))
    assert len(kept) > 16_000
    assert pcm.startswith(kept)


async def test_a_device_without_room_for_stdout_is_7(tmp_path: Path) -> None:
    """An answer that cannot be written to stdout is 7."""
    async with scripted_server(answers(["Hello."])) as server:
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="Hi\n", shell='exec "$@" >/dev/full')
    assert_ended(ran, 7, said="The answer cannot be written to stdout (No space left on device)")
    assert server.seen.close_code == 1000


# --- 129, 130, 141, 143


@pytest.mark.parametrize(("number", "status"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_in_the_middle_of_the_audio(tmp_path: Path, number: signal.Signals, status: int) -> None:
    """A signal ends with 128 + its number, keeps the audio so far, and closes with 1000."""
    async with (
        scripted_server(half_an_answer) as server,
        open_program(to(server.url), cwd=tmp_path) as program,
    ):
        await program.type("Hi\n")
        await program.wrote("Half of")
        program.signal(number)
        ran = await program.left()
    assert_ended(ran, status)
    assert server.seen.close_code == 1000
    (wav,) = wavs(tmp_path)
    assert wav.name.endswith("_partial.wav")
    assert frames(wav) == tone()


async def test_control_c_at_the_terminal_is_130(tmp_path: Path) -> None:
    """Ctrl+C as a person presses it: the first cancels the answer, then there is a hint, and then it leaves."""
    async with (
        scripted_server(half_an_answer) as server,
        open_program(to(server.url), cwd=tmp_path, terminal=True) as program,
    ):
        await program.wrote("You: ")
        await program.type("Hi\n")
        await program.wrote("Half of")
        await program.type("\x03")
        while "response.cancel" not in server.seen.types:  # noqa: ASYNC110  # no event tells it
            await trio.sleep(0.01)
        await program.type("\x03")
        await program.wrote("Ctrl+C again or Ctrl+D leaves")
        await program.type("\x03")
        ran = await program.left()
    assert ran.status == 130
    assert "Traceback" not in ran.stdout
    assert server.seen.close_code == 1000


async def test_control_c_while_connecting_is_130(tmp_path: Path) -> None:
    """A server that takes the connection and says nothing does not delay Ctrl+C."""
    connected = trio.Event()

    async def mute(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        connected.set()
        await trio.sleep_forever()

    async with (
        listening(mute) as port,
        open_program(to(f"ws://127.0.0.1:{port}/v1/realtime"), cwd=tmp_path) as program,
    ):
        await connected.wait()
        program.signal(signal.SIGINT)
        ran = await program.left()
    assert_ended(ran, 130, said="Interrupted.")


async def test_a_second_control_c_ends_at_once(tmp_path: Path) -> None:
    """Who presses Ctrl+C twice does not wait for a server that never answers the Close."""
    async with scripted_server(half_an_answer, answers_close=False) as server:
        args = to(server.url, "--shutdown-timeout", "3600")
        async with open_program(args, cwd=tmp_path) as program:
            await program.type("Hi\n")
            await program.wrote("Half of")
            program.signal(signal.SIGINT)
            await server.seen.over.wait()
            program.signal(signal.SIGINT)
            ran = await program.left()
    assert ran.status == 130
    assert ran.elapsed_s < QUICK_S


async def test_a_reader_of_stdout_that_goes_away_is_141(tmp_path: Path) -> None:
    """`geppetto | head -1` ends quietly when head has its line."""
    async with scripted_server(answers(["One.", *["Two."] * 200])) as server:  # head takes a moment to go
        shell = '{ "$@"; echo "status $?" >&2; } | head -1'
        ran = await run_program(to(server.url), cwd=tmp_path, stdin="a?\n" * 201, shell=shell)
    assert ran.stdout == "One.\n"
    assert "status 141" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.elapsed_s < QUICK_S
    assert server.seen.close_code == 1000
