"""
Keeps the answers of a chat as they come. The chat never waits long for it, and never ends because of it.

    keeping = Keeping(database_path(os.environ), About(model=..., host=...), redactor=config.redactor, warn=say)
    open_chat(config, hooks=Hooks(commit=keeping.commit), history=...)
    ...
    keeping.close()
"""

from __future__ import annotations

from collections import OrderedDict, deque
from threading import Lock
from typing import TYPE_CHECKING, Final

from geppetto.errors import OutputFailed
from geppetto.redaction import Redactor
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from geppetto.answer import Answer
    from geppetto.memory.kept import About
    from geppetto.memory.store import Memory

TIMEOUT_S: Final = 0.5
"""How long an answer waits for other processes: its files get their names behind it."""
MAX_WAITING: Final = 1000
"""Answers that wait for a database which cannot be written; of more, the oldest are lost."""
_MAX_UNHEARD: Final = 64
"""Transcripts come within seconds, or never."""


class Keeping:
    """
    Writes answers down; those that cannot be written wait for the next one.

    Every call blocks: run it in a thread. None raises. A conversation without answers leaves no trace.
    """

    def __init__(
        self,
        path: Path,
        about: About,
        *,
        warn: Callable[[str], None],
        redactor: Redactor | None = None,
        conversation_id: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """
        Keep answers at *path*, which is opened by the first one.

        Args:
            path: of the database.
            about: with whom the conversation is held, for a new one.
            warn: told in one sentence, in the thread of the call and once, that answers are not kept, and each
                time that a damaged file is moved aside.
            redactor: what it takes for a key is not written.
            conversation_id: goes on with this conversation; None begins one.
            timeout_s: how long a call waits for other processes.
        """
        self.conversation_id = conversation_id
        """None until the first answer of a new conversation is kept."""
        self._path = path
        self._about = about
        self._warn = warn
        self._redactor = redactor or Redactor()
        self._timeout_s = timeout_s
        self._memory: Memory | None = None
        self._waiting: deque[Answer] = deque(maxlen=MAX_WAITING)
        self._unheard: OrderedDict[int, int] = OrderedDict()
        """The numbers of spoken questions without a transcript, by their index in the session."""
        self._warned = False
        self._lock = Lock()

    @property
    def n_waiting(self) -> int:
        """How many answers are not written yet."""
        return len(self._waiting)

    def commit(self, answer: Answer) -> None:
        """Keep *answer*: what `Hooks.answered` wants."""
        with self._lock:
            self._waiting.append(answer)
            self._write()

    def heard(self, index: int, text: str) -> None:
        """Keep *text* as what was said in the spoken question *index*, whose answer was kept before."""
        with self._lock:
            number = self._unheard.pop(index, None)
            if number is None or not text:
                return  # the answer that comes has it
            self._try(lambda: self._opened().hear(number, text))

    def continue_with(self, conversation_id: str | None, about: About | None = None) -> None:
        """From now on, keep answers in another conversation: None begins a new one."""
        with self._lock:
            self._write()
            self._unheard.clear()
            self._waiting.clear()  # they belong to the other one, which cannot be written
            self.conversation_id = conversation_id
            self._about = about or self._about

    def close(self) -> None:
        """Try once more with what waits, and close the database."""
        with self._lock:
            if self._waiting:
                self._write()
            if self._memory is not None:
                self._memory.close()
                self._memory = None

    def _write(self) -> None:
        self._try(self._write_all)

    def _try(self, write: Callable[[], None]) -> None:
        from geppetto.memory.trouble import Damaged  # here, not above: peewee takes its time to load

        try:
            try:
                write()
            except Damaged:
                self._start_over()
                self._write_all()
        except OutputFailed as error:
            if not self._warned:
                self._warned = True
                self._warn(self._redactor.clean(f"This conversation is not kept. {error}"))

    def _write_all(self) -> None:
        from geppetto.memory.trouble import Gone

        while self._waiting:
            memory = self._opened()
            if self.conversation_id is None:
                self.conversation_id = memory.begin(self._about)
            first = self._waiting[0]
            try:
                number = memory.note(self.conversation_id, first)
            except Gone:  # deleted while it was going on; what comes now is a new one
                self.conversation_id = None
                continue
            self._waiting.popleft()
            if first.spoken and not first.heard and number is not None:
                self._unheard[first.index] = number
                while len(self._unheard) > _MAX_UNHEARD:
                    self._unheard.popitem(last=False)

    def _opened(self) -> Memory:
        if self._memory is None:
            from geppetto.memory.store import Memory

            self._memory = Memory.open(self._path, redactor=self._redactor, timeout_s=self._timeout_s)
            self._tell_moved(self._memory.moved)
        return self._memory

    def _start_over(self) -> None:
        """Move the damaged file aside; what comes now goes to a new one."""
        memory, self._memory = self._memory, None
        if memory is not None:
            self._tell_moved(memory.move_damaged())

    def _tell_moved(self, moved: Path | None) -> None:
        if moved is not None:
            sentence = f"The kept conversations were damaged. A new file is begun; the old one is {moved}."
            self._warn(self._redactor.clean(escape_line(sentence)))


class NoMemory:
    """Keeps nothing: what `--no-memory` takes in place of `Keeping`."""

    conversation_id: None = None
    n_waiting: int = 0

    def commit(self, answer: Answer) -> None:
        """Forget *answer*."""

    def heard(self, index: int, text: str) -> None:
        """Forget *text*."""

    def continue_with(self, conversation_id: str | None, about: About | None = None) -> None:
        """Go on keeping nothing."""

    def close(self) -> None:
        """Do nothing."""
