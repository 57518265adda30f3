"""What is stored about the one who asks, in sentences, from the settings that the server runs with. The same for everybody.

It knows what each setting means for a person, not how anything is stored.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from bot.config import Settings
from bot.interface import Interface
from bot.web.sessions import KEPT_HOURS


def stored(settings: Settings, texts: Interface) -> list[str]:
    """The sentences, in the language of the texts."""
    remote = urlsplit(settings.model).hostname if settings.model.startswith(("http://", "https://")) else None
    known = bool(settings.token_algorithm or settings.user_header)
    return [
        texts.format("stored_nothing", hours=KEPT_HOURS),
        texts.format("stored_model_away", host=remote) if remote else texts["stored_model_here"],
        *([texts["stored_cache"]] if settings.answer_cache else []),
        texts["stored_logs"],
        *([texts["stored_identity"]] if known else []),
        texts.format("stored_limits", address=settings.limit_address, user=settings.limit_user),
        texts.format("stored_feedback_on", days=settings.feedback_days) if settings.feedback else texts["stored_feedback_off"],
        texts["stored_browser"],
    ]
