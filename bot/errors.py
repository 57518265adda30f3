"""Errors that a user may see.

    BotError
    ├── UsageError            the caller asked for something impossible (exit code 2)
    │   ├── QuestionError     the question itself cannot be answered: empty, too long, no words
    │   └── SettingsError     bot.toml or the environment holds something unknown or impossible
    ├── KnowledgeError        an article, card or route file is wrong
    ├── DocumentError         one of the organisation's documents cannot be read
    ├── IndexError_           the index cannot be built or opened
    │   └── IndexLockedError  another process writes it
    ├── RetentionError        what is to be deleted could not be deleted
    ├── BackupError           an archive cannot be written, or is not one that can be restored
    └── ModelError            the language model cannot be fetched, loaded or asked
        ├── DownloadError     it could not be fetched or its bytes are wrong
        ├── ModelBusyError    its queue is full
        └── ModelAwayError    it is not running, or did not answer in time

Each message is one sentence or two: what was wrong, what was found, what to do. It knows nothing of how it is shown.
"""


class BotError(Exception):
    """Base of every error with a message meant for a user."""

    exit_code = 1


class UsageError(BotError):
    """The caller asked for something that cannot be done."""

    exit_code = 2


class QuestionError(UsageError):
    """The question cannot be answered as it stands.

    Args:
        key: name of the interface text that explains it (`error_empty`, `error_too_long`, `error_no_words`).
        values: what the interface text's placeholders stand for.
    """

    def __init__(self, key: str, message: str, **values: int) -> None:
        super().__init__(message)
        self.key = key
        self.values = values


class SettingsError(UsageError):
    """bot.toml or the environment holds something unknown or impossible."""


class KnowledgeError(BotError):
    """An article, card or route file is wrong."""


class DocumentError(BotError):
    """One of the organisation's documents cannot be read."""


class IndexError_(BotError):  # noqa: N801, N818 - the built-in IndexError means something else
    """The index cannot be built or opened."""


class IndexLockedError(IndexError_):
    """Another process is writing the index."""


class RetentionError(BotError):
    """What is to be deleted could not be deleted."""


class BackupError(BotError):
    """An archive cannot be written, or is not one that can be restored."""


class ModelError(BotError):
    """The language model cannot be fetched, loaded or asked."""


class DownloadError(ModelError):
    """The model's file could not be fetched, or its bytes are wrong."""


class ModelBusyError(ModelError):
    """More questions are waiting for the model than its queue takes."""


class ModelAwayError(ModelError):
    """The model is not running, or did not answer within its deadline."""
