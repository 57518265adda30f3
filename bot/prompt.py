"""From tips and conversation to messages inside a token budget, with the templates of prompts/.

A template is one file a job, its words are one file a language: `=== role` lines separate messages; what a question fills in
stands only in the last one, so that everything before it is the same for every question. Braces or `$` in inserted text are
inert. It knows no model.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import cast

from bot.errors import KnowledgeError
from bot.knowledge.files import FileModel, parse, parse_yaml, read_text
from bot.llm.protocol import Message, Prompt, Role
from bot.tokens import Count
from bot.types import Turn

PLACEHOLDERS = {"question", "steps"}
"""What every question fills in, in the last message."""
_ROLE = re.compile(r"^=== (system|user|assistant)\n", re.MULTILINE)
_SPECIAL = re.compile(r"<\|.*?\|>|<\|?|\|?>")


class ExampleFile(FileModel):
    """A worked example: what was asked, the advice with its numbers, and the answer."""

    question: str
    steps: tuple[str, ...]
    answer: str


class PromptFile(FileModel):
    """`data/languages/<code>/prompt.yaml`: the words of the templates in one language."""

    answer: str
    """What the model is told to do with the advice: say it again in a good order."""
    free: str
    """What a model that may write freely is told."""
    question: str
    """The word «Question»."""
    advice: str
    """The word «Advice»."""
    example: ExampleFile

    def words(self) -> dict[str, str]:
        """By the name that a template gives them."""
        return {
            "answer": self.answer,
            "free": self.free,
            "question_word": self.question,
            "advice_word": self.advice,
            "example_question": self.example.question,
            "example_steps": "\n".join(f"- {step}" for step in self.example.steps),
            "example_answer": self.example.answer,
        }


@dataclass(frozen=True)
class Advice:
    """A vetted sentence for the prompt and the number of the tip it comes from."""

    n: int
    text: str


@dataclass(frozen=True)
class PromptTemplate:
    """A template in one language: constant messages and the last one with its placeholders."""

    static: tuple[Message, ...]
    last: Template

    @classmethod
    def load(cls, path: Path, words: Mapping[str, str]) -> PromptTemplate:
        """Reads `prompts/<job>.txt` and puts the words of a language in.

        Raises:
            KnowledgeError: no message, a last message that is not the user's, or placeholders other than the words and PLACEHOLDERS.
        """
        parts = _ROLE.split(read_text(path))
        messages = [(cast(Role, role), Template(body.strip())) for role, body in zip(parts[1::2], parts[2::2], strict=True)]
        if not messages or messages[-1][0] != "user":
            raise KnowledgeError(f"{path} must end with a message under '=== user'. Restore it from the repository.")
        *static, (_, last) = messages
        stray = {name for _, body in static for name in body.get_identifiers()} - words.keys()
        found = set(last.get_identifiers()) - words.keys()
        if stray or found != PLACEHOLDERS:
            wanted = f"{sorted(words)}, and {sorted(PLACEHOLDERS)} in the last message"
            raise KnowledgeError(f"{path}: placeholders {sorted(stray | found)} found; known are {wanted}.")
        inert_words = {name: word.replace("$", "$$") for name, word in words.items()}
        return cls(
            tuple(Message(role, body.substitute(words)) for role, body in static),
            Template(last.substitute({**inert_words, "question": "$question", "steps": "$steps"})),
        )


class Prompts:
    """The templates of all languages; a language in which the model may write freely gets the free one."""

    def __init__(self, templates: Mapping[str, PromptTemplate]) -> None:
        self._templates = templates

    @classmethod
    def load(cls, folder: Path, languages: Path, codes: Sequence[str], free: Collection[str] = ()) -> Prompts:
        """Reads `folder/answer.txt`, or `folder/free.txt` for the languages in `free`, and each language's words.

        Args:
            languages: `data/languages`.

        Raises:
            KnowledgeError: a file is missing or breaks its form.
        """
        templates = {}
        for code in codes:
            path = languages / code / "prompt.yaml"
            words = parse(PromptFile, parse_yaml(read_text(path), path), path).words()
            templates[code] = PromptTemplate.load(folder / ("free.txt" if code in free else "answer.txt"), words)
        return cls(templates)

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
        steps = tuple(marked(piece.text, piece.n) for piece in advice)
        last = template.last.substitute(question=asked, steps="\n".join(f"- {step}" for step in steps))
        return Prompt((*template.static, Message("user", last)), len(template.static), prefill=opening, expected=steps)


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
