"""One question of a conversation with what is shown below it. It knows nothing of HTML."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.events import Cards, Event, Sentence, Waiting, join
from bot.interface import Interface
from bot.knowledge.base import Knowledge
from bot.types import Answer, CardView, Citation, Turn


class Rating(StrEnum):
    """What became of a manager's rating of an answer."""

    NONE = "none"
    STORED = "stored"
    FAILED = "failed"


@dataclass(frozen=True)
class Source:
    """A source of an answer as a reader is told of it on paper."""

    n: int
    quote: str
    about: str
    """Title, author and year."""


@dataclass(frozen=True)
class Exchange:
    """A question and what is shown below it by now. `answer` is there when it is complete, `failed` when it never will be."""

    number: int
    question: str
    language: str
    cards: tuple[CardView, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    answer: Answer | None = None
    sources: tuple[Source, ...] = ()
    failed: bool = False
    waiting: Waiting | None = None
    """What the model's queue told last."""
    rating: Rating = Rating.NONE

    @property
    def running(self) -> bool:
        """True while more is to come."""
        return self.answer is None and not self.failed

    @property
    def text(self) -> str:
        """The answer's words as shown by now."""
        return join(self.sentences)

    @property
    def paragraphs(self) -> list[str]:
        """The same, a paragraph each."""
        return [block for block in self.text.split("\n\n") if block]

    def after(self, said: Event) -> Exchange:
        """The exchange after one more event of the coach; `sources` are left to the caller."""
        if isinstance(said, Cards):
            return replace(self, language=said.language, cards=said.cards)
        if isinstance(said, Sentence):
            return replace(self, sentences=(*self.sentences, said))
        if isinstance(said, Waiting):
            return replace(self, waiting=said)
        return replace(self, answer=said.answer)

    def turn(self) -> Turn:
        """What a follow-up question is told of it."""
        return Turn(self.question, self.text)

    def title_of(self, n: int) -> str:
        """What marker `[n]` stands for, as far as it is known by now."""
        named = {card.n: card.title for card in self.cards}
        if self.answer is not None:
            named = {citation.n: citation.title for citation in self.answer.citations} | named
        return named.get(n, "")


Exchanges = tuple[Exchange, ...]
"""All turns of a browser session."""


def source(citation: Citation, texts: Interface, knowledge: Knowledge) -> Source:
    """A citation in words, in the language of the texts."""
    article = knowledge.articles.get(citation.article)
    told = [citation.title]
    if article is None:
        told.append(texts["own_document"])
    else:
        told += [article.author or article.site or "", str(article.year or "")]
        told.append(f"{texts['original_language']}: {texts.texts.get(f'lang_{article.language}', article.language)}")
    return Source(citation.n, " ".join(citation.quote.split()), ". ".join(part for part in told if part))
