"""The pipeline: question → language → route → retrieve → prompt → generate → check → answer. The only file that knows the order.

Data flows one way; each step hands a frozen object to the next. The answer is the last event of the stream.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace

from bot.answer.check import Passed, SentenceCheck
from bot.answer.compose import Plan, citations, composed, follow_ups, plan
from bot.answer.own import own_words
from bot.answer.support import Support
from bot.config import Settings
from bot.errors import ModelAwayError, ModelBusyError, ModelError, QuestionError
from bot.events import Cards, Done, Event, Sentence, Waiting, join, never
from bot.interface import Interface
from bot.knowledge.base import Knowledge
from bot.knowledge.embedding import Embedder
from bot.knowledge.index import Index
from bot.language import Languages
from bot.llm.protocol import Generator as LanguageModel
from bot.llm.protocol import Piece
from bot.prompt import Prompts
from bot.retrieve import Retriever
from bot.text import MARKER, clean, split_sentences
from bot.tokens import Count
from bot.types import Answer, Citation, Dropped, Mode, Question, Retrieved, Route, Timings

log = logging.getLogger(__name__)

ENOUGH = 0.5
"""Share of the vetted sentences that the model has to word; below it the rest is added as it stands and the answer counts as composed."""
PATIENCE = 3
"""Sentences dropped in a row after which the model is stopped: it has left the prompt behind."""


class Coach:
    """Answers questions. Safe to use from several threads."""

    def __init__(
        self,
        settings: Settings,
        languages: Languages,
        knowledge: Knowledge,
        interfaces: Mapping[str, Interface],
        prompts: Prompts,
        embedder: Embedder,
        retriever: Callable[[], Retriever],
        generator: LanguageModel | None,
        count: Callable[[], Count],
    ) -> None:
        """Args:
        retriever: gives the one over the current index; asked once a question.
        generator: None leaves every answer composed.
        count: gives the token counter of the generator's model.
        """
        self.settings = settings
        self.languages = languages
        self.knowledge = knowledge
        self.interfaces = interfaces
        self.generator = generator
        self._prompts = prompts
        self._embedder = embedder
        self._retriever = retriever
        self._count = count
        self._supports: dict[str, Support] = {}

    @property
    def index(self) -> Index:
        """The index in use."""
        return self._retriever().index

    def answer(self, question: Question) -> Answer:
        """The whole answer at once: the last event of `ask`."""
        *_, last = self.ask(question)
        assert isinstance(last, Done)  # noqa: S101 - ask() ends with it
        return last.answer

    def ask(self, question: Question, stopped: Callable[[], bool] = never) -> Iterator[Event]:
        """Streams an answer: Cards, then a Sentence each, then Done; where the model has a queue, Waiting tells the place in it.

        Args:
            stopped: asked several times a second; True ends the answer with what was shown by then.

        Raises:
            QuestionError: empty, too long, or without words.
        """
        return _Run(self, self.validated(question), stopped, retrieve_only=False).events()

    def retrieve_only(self, question: Question) -> Answer:
        """Route and ranked tips without any wording."""
        *_, last = _Run(self, self.validated(question), never, retrieve_only=True).events()
        assert isinstance(last, Done)  # noqa: S101
        return last.answer

    def validated(self, question: Question) -> Question:
        """The question cleaned of what is no text.

        Raises:
            QuestionError: empty, too long, or without words.
        """
        limit = self.settings.max_question
        if len(question.text) > limit:
            found = len(question.text)
            raise QuestionError(
                "error_too_long",
                f"The question has {found} characters; {limit} are possible. Shorten it.",
                found=found,
                limit=limit,
            )
        text = clean(question.text)
        if not text:
            raise QuestionError("error_empty", "The question is empty. Write what you would like to handle better.")
        if not any(character.isalpha() for character in text):
            raise QuestionError("error_no_words", "The question holds no words. Ask in a sentence or two.")
        history = tuple(
            replace(turn, question=clean(turn.question)[:limit], answer=clean(turn.answer)[: 2 * limit]) for turn in question.history
        )
        return replace(question, text=text, history=history)

    def support(self, language: str) -> Support:
        """The measure of support for a language, made at its first use."""
        if language not in self._supports:
            row = self.languages.table[language]
            vetted = [
                sentence
                for card in self.knowledge.cards.values()
                if language in card.texts
                for text in [card.texts[language]]
                for sentence in (
                    *text.steps,
                    *text.hear,
                    *text.avoid,
                    text.why,
                    *(myth.correction for myth in text.myths),
                )
            ]
            self._supports[language] = Support(row, vetted, self._embedder)
        return self._supports[language]


class _Run:
    """One question on its way through the pipeline."""

    def __init__(self, coach: Coach, question: Question, stopped: Callable[[], bool], *, retrieve_only: bool) -> None:
        self._coach = coach
        self._question = question
        self._stopped = stopped
        self._retrieve_only = retrieve_only
        self._started = time.perf_counter()
        self._timings = Timings()
        self._shown: list[Sentence] = []
        self._notes: list[str] = []
        self._dropped: list[Dropped] = []
        self._enough = False

    def events(self) -> Iterator[Event]:
        asked_in, language = self._languages()
        self._time(language_ms=self._elapsed())
        found = self._coach._retriever().retrieve(self._question, asked_in)
        self._time(retrieve_ms=self._elapsed() - self._timings.language_ms)
        self._notes += [
            name for name, holds in (("follow_up", found.used_history), ("partly", found.partly), ("premise", found.myth)) if holds
        ]
        if self._retrieve_only:
            yield Done(self._answer(language, found, Mode.FIXED))
        elif found.route is Route.COACH:
            yield from self._coached(found, language)
        else:
            yield from self._fixed(found, language)

    def _languages(self) -> tuple[str, str]:
        """The language the question is in, and the one to answer in."""
        table = self._coach.languages
        earlier = [table.detect(turn.question).code for turn in self._question.history[-1:]]
        given = [code for code in (self._question.language, self._question.interface) if code]
        detected = table.detect(self._question.text, [*earlier, *given])
        wish = next((found for text in self._texts_newest_first() if (found := table.wish(text))), None)
        if detected.foreign and not wish and not self._question.language:
            self._notes.append("language_fallback")
        return detected.code, wish or self._question.language or detected.code

    def _texts_newest_first(self) -> Iterator[str]:
        """The question and the earlier ones; a wish for a language holds until the manager changes language by writing in another."""
        yield self._question.text
        now = self._coach.languages.detect(self._question.text).code
        for turn in reversed(self._question.history):
            if self._coach.languages.detect(turn.question).code != now:
                return
            yield turn.question

    def _fixed(self, found: Retrieved, language: str) -> Iterator[Event]:
        """A vetted reply; what is not covered also gets what the organisation's own documents hold, or what we can help with."""
        texts = self._coach.interfaces[language]
        self._time(first_card_ms=self._elapsed())
        yield Cards(language, found.route, ())
        yield from self._fallback_note(texts)
        own: tuple[Citation, ...] = ()
        if found.route is Route.NOT_COVERED and found.passages:
            sentence, own = own_words(found.passages, self._question.text, texts, self._coach._embedder, first=1)
            yield self._show(sentence)
        else:
            yield self._show(self._coach.knowledge.routes.reply(found.reply, language))
            if found.route is Route.NOT_COVERED:
                titles = ", ".join(f"«{self._coach.knowledge.cards[hit.id].texts[language].title}»" for hit in found.tips[:3])
                yield self._show(texts.format("offer", titles=titles))
        yield Done(self._answer(language, found, Mode.FIXED, own))

    def _coached(self, found: Retrieved, language: str) -> Iterator[Event]:
        texts = self._coach.interfaces[language]
        planned = plan(found, self._coach.knowledge, texts, self._question.text)
        self._time(first_card_ms=self._elapsed())
        yield Cards(language, found.route, planned.cards)
        yield from self._fallback_note(texts)
        if planned.premise:
            yield self._show(planned.premise)
        yield self._show(planned.opening, paragraph=bool(planned.premise))
        mode = yield from self._worded(planned)
        if planned.disagreement:
            self._notes.append("disagree")
            yield self._show(planned.disagreement, paragraph=True)
        if found.partly:
            yield self._show(texts["partly"], paragraph=True)
        cited = citations(planned, self._markers(), self._coach.knowledge)
        if found.passages and found.own_first:
            sentence, own = own_words(found.passages, self._question.text, texts, self._coach._embedder, first=len(planned.numbers) + 1)
            yield self._show(sentence, paragraph=True)
            cited = (*cited, *own)
        card = self._coach.knowledge.cards[planned.cards[0].tip].texts[language]
        answer = self._answer(language, found, mode, cited)
        yield Done(
            replace(
                answer,
                say=card.say,
                reflect=card.reflect,
                follow_ups=follow_ups(found, self._coach.knowledge, texts),
            )
        )

    def _worded(self, planned: Plan) -> Generator[Event, None, Mode]:
        """The advice in the model's words where they pass, in the vetted ones where they do not; returns who put it together."""
        check = SentenceCheck(
            self._coach.languages,
            planned.language,
            self._coach.support(planned.language),
            planned.advice,
            [planned.opening, planned.premise],
        )
        passed = 0
        for sentence in self._generated(planned):
            if isinstance(sentence, Waiting):
                yield sentence
                continue
            if self._enough:
                continue
            verdict = check.check(sentence)
            if isinstance(verdict, Passed):
                passed += 1
                yield self._show(verdict.text)
            else:
                self._dropped.append(verdict)
            self._enough = not check.unused or self._lost()
        if self._stopped():
            self._notes.append("stopped")
            return Mode.GENERATED if passed else Mode.COMPOSED
        if passed >= ENOUGH * len(planned.advice):
            return Mode.GENERATED
        for text in composed(check.unused):
            yield self._show(text)
        return Mode.COMPOSED

    def _generated(self, planned: Plan) -> Iterator[str | Waiting]:
        """The place in the queue, then each sentence of the model when it is complete; ends early when it is away, too slow or stopped."""
        generator, settings = self._coach.generator, self._coach.settings
        if generator is None:
            return
        count = self._coach._count()
        prompt = self._coach._prompts.answer(
            planned.language,
            self._question.text,
            self._question.history,
            planned.opening,
            planned.advice,
            count,
            settings.history_tokens,
        )
        language = self._coach.languages.table[planned.language]
        prompt = replace(prompt, patient=self._question.patient)
        rest = ""
        try:
            for piece in generator.stream(prompt, settings.max_tokens, self._overdue):
                self._count_tokens(piece)
                if piece.place is not None:
                    yield Waiting(piece.place.ahead, piece.place.seconds)
                sentences, rest = split_sentences(rest + piece.text, language)
                yield from sentences
            if rest.strip() and not self._overdue() and not self._enough:
                yield rest.strip()
        except (ModelAwayError, ModelBusyError) as error:
            self._notes.append("model_busy" if isinstance(error, ModelBusyError) else "model_away")
        except ModelError as error:
            self._notes.append("model_failed")
            log.warning("model refused the prompt", extra={"reason": str(error)})

    def _overdue(self) -> bool:
        """Asked by the model several times a second: whether nobody wants more of it. A patient question waits for the first token."""
        first, settings = self._timings.first_token_ms, self._coach.settings
        seconds = (self._elapsed() - (first or 0 if self._question.patient else 0)) / 1000
        silent = first is None and seconds > settings.first_token_seconds
        late = (silent or seconds > settings.answer_seconds) and not (self._question.patient and first is None)
        if late and "model_slow" not in self._notes:
            self._notes.append("model_slow")
        return late or self._enough or self._stopped()

    def _count_tokens(self, piece: Piece) -> None:
        if piece.text and self._timings.first_token_ms is None:
            self._time(first_token_ms=self._elapsed())
        if piece.prompt_tokens:
            self._time(prompt_tokens=piece.prompt_tokens, completion_tokens=piece.completion_tokens)

    def _lost(self) -> bool:
        return len(self._dropped) >= PATIENCE and not any(drop.reason == "empty" for drop in self._dropped[-PATIENCE:])

    def _fallback_note(self, texts: Interface) -> Iterator[Event]:
        if "language_fallback" in self._notes:
            names = ", ".join(interface["name"] for interface in self._coach.interfaces.values())
            yield self._show(texts.format("language_fallback", languages=names))

    def _show(self, text: str, *, paragraph: bool = False) -> Sentence:
        if self._timings.first_sentence_ms is None:
            self._time(first_sentence_ms=self._elapsed())
        sentence = Sentence(text, paragraph and bool(self._shown))
        self._shown.append(sentence)
        return sentence

    def _markers(self) -> list[int]:
        return [int(found[1]) for sentence in self._shown for found in MARKER.finditer(sentence.text)]

    def _answer(self, language: str, found: Retrieved, mode: Mode, cited: Sequence[Citation] = ()) -> Answer:
        self._time(total_ms=self._elapsed())
        generator = self._coach.generator
        return Answer(
            id=self._question.id,
            question=self._question.text,
            language=language,
            route=found.route,
            mode=mode,
            answer=join(self._shown),
            tips=found.tips,
            citations=tuple(cited),
            notes=tuple(self._notes),
            timings=self._timings,
            model=generator.name if generator is not None and mode is Mode.GENERATED else "",
            dropped=tuple(self._dropped),
        )

    def _elapsed(self) -> float:
        return (time.perf_counter() - self._started) * 1000

    def _time(self, **values: float) -> None:
        self._timings = replace(self._timings, **values)  # type: ignore[arg-type]
