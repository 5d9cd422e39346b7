"""
Whole sessions with random faults, and a few that show that the checks see what they are there for.

`GEPPETTO_CHAOS_RUNS=1000 pytest -s tests/chaos` makes more of them, `GEPPETTO_SEED` repeats them; `nox -s chaos` is
for thousands.
"""

from __future__ import annotations

import os
import random
import sys
from typing import TYPE_CHECKING

import msgspec

import geppetto.chat_tasks
from geppetto.asking import Asker
from geppetto.realtime.happenings import ReplyAudio
from geppetto.records.recorder import Recorder
from geppetto.redaction import Redactor
from geppetto.session import Session
from tests.chaos.figures import Figures, described, run_alone
from tests.chaos.user import User

if TYPE_CHECKING:
    import pytest

    from geppetto.chat import Chat
    from geppetto.records.recorder import ToFiles
    from tests.chaos.user import Asked

RUNS = int(os.environ.get("GEPPETTO_CHAOS_RUNS", "40"))
SEED = int(os.environ.get("GEPPETTO_SEED") or random.SystemRandom().randrange(1_000_000_000))


def test_sessions_with_random_faults(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever breaks, what was heard is in the files, each question has its end, and the key is nowhere."""
    figures = Figures()
    for seed in range(SEED, SEED + RUNS):
        figures.add(run_alone(seed))
    if "GEPPETTO_CHAOS_RUNS" in os.environ:
        with capsys.disabled():
            sys.stdout.write(f"\nGEPPETTO_SEED={SEED}\n{figures.summary}\n")
    assert figures.failed == [], "\n".join(map(described, figures.failed))


def is_seen(what: str) -> bool:
    """Whether one of the first hundred sessions is found to have *what*."""
    return any(what in sentence for seed in range(100) for sentence in run_alone(seed).wrong)


def test_a_lost_byte_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that forgets the last byte of each piece is found out."""

    class Forgetful(Recorder):
        def put(self, happening: ToFiles) -> None:
            if isinstance(happening, ReplyAudio):
                happening = msgspec.structs.replace(happening, pcm=happening.pcm[:-1])
            super().put(happening)

    monkeypatch.setattr(geppetto.chat_tasks, "Recorder", Forgetful)
    monkeypatch.setattr("tests.chaos.chaos.Recorder", Forgetful)
    assert is_seen("files differ")


def test_an_end_that_is_not_told_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of an answer whose end was never told are found unfinished."""
    monkeypatch.setattr(Session, "cut_off", lambda self: ())
    assert is_seen("unfinished files")


def test_a_key_that_is_kept_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the redaction the key stands in files."""
    monkeypatch.setattr(Redactor, "of", classmethod(lambda cls, secrets: cls()))
    assert is_seen("the key is in")


def test_a_question_that_is_forgotten_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question without an answer, in a chat that says that all went well, is found out."""

    async def forget(self: User, chat: Chat, asked: Asked) -> None:
        self.asked.append(asked)

    monkeypatch.setattr(User, "_ask", forget)
    assert is_seen("vanished")


def test_a_bug_is_told_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that is no expected end does not stop the other runs; it is what is wrong with its own."""

    def ask(self: Asker, *args: object) -> None:
        msg = "a bug"
        raise ZeroDivisionError(msg)

    monkeypatch.setattr(Asker, "ask", ask)
    result = next(result for result in map(run_alone, range(100)) if result.wrong)
    assert "ZeroDivisionError: a bug" in described(result)
    assert f"--seed {result.seed} --runs 1" in described(result)
