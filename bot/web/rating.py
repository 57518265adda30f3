"""A manager's rating of an answer: what is kept of it, and keeping it. It knows no HTML and no page."""

from __future__ import annotations

import logging

from bot.config import Settings
from bot.retention import Store, stores
from bot.text import clean
from bot.web.below import WORD_LENGTH
from bot.web.exchange import Exchange, Rating

log = logging.getLogger(__name__)

VERDICTS = ("up", "down")


class Ratings:
    """Where ratings go, if the organisation wants them."""

    def __init__(self, settings: Settings) -> None:
        self._store: Store = next(store for store in stores(settings) if store.name == "feedback")

    @property
    def days(self) -> int | None:
        """Days that a rating is kept; None: there is none."""
        return self._store.days if self._store.on else None

    def keep(self, exchange: Exchange, verdict: object, word: object) -> Rating:
        """Stores a rating that its manager agreed to.

        Returns:
            STORED or FAILED; NONE when there is nothing to rate or ratings are off.
        """
        answer = exchange.answer
        if not self._store.on or answer is None or verdict not in VERDICTS or exchange.rating is Rating.STORED:
            return exchange.rating
        record = {
            "language": answer.language,
            "route": answer.route.value,
            "tips": [card.tip for card in exchange.cards],
            "mode": answer.mode.value,
            "verdict": verdict,
            "word": clean(word)[:WORD_LENGTH] if isinstance(word, str) else "",
        }
        try:
            self._store.keep(record)
        except OSError as error:
            log.error("rating not stored", extra={"reason": error.strerror})
            return Rating.FAILED
        return Rating.STORED
