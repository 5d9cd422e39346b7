"""The commands of the prompt: their names, their help, and what to say about one that is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

Argument = Literal["", "file", "voice", "model", "modality", "setting", "text"]


@attrs.frozen(kw_only=True)
class Command:
    """One row of the table."""

    name: str
    help: str
    argument: Argument = ""
    """What it takes, for who completes it."""
    shown: str = ""
    """The argument in the help."""

    @property
    def usage(self) -> str:
        """`/save FILE`."""
        return f"/{self.name} {self.shown}".rstrip()


COMMANDS: Final = (
    Command(name="help", help="Show this list."),
    Command(name="status", help="Show how the session stands: connection, age, round trip, cost, what waits."),
    Command(name="retry", help="Ask the last question again."),
    Command(name="now", argument="text", shown="QUESTION", help="Interrupt the answer that comes, and ask."),
    Command(name="cancel", help="Cancel the answer that comes; what has come of it is kept."),
    Command(name="multi", help="Make one question of the lines that follow, up to a line with a single dot."),
    Command(name="edit", help="Write in your editor ($VISUAL or $EDITOR)."),
    Command(name="search", argument="text", shown="WORDS", help="Find what you asked before, in any chat."),
    Command(name="audio", argument="file", shown="FILE", help="Ask the spoken question in a file."),
    Command(name="image", argument="file", shown="FILE", help="Show a picture with the next question (GA dialect)."),
    Command(name="file", argument="file", shown="FILE", help="Put the text of a file in front of the next question."),
    Command(name="say", argument="text", shown="TEXT", help="Let the voice say a text, beside the conversation."),
    Command(name="voice", argument="voice", shown="NAME", help="Speak with another voice."),
    Command(name="model", argument="model", shown="NAME", help="Talk with another model."),
    Command(name="instructions", argument="text", shown="TEXT", help="Tell the model how to behave."),
    Command(name="modality", argument="modality", shown="text|audio", help="Answer with text alone, or speak."),
    Command(name="speed", argument="text", shown="N", help="Speak slower or faster, 0.25 to 1.5."),
    Command(name="temperature", argument="text", shown="N", help="Answer more or less alike (beta dialect)."),
    Command(name="set", argument="setting", shown="KEY VALUE", help="Change any of these and some more settings."),
    Command(name="info", help="Show the settings and the files of this session."),
    Command(name="stats", help="Show what was said and how fast."),
    Command(name="cost", help="Show tokens and money so far."),
    Command(name="history", help="Show the conversation."),
    Command(
        name="save",
        argument="file",
        shown="FILE",
        help="Save the conversation: .md, .json or .html; never over a file.",
    ),
    Command(name="open", help="Play the last answer in the system's player."),
    Command(name="quit", help="Leave; so do /exit, .quit, .exit and Ctrl+D."),
)
PROMPT_KEYS: Final = (
    ("Enter", "sends; during an answer the question waits for its end"),
    ("Alt+Enter", "breaks the line (as Esc Enter does, but in vi mode); during an answer interrupts it and asks"),
    ("Ctrl+C", "cancels the answer, or clears the line; twice at the empty prompt leaves"),
    ("Ctrl+R, arrows", "find what was typed before; Tab completes; Ctrl+O opens the editor"),
    ("a space first", "makes a question of what begins with a slash"),
)
PLAIN_KEYS: Final = (
    ("Enter", "sends; each line is a question, also of a paste: /multi makes one of many"),
    ("Ctrl+C", "cancels the answer; when none comes, twice leaves"),
    ("Ctrl+D", "leaves; ends the question of /multi"),
    ("a space first", "makes a question of what begins with a slash"),
)
_NAMES: Final = {command.name: command for command in COMMANDS}


def find(name: str) -> Command | None:
    """Return the command *name*, without its slash; None when there is none."""
    return _NAMES.get(name)


def unknown(name: str) -> str:
    """Return the sentence about *name*, which is no command, with the one that may be meant."""
    import difflib  # 1 ms, and commands are seldom mistyped

    near = difflib.get_close_matches(name, _NAMES, n=1)
    return f"there is no /{name}. " + (f"/{near[0]} is near." if near else "/help lists the commands.")


def help_text(keys: Sequence[tuple[str, str]] = PROMPT_KEYS) -> str:
    """Return the list of commands and *keys*."""
    rows = [(command.usage, command.help) for command in COMMANDS]
    wide = max(len(left) for left, _ in (*rows, *keys)) + 2
    return "\n".join(f"  {left:<{wide}}{right}" for left, right in (*rows, ("", ""), *keys)).rstrip()
