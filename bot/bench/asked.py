"""The questions that are asked while measuring, and a language model that notes when it was asked and what. Knows no figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from bot.assemble import Parts
from bot.coach import Coach
from bot.evaluate.sets import load_items
from bot.llm.local import LocalModel
from bot.llm.protocol import Piece, Prompt
from bot.types import Question, Route

ENOUGH = 10
"""Questions of a language, and follow-ups."""
_SET = "fresh"


@dataclass(frozen=True)
class Questions:
    """First questions by language, and follow-ups; all of them coaching questions."""

    first: Mapping[str, Sequence[Question]]
    follow_ups: Sequence[Question]

    def taken(self, each: int) -> list[Question]:
        """So many of every language, the languages in turns."""
        return [own[n % len(own)] for n in range(each) for own in self.first.values()]

    @classmethod
    def load(cls, parts: Parts, coach: Coach) -> Questions:
        """Those of the exam that nobody tuned for; a language that has none there asks the examples of its page."""

        def coaching(questions: Iterable[Question]) -> list[Question]:
            return list(islice((question for question in questions if coach.retrieve_only(question).route is Route.COACH), ENOUGH))

        items = load_items(_SET, parts.settings.data / "eval")
        first = {}
        for code in parts.languages.codes:
            own = [item.question for item in items if item.lang == code and item.kind == "coaching"]
            own += [Question(text, language=code) for text in parts.interfaces[code].questions]
            first[code] = coaching(own)
        return cls(first, coaching(item.question for item in items if item.kind == "followup"))


@dataclass
class Noted:
    """One completion: times of `time.monotonic()`, and the counts."""

    prompt: Prompt
    asked: float
    began: float = 0.0
    """When the model computed the prompt's first token."""
    first: float = 0.0
    end: float = 0.0
    prompt_tokens: int = 0
    reused_tokens: int = 0
    completion_tokens: int = 0

    @property
    def new_tokens(self) -> int:
        """Prompt tokens that had to be computed."""
        return self.prompt_tokens - self.reused_tokens

    @property
    def decode_ms(self) -> float:
        """Milliseconds a token after the first."""
        return (self.end - self.first) * 1000 / max(1, self.completion_tokens - 1)


@dataclass
class NotingModel:
    """The local model, every completion noted."""

    model: LocalModel
    noted: list[Noted] = field(default_factory=list)

    @property
    def name(self) -> str:
        """See `Generator.name`."""
        return self.model.name

    @property
    def ready(self) -> bool:
        """See `Generator.ready`."""
        return self.model.ready

    def stream(self, prompt: Prompt, max_tokens: int, stopped: Callable[[], bool]) -> Iterator[Piece]:
        """See `Generator.stream`."""
        note = Noted(prompt, time.monotonic())
        for piece in self.model.stream(prompt, max_tokens, stopped):
            now = time.monotonic()
            note.first = note.first or (now if piece.text else 0.0)
            if piece.text:
                note.end = now
            if piece.prompt_tokens:
                note.began, note.prompt_tokens = piece.began, piece.prompt_tokens
                note.reused_tokens, note.completion_tokens = piece.reused_tokens, piece.completion_tokens
                self.noted.append(note)
            yield piece

    def say(self, prompt: Prompt, max_tokens: int) -> Noted:
        """One whole completion, as it was noted."""
        for _ in self.stream(prompt, max_tokens, lambda: False):
            pass
        return self.noted[-1]

    def close(self) -> None:
        """See `Generator.close`."""
        self.model.close()
