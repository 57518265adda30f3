"""How much one person or one address may ask: a bucket each that fills again with time. In memory only, and never by name.

It knows keys and seconds, not who stands behind a key nor what is asked.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MINUTE = 60.0
KEPT = 20_000
"""Keys that are remembered; further ones push out those that have been quiet longest."""


@dataclass
class _Bucket:
    """What is left, and when that was true."""

    left: float
    at: float


class Limits:
    """So many a minute for each key; all of them at once if need be, then evenly.

    A key is kept as a digest with a secret of this process, so that a memory dump names nobody.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, kept: int = KEPT) -> None:
        """Args:
        clock: seconds that never go back.
        kept: keys that are remembered.
        """
        self._clock = clock
        self._kept = kept
        self._salt = secrets.token_bytes(32)
        self._buckets: OrderedDict[bytes, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, a_minute: int) -> float:
        """Takes one; returns 0 when there was one, else the seconds until there is."""
        digest = hmac.digest(self._salt, key.encode(errors="replace"), hashlib.sha256)
        now = self._clock()
        with self._lock:
            bucket = self._buckets.pop(digest, None) or _Bucket(float(a_minute), now)
            bucket.left = min(float(a_minute), bucket.left + (now - bucket.at) * a_minute / MINUTE)
            bucket.at = now
            self._buckets[digest] = bucket
            if len(self._buckets) > self._kept:
                self._buckets.popitem(last=False)
            if bucket.left >= 1:
                bucket.left -= 1
                return 0.0
            return (1 - bucket.left) * MINUTE / a_minute

    def __len__(self) -> int:
        return len(self._buckets)
