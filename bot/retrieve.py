"""From a question to its route and its ranked tips and passages.

Two rankings of the same centred vectors are added: a kernel ridge classifier over all phrasings (one column a tip; in a
hurry a Nyström approximation, Williams & Seeger 2001) and the mean cosine of a tip's nearest phrasings; a question's sentences and words
count beside them. The route comes from a second ranking of the same kind over the labelled examples of what is not a coaching
question, and a third one tells questions that take a myth for granted. Constants were chosen on the dev half of data/eval and
by leaving out one language of the second authors' examples (docs/LOG.md). It knows nothing of prompts, models or answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bot.cues import SENTENCE_BREAK, Cues
from bot.knowledge.base import Entry, Kind
from bot.knowledge.embedding import Embedder, Vectors
from bot.knowledge.index import Index
from bot.knowledge.routes import COACHING, NEAR_MISS, route_of
from bot.language import Languages
from bot.lexical import Lexicon
from bot.ranking import Ranking
from bot.types import Hit, PassageHit, Question, Retrieved, Route

TIP_NEAREST, TIP_WEIGHT, TIP_BALANCE = 5, 1.5, 0.0
ROUTE_NEAREST, ROUTE_WEIGHT, ROUTE_BALANCE = 5, 4.0, 0.5
ROUTE_BIAS = {
    Route.CRISIS.value: 0.2,
    Route.SENSITIVE.value: 0.4,
    Route.HARMFUL.value: 0.1,
    Route.NOT_COVERED.value: 0.2,
    NEAR_MISS: 0.2,
}
"""Added to a route's score, as the many phrasings of the tips outweigh the rest; most where missing a person in need costs more than
one careful answer too many."""
PART_WEIGHT, PARTLY_WEIGHT = 0.3, 1.0
"""What the parts' mean, or the one part that is covered, counts beside the whole question when tips are ranked."""
PART_LEAD = {Route.CRISIS.value: 0.75, Route.SENSITIVE.value: 0.75, Route.HARMFUL.value: 0.3, Route.INJECTION.value: 0.75}
"""By how much a serious route must lead in one part of a question to win over the whole."""
SURE_LEAD = 0.5
"""Lead of the coaching route from which a question of one thing is not looked at sentence by sentence: that would double its time."""
PARTLY_COACH, PARTLY_OTHER = -0.4, 0.0
"""Leads of a coaching part and of a part that is not covered from which a question is partly covered."""
FOLLOW_UP_WORDS = 12
SETTLED = {Route.COACH: (3.0, 0.3), Route.NOT_COVERED: (0.5, 0.1), Route.SMALLTALK: (0.8, 0.15), Route.ABOUT: (0.8, 0.15)}
SERIOUS_SETTLED = (0.3, 0.1)
"""A short question whose own route leads by this much needs no earlier turn: with a word that points back, and without one."""
ANSWER_CHARACTERS = 200
"""So much of the earlier answer is read with a follow-up."""
HISTORY_WEIGHT, ALONE_WEIGHT = 0.5, 0.5
"""What both questions without the answer, and the follow-up alone, count beside the whole turn when its tips are ranked."""
CERTAIN = 1.0
"""Lead of the route of such a question."""
CLAIM_WEIGHT = 1.0
"""What the nearest myth counts when tips are ranked for a question that says what the articles advise."""
CLAIM_LEAD = 0.6
"""Such a question is one for the coach unless a serious route leads by this much."""
MYTH_MARGIN = -0.12
"""Lead of the nearest myth over the tip's title and reason from which what a question says of the articles is a myth:
keeps 99 % of the myths of a language left out and rejects 90 % of its titles and reasons."""
MYTH_ITSELF = 0.6
"""Cosine to a myth from which a question that does not speak of the articles takes it for granted (0 of 550 stories do)."""
LEXICAL_WEIGHT, ROUTE_LEXICAL_WEIGHT = 0.3, 0.2
"""What the words' log-odds count beside the embedding's scores, for tips and for routes."""
SURE_TIP = 1.1
YIELDS = {Route.NOT_COVERED.value: 0.4, NEAR_MISS: 0.4, Route.HARMFUL.value: 0.1}
"""A route that leads by less than this yields to coaching when a tip scores at least SURE_TIP."""
PREMISE_NEAREST, PREMISE_WEIGHT, PREMISE_BALANCE = 5, 1.0, 0.5
PREMISE_LEAD = -0.2
"""Lead from which a question counts as worded like those that take a myth for granted."""
PASSAGE_FLOOR = 0.45
"""An own document's passage is offered from this cosine on."""
TOP_K = 8
_SERIOUS = frozenset(PART_LEAD)
_ELSEWHERE = frozenset({Route.NOT_COVERED.value, NEAR_MISS})


@dataclass(frozen=True)
class Retriever:
    """Ranks against one generation of the index; make a new one when the index changes."""

    index: Index
    embedder: Embedder
    cues: Cues
    lexicons: tuple[Lexicon, ...]
    """Word evidence for tips and for routes, or nothing."""
    _tips: Ranking
    _routes: Ranking
    _premises: Ranking

    @classmethod
    def over(
        cls,
        index: Index,
        embedder: Embedder,
        cues: Cues | None = None,
        languages: Languages | None = None,
        solved: Mapping[str, Vectors] | None = None,
        *,
        unhurried: bool = False,
    ) -> Retriever:
        """Fits the rankings; without solved weights that takes seconds of CPU, unhurried minutes.

        Args:
            cues: without them no question is found to take a myth for granted.
            languages: without them words count only through the embedding.
            solved: weights that were solved before (`bot.ranking.load_weights`).
            unhurried: see `Ranking.fit`.
        """

        def ranking(kinds: Sequence[Kind], name: Callable[[Entry], str], nearest: int, weight: float, balance: float) -> Ranking:
            rows = sorted(index.rows(*kinds), key=lambda row: index.entries[row].id)
            entries = [index.entries[row] for row in rows]
            ids = [entry.id for entry in entries]
            owners = [name(entry) for entry in entries]
            return Ranking.fit(index.centred[rows], owners, nearest, weight, balance, ids, solved, unhurried=unhurried)

        asks = (Kind.ASK, Kind.TITLE, Kind.WHY, Kind.PREMISE)
        tips = ranking(asks, lambda entry: entry.owner, TIP_NEAREST, TIP_WEIGHT, TIP_BALANCE)
        questions = (Kind.ASK, Kind.MYTH, Kind.PREMISE, Kind.ROUTE)
        routes = ranking(questions, _route_name, ROUTE_NEAREST, ROUTE_WEIGHT, ROUTE_BALANCE)
        whole = (Kind.ASK, Kind.ROUTE, Kind.PREMISE)
        premises = ranking(whole, _premise_name, PREMISE_NEAREST, PREMISE_WEIGHT, PREMISE_BALANCE)
        words = _tip_texts(index), _route_texts(index)
        lexicons = tuple(Lexicon(texts, languages) for texts in words) if languages is not None else ()
        return cls(index, embedder, cues or Cues(), lexicons, tips, routes, premises)

    def retrieve(self, question: Question, language: str) -> Retrieved:
        """Route, tips and passages of a question; a follow-up is understood with the turns before it.

        Args:
            language: of the question, for centring.
        """
        raw = self.embedder.queries([question.text])[0]
        found = self._judge(question.text, language, raw)
        return self._with_history(question, language, found, raw) if question.history else found

    @property
    def rankings(self) -> tuple[Ranking, ...]:
        """All rankings, for saving their weights."""
        return self._tips, self._routes, self._premises

    def nearest_tips(self, centred: Vectors, top_k: int) -> list[str]:
        """Ids of the best tips for a vector that is centred already."""
        return [hit.id for hit in self._ranked(self._tips.scores(centred[None])[0], centred)[:top_k]]

    def _judge(self, text: str, language: str, raw: Vectors) -> Retrieved:
        """Everything about a question that stands alone; `raw` is its vector."""
        claim = self.cues.claim(text, language)
        whole = self.index.centre(raw, language)
        rest = [claim, *SENTENCE_BREAK.split(claim)[:1]] if claim else self._parts(text, language, whole)
        vectors = np.stack([whole, *(self.index.centre(vector, language) for vector in self.embedder.queries(rest))])
        assumes = claim is not None or self._assumes(whole)
        name, lead, covered = self._route(vectors, claim is not None, assumes, self._route_bias(text, language))
        if self.cues.alarming(text):
            name, lead, covered = Route.CRISIS.value, CERTAIN, None
        scores = self._tip_scores(vectors, claim is not None, assumes, covered) + self._word_scores(text, language)
        tips = self._ranked(scores, vectors[0])[:TOP_K]
        if tips[0].score >= SURE_TIP and lead < YIELDS.get(name, 0.0):
            name = COACHING
        passages = self._own_passages(raw, language)
        route = route_of(name)
        myth = self._myth(vectors, tips, claim is not None, assumes) if route is Route.COACH else None
        own_first = self._own_first(passages, tips[0].id, vectors[0])
        return Retrieved(route, lead, name, tips, passages, myth, claim is not None, covered is not None, own_first)

    def _parts(self, text: str, language: str, whole: Vectors) -> list[str]:
        """The parts worth an embedding each: none where the whole is clearly coaching and asks one thing."""
        name, lead = self._routes.best(whole, ROUTE_BIAS)
        one_thing = text.count("?") < 2 and not self.cues.asks_also(text, language)
        return [] if name == COACHING and lead >= SURE_LEAD and one_thing else self.cues.parts(text, language)

    def _with_history(self, question: Question, language: str, alone: Retrieved, raw_alone: Vectors) -> Retrieved:
        """A short question that does not settle its own route is read with the turn before it."""
        if len(question.text.split()) > FOLLOW_UP_WORDS or self._clear(question.text, language, alone):
            return alone
        turn = question.history[-1]
        texts = [f"{turn.question} {turn.answer[:ANSWER_CHARACTERS]} {question.text}", f"{turn.question} {question.text}"]
        raw = [*self.embedder.queries(texts), raw_alone]
        vectors = np.stack([self.index.centre(vector, language) for vector in raw])
        name, lead = self._routes.best(vectors[0], ROUTE_BIAS)
        if name != COACHING:
            return alone
        scores = self._tips.scores(vectors)
        words = self._word_scores(texts[1], language)
        tips = self._ranked(scores[0] + HISTORY_WEIGHT * scores[1] + ALONE_WEIGHT * scores[2] + words, vectors[1])[:TOP_K]
        passages = self._own_passages(raw[1], language)
        own_first = self._own_first(passages, tips[0].id, vectors[1])
        return Retrieved(Route.COACH, lead, COACHING, tips, passages, own_first=own_first, used_history=True)

    def _clear(self, text: str, language: str, alone: Retrieved) -> bool:
        pointing, bare = SETTLED.get(alone.route, SERIOUS_SETTLED)
        return alone.route_score >= (pointing if self.cues.points_back(text, language) else bare)

    def _assumes(self, vector: Vectors) -> bool:
        """True when a question is worded like those that take a myth for granted."""
        return self._premises.lead(vector, Kind.PREMISE.value, {}) >= PREMISE_LEAD

    def _route(self, vectors: Vectors, claims: bool, assumes: bool, bias: Mapping[str, float]) -> tuple[str, float, int | None]:
        """Name of the route, its lead over the next, and which part is coaching when another part is not covered."""
        same = self._routes.same(vectors[0])
        if same is not None:
            return same, CERTAIN, None
        name, lead = self._routes.best(vectors[0], bias)
        if assumes and not (name in _SERIOUS and lead >= CLAIM_LEAD):
            name = COACHING
            if claims:
                return name, lead, None
        if name in _SERIOUS:
            return name, lead, None
        parts = [self._routes.best(vector, ROUTE_BIAS) for vector in vectors[1:]]
        serious = [(part_lead, part) for part, part_lead in parts if part in _SERIOUS and part_lead >= PART_LEAD[part]]
        if serious:
            return max(serious)[1], max(serious)[0], None
        elsewhere = any(part in _ELSEWHERE and part_lead >= PARTLY_OTHER for part, part_lead in parts)
        if not elsewhere or name not in {COACHING, *_ELSEWHERE}:
            return name, lead, None
        leads = [self._routes.lead(vector, COACHING, ROUTE_BIAS) for vector in vectors[1:]]
        covered = int(np.argmax(leads))
        return (COACHING, lead, covered + 1) if leads[covered] >= PARTLY_COACH else (name, lead, None)

    def _tip_scores(self, vectors: Vectors, claims: bool, assumes: bool, covered: int | None) -> Vectors:
        """Scores of all tips, shape (tips,): the whole question and its parts, or what it claims, or its covered parts."""
        scores = self._tips.scores(vectors)
        if claims:
            return np.asarray(scores[1:].mean(axis=0) + CLAIM_WEIGHT * self._claim_scores(vectors[1:]), np.float32)
        if assumes:
            return np.asarray(scores[0] + CLAIM_WEIGHT * self._claim_scores(vectors[:1]), np.float32)
        if covered is not None:
            return np.asarray(scores[0] + PARTLY_WEIGHT * scores[covered], np.float32)
        return np.asarray(scores[0] + PART_WEIGHT * scores[1:].mean(axis=0), np.float32) if len(scores) > 1 else scores[0]

    def _ranked(self, scores: Vectors, vector: Vectors) -> tuple[Hit, ...]:
        """All tips, best first; one whose own phrasing the question is comes first whatever the scores say."""
        same = self._tips.same(vector)
        if same is not None:
            scores = scores.copy()
            scores[self._tips.names.index(same)] = scores.max() + 1e-3
        return tuple(Hit(self._tips.names[n], float(scores[n])) for n in np.argsort(-scores, kind="stable"))

    def _word_scores(self, text: str, language: str) -> Vectors:
        """What the question's words say, shape (tips,)."""
        if not self.lexicons:
            return np.zeros(len(self._tips.names), np.float32)
        return np.asarray(LEXICAL_WEIGHT * self.lexicons[0].evidence(text, language, self._tips.names), np.float32)

    def _route_bias(self, text: str, language: str) -> dict[str, float]:
        """What the question's words say of the routes, on top of their constant biases."""
        if not self.lexicons:
            return dict(ROUTE_BIAS)
        evidence = self.lexicons[1].evidence(text, language, self._routes.names)
        return {
            name: ROUTE_BIAS.get(name, 0.0) + ROUTE_LEXICAL_WEIGHT * float(odds)
            for name, odds in zip(self._routes.names, evidence, strict=True)
        }

    def _own_passages(self, raw: Vectors, language: str) -> tuple[PassageHit, ...]:
        hits = self.index.nearest_passages(raw, language, TOP_K)
        return tuple(hit for hit in hits if hit.passage.own and hit.score >= PASSAGE_FLOOR)

    def _own_first(self, passages: Sequence[PassageHit], tip: str, vector: Vectors) -> bool:
        """True when an own passage is nearer than every phrasing of the best tip."""
        return bool(passages) and passages[0].score > self._nearest_ask(tip, vector)

    def _nearest_ask(self, tip: str, vector: Vectors) -> float:
        return self._nearest(self._rows[tip, Kind.ASK], vector)

    def _nearest(self, rows: Sequence[int], vector: Vectors) -> float:
        return float((self.index.centred[rows] @ vector).max()) if rows else -1.0

    def _claim_scores(self, vectors: Vectors) -> Vectors:
        """Cosine of the nearest vector to each tip's nearest myth, shape (tips,)."""
        rows = [self._rows.get((tip, Kind.MYTH), []) for tip in self._tips.names]
        return np.array([max(self._nearest(myths, vector) for vector in vectors) for myths in rows], np.float32)

    def _myth(self, vectors: Vectors, tips: Sequence[Hit], claims: bool, assumes: bool) -> tuple[str, int] | None:
        """The best tip's myth that the question takes for granted.

        A question that says what the articles advise does, unless that is nearer to what the tip does say; any other one
        only when it is nearly the myth itself.
        """
        tip = tips[0].id
        myths = self._rows.get((tip, Kind.MYTH), [])
        if not myths:
            return None
        cosines = self.index.centred[myths] @ (vectors[1:] if claims else vectors[:1]).T
        lead = cosines.max(axis=0)
        if assumes and not claims:
            found = True
        elif claims:
            says = [*self._rows.get((tip, Kind.TITLE), []), *self._rows.get((tip, Kind.WHY), [])]
            lead = lead - np.array([self._nearest(says, vector) for vector in vectors[1:]])
            found = lead.max() >= MYTH_MARGIN
        else:
            found = lead[0] >= max(MYTH_ITSELF, self._nearest_ask(tip, vectors[0]))
        row = myths[int(cosines[:, int(lead.argmax())].argmax())]
        return (tip, self.index.entries[row].number) if found else None

    @cached_property
    def _rows(self) -> Mapping[tuple[str, Kind], list[int]]:
        rows: dict[tuple[str, Kind], list[int]] = {}
        for row, entry in enumerate(self.index.entries):
            rows.setdefault((entry.owner, entry.kind), []).append(row)
        return rows


def _route_name(entry: Entry) -> str:
    return entry.owner if entry.kind is Kind.ROUTE else COACHING


def _premise_name(entry: Entry) -> str:
    return Kind.PREMISE.value if entry.kind is Kind.PREMISE else Kind.ASK.value


def _tip_texts(index: Index) -> list[tuple[str, str, str]]:
    return [(entry.owner, entry.language, entry.text) for entry in index.entries if entry.kind in {Kind.ASK, Kind.TITLE, Kind.WHY}]


def _route_texts(index: Index) -> list[tuple[str, str, str]]:
    coaching = [(COACHING, entry.language, entry.text) for entry in index.entries if entry.kind in {Kind.ASK, Kind.TITLE}]
    return coaching + [(entry.owner, entry.language, entry.text) for entry in index.entries if entry.kind is Kind.ROUTE]
