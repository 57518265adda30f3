"""From tips and conversation to messages inside a token budget, with the templates of prompts/.

A template is one file a job and language: `=== role` lines separate messages, `$name` placeholders stand only in the last one,
so that everything before it is the same for every question. Braces or `$` in inserted text are inert. It knows no model.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import cast

from bot.errors import KnowledgeError
from bot.knowledge.files import read_text
from bot.llm.protocol import Message, Prompt, Role
from bot.tokens import Count
from bot.types import Turn

PLACEHOLDERS = {"question", "steps"}
_ROLE = re.compile(r"^=== (system|user|assistant)\n", re.MULTILINE)
_SPECIAL = re.compile(r"<\|.*?\|>|<\|?|\|?>")


@dataclass(frozen=True)
class Advice:
    """A vetted sentence for the prompt and the number of the tip it comes from."""

    n: int
    text: str


@dataclass(frozen=True)
class PromptTemplate:
    """One file: constant messages and the last one with its placeholders."""

    static: tuple[Message, ...]
    last: Template

    @classmethod
    def load(cls, path: Path) -> PromptTemplate:
        """Reads a template.

        Raises:
            KnowledgeError: no message, a last message that is not the user's, or placeholders other than PLACEHOLDERS.
        """
        parts = _ROLE.split(read_text(path))
        messages = [Message(cast(Role, role), body.strip()) for role, body in zip(parts[1::2], parts[2::2], strict=True)]
        if not messages or messages[-1].role != "user":
            raise KnowledgeError(f"{path} must end with a message under '=== user'. Compare it with another language's.")
        last = Template(messages[-1].content)
        found = set(last.get_identifiers())
        stray = [name for message in messages[:-1] for name in Template(message.content).get_identifiers()]
        if found != PLACEHOLDERS or stray:
            raise KnowledgeError(
                f"{path}: placeholders {sorted(found) + stray} found; exactly {sorted(PLACEHOLDERS)} belong into the last message."
            )
        return cls(tuple(messages[:-1]), last)


class Prompts:
    """The templates of all languages; a language in which the model may write freely gets the free one."""

    def __init__(self, templates: Mapping[str, PromptTemplate]) -> None:
        self._templates = templates

    @classmethod
    def load(cls, folder: Path, languages: Sequence[str], free: Collection[str] = ()) -> Prompts:
        """Reads `folder/answer/<language>.txt`, or `folder/free/<language>.txt` for the languages in `free`."""
        jobs = {code: "free" if code in free else "answer" for code in languages}
        return cls({code: PromptTemplate.load(folder / job / f"{code}.txt") for code, job in jobs.items()})

    def warm(self) -> list[Prompt]:
        """The constant beginning of every language's prompt."""
        return [Prompt(template.static, len(template.static)) for template in self._templates.values()]

    def answer(
        self,
        language: str,
        question: str,
        history: Sequence[Turn],
        opening: str,
        advice: Sequence[Advice],
        count: Count,
        budget: int,
    ) -> Prompt:
        """The prompt for a worded answer.

        Args:
            history: earlier turns, oldest first; as many whole questions of it are named as fit the budget, newest first.
            opening: the vetted first sentence; the answer goes on from it.
            count: counts tokens.
            budget: tokens that the questions may take together.
        """
        template = self._templates[language]
        asked = within_budget(inert(question), [inert(turn.question) for turn in history], count, budget)
        steps = "\n".join(f"- {marked(piece.text, piece.n)}" for piece in advice)
        last = template.last.substitute(question=asked, steps=steps)
        return Prompt((*template.static, Message("user", last)), len(template.static), prefill=opening)


def inert(text: str) -> str:
    """Text that a chat template cannot take for its own marks, on one line."""
    return " ".join(_SPECIAL.sub(" ", text).split())


def marked(sentence: str, n: int) -> str:
    """The sentence with its marker before the full stop: «… [1].»"""
    body = sentence.rstrip()
    return f"{body[:-1]} [{n}]{body[-1]}" if body.endswith((".", "!", "?")) else f"{body} [{n}]"


def within_budget(question: str, earlier: Sequence[str], count: Count, budget: int) -> str:
    """The question, preceded by as many whole earlier ones as fit; a question that is too long by itself is cut at a word."""
    if count(question) > budget:
        kept = question.split()
        while kept and count(" ".join(kept)) > budget:
            kept = kept[: int(len(kept) * 0.9)]
        return " ".join(kept)
    asked = question
    for previous in reversed(earlier):
        longer = f"{previous} – {asked}"
        if count(longer) > budget:
            break
        asked = longer
    return asked
