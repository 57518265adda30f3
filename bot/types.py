"""The things that travel through the pipeline, as frozen dataclasses.

It knows shapes only: nothing here reads a file, an environment variable or a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Route(StrEnum):
    """What kind of question it is, and so who answers: the cards or a vetted reply."""

    COACH = "coach"
    NOT_COVERED = "not_covered"
    SENSITIVE = "sensitive"
    CRISIS = "crisis"
    HARMFUL = "harmful"
    INJECTION = "injection"
    SMALLTALK = "smalltalk"
    ABOUT = "about"


class Mode(StrEnum):
    """Who put the shown words together."""

    GENERATED = "generated"
    COMPOSED = "composed"
    FIXED = "fixed"


@dataclass(frozen=True)
class Turn:
    """One earlier question of the same conversation, with the answer that was shown."""

    question: str
    answer: str = ""


@dataclass(frozen=True)
class Question:
    """What a manager asked. `language` is the answer's, when the caller fixes it."""

    text: str
    id: str = ""
    language: str | None = None
    history: tuple[Turn, ...] = ()
    interface: str | None = None
    """Language of the page it was typed into: decides where the text is too short to tell."""
    patient: bool = False
    """Waits for the model's words however long its line is, where others get the composed answer at once."""


@dataclass(frozen=True)
class Myth:
    """A wrong claim about a tip, and the sentence that corrects it."""

    claim: str
    correction: str


@dataclass(frozen=True)
class CardText:
    """One tip card in one language. Every sentence is vetted: it may be shown as it stands."""

    title: str
    why: str
    hear: tuple[str, ...]
    steps: tuple[str, ...]
    say: tuple[str, ...]
    avoid: tuple[str, ...]
    reflect: str
    asks: tuple[str, ...]
    myths: tuple[Myth, ...]
    premises: tuple[str, ...] = ()
    """Questions that take a myth for granted."""


@dataclass(frozen=True)
class Card:
    """One tip: where it comes from, how it relates to others, and its text per language."""

    id: str
    article: str
    passage: str
    quote: str
    related: tuple[str, ...]
    pulls_against: tuple[str, ...]
    closeness: int
    texts: Mapping[str, CardText]


@dataclass(frozen=True)
class Section:
    """A headed part of an article. `start` and `end` are character offsets into `Article.text`."""

    heading: str
    start: int
    end: int


@dataclass(frozen=True)
class Article:
    """An article file: its front matter and its whole text (front matter included, so that offsets are the file's)."""

    id: str
    language: str
    title: str
    author: str | None
    site: str | None
    year: int | None
    note: str
    text: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Passage:
    """A piece of an article or of one of the organisation's documents, with offsets into its text."""

    id: str
    document: str
    title: str
    language: str
    text: str
    start: int
    end: int
    own: bool = False
    """True for the organisation's documents, False for the shipped articles."""


@dataclass(frozen=True)
class Hit:
    """A tip and how well it fits the question: a higher `score` is better; it compares the tips of one question, and is no probability."""

    id: str
    score: float


@dataclass(frozen=True)
class PassageHit:
    """A passage and how well it fits: `score` is the cosine of the centred vectors, -1 to 1."""

    passage: Passage
    score: float


@dataclass(frozen=True)
class Retrieved:
    """What retrieval says of a question: its route, the tips ranked, and own passages that fit."""

    route: Route
    route_score: float
    reply: str
    """Which vetted reply of the route fits (`not_covered` has a second one, `near_miss`)."""
    tips: tuple[Hit, ...]
    passages: tuple[PassageHit, ...] = ()
    myth: tuple[str, int] | None = None
    """Tip id and number of the myth that the question takes for granted."""
    claimed: bool = False
    """True when the question says that it is the articles' advice."""
    partly: bool = False
    """True when another part of the question is not covered."""
    own_first: bool = False
    """True when an own passage fits better than every card."""
    used_history: bool = False
    """True when the question was only understood with the turns before it."""


@dataclass(frozen=True)
class Citation:
    """Marker `[n]` of an answer. `quote` is exactly `text[start:end]` of the article's or document's text."""

    n: int
    tip: str
    article: str
    title: str
    language: str
    quote: str
    start: int
    end: int


@dataclass(frozen=True)
class CardView:
    """What the reader sees of a tip before the model has said a word."""

    n: int
    tip: str
    title: str
    why: str
    article: str
    score: float


@dataclass(frozen=True)
class Timings:
    """Milliseconds since the question arrived, and tokens. A step that was not taken is None."""

    language_ms: float = 0.0
    retrieve_ms: float = 0.0
    first_card_ms: float | None = None
    first_token_ms: float | None = None
    first_sentence_ms: float | None = None
    total_ms: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class Dropped:
    """A sentence of the model that was not shown, and the reason: support, number, name, negation, language, repetition, markup or empty"""

    text: str
    reason: str


@dataclass(frozen=True)
class Answer:
    """The whole answer, as the command line and the HTTP interface give it."""

    id: str
    question: str
    language: str
    route: Route
    mode: Mode
    answer: str
    tips: tuple[Hit, ...] = ()
    citations: tuple[Citation, ...] = ()
    notes: tuple[str, ...] = ()
    say: tuple[str, ...] = ()
    reflect: str = ""
    follow_ups: tuple[str, ...] = ()
    timings: Timings = field(default_factory=Timings)
    model: str = ""
    dropped: tuple[Dropped, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The answer in plain JSON types. What the model said and was dropped is kept out: it was never shown."""
        plain = asdict(self)
        del plain["dropped"]
        plain["timings"] = {key: round(value, 1) if value is not None else None for key, value in plain["timings"].items()}
        plain["tips"] = [{"id": hit.id, "score": round(hit.score, 4)} for hit in self.tips]
        return plain
