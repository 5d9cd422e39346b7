"""What the person does at the prompt."""

from __future__ import annotations

import attrs


@attrs.frozen
class Line:
    """Something was typed or pasted, of one line or many, and sent."""

    text: str
    at_once: bool = False
    """Whether it is to interrupt the answer that comes."""


@attrs.frozen
class Interrupt:
    """Ctrl+C, where there was nothing to clear."""

    edited: bool
    """Whether something was typed since the last one."""


@attrs.frozen
class Leave:
    """Ctrl+D at the empty prompt."""


@attrs.frozen
class Gone:
    """The prompt ended."""

    error: BaseException | None = None
    """None when it was closed."""


Wish = Line | Interrupt | Leave
"""What the person wants of the conversation."""
Typed = Wish | Gone
