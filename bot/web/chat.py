"""A manager's conversation: what was said, asking the coach, stopping it, opening a source. It gives `Update`s for whatever shows them.

The conversation lives in the browser session's memory only; nothing is written anywhere. It knows nothing of Gradio.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from bot.answer.compose import cite
from bot.coach import Coach
from bot.errors import QuestionError
from bot.events import Ask
from bot.interface import Interface
from bot.text import MARKER
from bot.types import Citation, Question
from bot.web.below import Offers
from bot.web.exchange import Exchange, Exchanges, source
from bot.web.export import TYPES, File, export
from bot.web.frame import render_announcement, render_notice
from bot.web.panels import render_saving, render_stored
from bot.web.rating import Ratings
from bot.web.runs import Run, Runs
from bot.web.source import Lookup, render_source
from bot.web.stored import stored
from bot.web.turns import render_past, render_turn

log = logging.getLogger(__name__)

KEPT_TURNS = 40
"""Turns of a conversation that are kept and shown."""
HISTORY_TURNS = 6
"""Latest turns that the coach is told of."""


@dataclass(frozen=True)
class Update:
    """What changes on the page; None leaves a part as it is."""

    past: str | None = None
    current: str | None = None
    notice: str | None = None
    announcement: str | None = None
    box: str | None = None
    exchanges: Exchanges | None = None


class Chat:
    """The conversations' logic; one for all sessions."""

    def __init__(self, coach: Coach, lookup: Lookup, ask: Ask | None = None) -> None:
        """Args:
        lookup: gives one of the organisation's documents by id.
        ask: how to ask the coach; None: as it is.
        """
        self._coach = coach
        self._ask = ask or coach.ask
        self._lookup = lookup
        self._serials = itertools.count(1)
        self._ratings = Ratings(coach.settings)
        self.runs = Runs()

    @property
    def interfaces(self) -> Mapping[str, Interface]:
        """Texts by language."""
        return self._coach.interfaces

    @property
    def longest(self) -> int:
        """Characters of a question that are enough to see that it is too long."""
        return self._coach.settings.max_question + 1

    def language(self, wished: object, accept_language: str) -> str:
        """The interface's language: the one chosen earlier, else the browser's."""
        known = self._coach.interfaces
        return wished if isinstance(wished, str) and wished in known else self._coach.languages.from_browser(accept_language)

    def ask(
        self,
        text: object,
        exchanges: Exchanges,
        session: str,
        interface: str,
        *,
        length: object = None,
        replaces: object = None,
        shown: object = None,
        language: str | None = None,
        patient: bool = False,
    ) -> Iterator[Update]:
        """Asks the coach and streams what changes.

        Args:
            text: what was typed or clicked, as it came from the browser.
            exchanges: the turns before.
            interface: the interface's language.
            length: characters that were typed, where the browser sent only the beginning.
            replaces: number of the turn that this one takes the place of, with all that follow it.
            shown: complete turns that the browser shows: with some there and none here, the conversation was forgotten.
            language: of the answer, for questions of our own; else it follows the question.
            patient: see `Question`.
        """
        if not exchanges and isinstance(shown, int | float) and shown > 0:
            yield self._forgotten(interface)
            return
        before = _before(exchanges, replaces)[-KEPT_TURNS + 1 :]
        history = tuple(exchange.turn() for exchange in before[-HISTORY_TURNS:])
        try:
            words = text if isinstance(text, str) else ""
            question = self._coach.validated(Question(words, language=language, history=history, interface=interface, patient=patient))
        except QuestionError as error:
            yield self._refused(error, interface, length)
            return
        number = exchanges[-1].number + 1 if exchanges else 1
        exchange = Exchange(number, question.text, language or interface)
        run = self.runs.begin(session)
        try:
            yield Update(
                past=render_past([(earlier, self.interfaces[earlier.language]) for earlier in before]),
                current=self._turn(exchange),
                notice="",
                announcement=render_announcement(self.interfaces[exchange.language]["thinking"], exchange.language, busy=True),
                box="",
            )
            yield from self._answered(question, exchange, before, run)
        finally:
            self.runs.end(session, run)

    def again(self, exchanges: Exchanges, session: str, interface: str) -> Iterator[Update]:
        """Asks the newest question once more, and waits for the model; its answer takes the place of the one before."""
        if not exchanges:
            return iter([self._forgotten(interface)])
        last = exchanges[-1]
        return self.ask(last.question, exchanges, session, interface, replaces=last.number, language=last.language, patient=True)

    def offered(self, exchanges: Exchanges, session: str, interface: str, number: object, *, example: bool) -> Iterator[Update]:
        """Asks a question that was offered: an example of the interface's language, or a follow-up of the newest answer."""
        chosen = self.example(interface, number) if example else self.follow_up(exchanges, number)
        if chosen is not None:
            return self.ask(chosen[0], exchanges, session, interface, language=chosen[1])
        return iter([] if example or exchanges else [self._forgotten(interface)])

    def rate(self, exchanges: Exchanges, turn: object, verdict: object, word: object) -> Update:
        """Stores a rating of the newest answer that its manager agreed to."""
        last = exchanges[-1] if exchanges else None
        if last is None or last.number != turn:
            return Update()
        rated = replace(last, rating=self._ratings.keep(last, verdict, word))
        return Update(current=self._turn(rated), exchanges=(*exchanges[:-1], rated))

    def saved(self, exchanges: Exchanges, interface: str, kind: object) -> File | None:
        """The conversation as a file; None when there is no such kind of file."""
        if not isinstance(kind, str) or kind not in TYPES:
            return None
        return export(exchanges, self.interfaces, interface, kind, date.today())

    def saving(self, interface: str) -> str:
        """The panel that offers the files."""
        return render_saving(self.interfaces[interface], next(self._serials))

    def stored(self, interface: str) -> str:
        """The panel that says what is stored."""
        texts = self.interfaces[interface]
        return render_stored(stored(self._coach.settings, texts), texts, next(self._serials))

    def source(self, exchanges: Exchanges, turn: object, n: object) -> str:
        """The source panel for marker or card `n` of a turn; empty when there is no such thing."""
        exchange = next((known for known in exchanges if known.number == turn), None)
        citation = self._citation(exchange, n) if exchange is not None else None
        if exchange is None or citation is None:
            return ""
        texts = self.interfaces[exchange.language]
        return render_source(citation, texts, self._coach.knowledge, self._lookup, next(self._serials))

    def follow_up(self, exchanges: Exchanges, number: object) -> tuple[str, str] | None:
        """A follow-up question that was offered last, with its language."""
        last = exchanges[-1] if exchanges else None
        if last is None or last.answer is None:
            return None
        text = _chosen(last.answer.follow_ups, number)
        return (text, last.language) if text is not None else None

    def example(self, interface: str, number: object) -> tuple[str, str] | None:
        """An example question of the interface's language, with that language."""
        text = _chosen(self.interfaces[interface].questions, number)
        return (text, interface) if text is not None else None

    def _answered(self, question: Question, exchange: Exchange, before: Exchanges, run: Run) -> Iterator[Update]:
        """What follows the question: cards, sentences, and how it ended."""
        try:
            for said in self._ask(question, run.stopped):
                if run.dropped:
                    return
                exchange = self._with_sources(exchange.after(said))
                if exchange.running:
                    yield Update(current=self._turn(exchange), exchanges=(*before, exchange))
        except Exception:
            log.exception("answer failed")
            exchange = replace(exchange, failed=True)
        if run.dropped:
            return
        texts = self.interfaces[exchange.language]
        spoken = texts["error_internal"] if exchange.failed else MARKER.sub("", exchange.text)
        yield Update(
            current=self._turn(exchange),
            announcement=render_announcement(spoken, exchange.language, busy=False),
            box=question.text if exchange.failed else None,
            exchanges=(*before, exchange),
        )

    def _turn(self, exchange: Exchange) -> str:
        offers = Offers(last=True, rating_days=self._ratings.days)
        return render_turn(exchange, self.interfaces[exchange.language], offers)

    def _with_sources(self, exchange: Exchange) -> Exchange:
        if exchange.answer is None:
            return exchange
        texts = self.interfaces[exchange.language]
        return replace(exchange, sources=tuple(source(cited, texts, self._coach.knowledge) for cited in exchange.answer.citations))

    def _forgotten(self, interface: str) -> Update:
        return Update(notice=render_notice(self.interfaces[interface]["gone"], interface))

    def _refused(self, error: QuestionError, interface: str, length: object) -> Update:
        values: dict[str, Any] = dict(error.values)
        if "found" in values and isinstance(length, int | float) and length > values["found"]:
            values["found"] = int(length)
        return Update(notice=render_notice(self.interfaces[interface].format(error.key, **values), interface))

    def _citation(self, exchange: Exchange, n: object) -> Citation | None:
        """Of a marker in the answer, or of a card above it."""
        cited = exchange.answer.citations if exchange.answer is not None else ()
        found = next((citation for citation in cited if citation.n == n), None)
        card = next((card for card in exchange.cards if card.n == n), None)
        if found is not None or card is None:
            return found
        knowledge = self._coach.knowledge
        return cite(card.n, knowledge.cards[card.tip], knowledge)


def _before(exchanges: Exchanges, replaces: object) -> Exchanges:
    """The turns before the one that is replaced; all of them when none is."""
    if not isinstance(replaces, int | float) or all(exchange.number != replaces for exchange in exchanges):
        return exchanges
    return tuple(exchange for exchange in exchanges if exchange.number < replaces)


def _chosen(offered: tuple[str, ...], number: object) -> str | None:
    return offered[number] if isinstance(number, int) and 0 <= number < len(offered) else None
