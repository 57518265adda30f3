"""What the pipeline asks of a language model. Knows no model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Message:
    """One message of a chat."""

    role: Role
    content: str


@dataclass(frozen=True)
class Prompt:
    """Messages, the first `static` of which are the same for every question of a language (their state is kept warm)."""

    messages: tuple[Message, ...]
    static: int = 0
    prefill: str = ""
    """How the answer begins: already shown, so the model only goes on from it. Servers that cannot do so ignore it."""
    expected: tuple[str, ...] = ()
    """Sentences that the completion will probably say, in this order: guessed ahead where a model can verify a guess."""
    patient: bool = False
    """Waits however long the line is; others raise ModelBusyError where the wait would be too long."""


@dataclass(frozen=True)
class Place:
    """How far a prompt is from its completion."""

    ahead: int
    """Prompts that come before it; 0: it is being worked on."""
    seconds: float
    """Until its completion is whole, at the measured pace; 0: not known."""


@dataclass(frozen=True)
class Piece:
    """A piece of the completion. The last one has the counts and may have no text; before the first one, `place` may be told."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    place: Place | None = None
    reused_tokens: int = 0
    """Prompt tokens that a kept state spared."""
    began: float = 0.0
    """When the prompt's first token was computed (`time.monotonic()`); 0: not known."""


class Generator(Protocol):
    """A language model that words an answer."""

    @property
    def name(self) -> str:
        """How the model is called in answers and reports."""
        ...

    @property
    def ready(self) -> bool:
        """True when a prompt can be given now."""
        ...

    def stream(self, prompt: Prompt, max_tokens: int, stopped: Callable[[], bool]) -> Iterator[Piece]:
        """Streams the completion at temperature 0.

        Args:
            max_tokens: longest completion.
            stopped: asked several times a second; True ends the stream within one token or one slice of the prompt.

        Raises:
            ModelBusyError: too many are waiting.
            ModelAwayError: the model is not running or died.
            ModelError: the prompt does not fit.
        """
        ...

    def close(self) -> None:
        """Ends whatever was started."""
        ...
