"""Counting tokens with tiktoken on the model's own vocabulary. The only file that imports tiktoken.

tiktoken's named encodings are downloaded at first use and so fail on a closed network; this one is built from the file that
the model's process leaves beside the model. It knows nothing of prompts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Count = Callable[[str], int]

_QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""Split pattern of Qwen2's tokenizer (tokenizer.json of the model, Apache-2.0): digits one by one."""
_BYTES_PER_TOKEN = 2
"""Without a vocabulary: fewer bytes a token than any of our languages has in practice, so counts err on the high side.
A digit is a token of its own."""


def estimate(text: str) -> int:
    """An upper estimate for a model whose vocabulary is not known."""
    return (len(text.encode("utf-8")) + sum(map(str.isdigit, text))) // _BYTES_PER_TOKEN + 1


def load_counter(vocabulary: Path) -> Count:
    """A function that counts a text's tokens.

    Args:
        vocabulary: byte-pair ranks in tiktoken's format; where it is missing, counts are estimates.
    """
    if not vocabulary.is_file():
        return estimate
    import tiktoken  # noqa: PLC0415 - a vocabulary of 150,000 tokens, loaded when a model is
    from tiktoken.load import load_tiktoken_bpe  # noqa: PLC0415

    encoding = tiktoken.Encoding(vocabulary.stem, pat_str=_QWEN2, mergeable_ranks=load_tiktoken_bpe(str(vocabulary)), special_tokens={})
    return lambda text: len(encoding.encode_ordinary(text))
