"""Answers that are being made, one a browser session, so that they can be stopped. It knows nothing of what is asked."""

from __future__ import annotations

import threading


class Run:
    """An answer that is being made for a session."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self.dropped = False
        """True when nobody wants to see how it ends."""

    def stop(self, *, drop: bool = False) -> None:
        """Ends it: with what was shown by then, or without a word."""
        self.dropped = self.dropped or drop
        self._stopped.set()

    def stopped(self) -> bool:
        """Asked by the coach several times a second."""
        return self._stopped.is_set()


class Runs:
    """Which answer each session is waiting for."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    def begin(self, session: str) -> Run:
        """Starts a run; one that still goes on for the session is dropped."""
        run = Run()
        with self._lock:
            earlier = self._runs.get(session)
            self._runs[session] = run
        if earlier is not None:
            earlier.stop(drop=True)
        return run

    def stop(self, session: str, *, drop: bool = False) -> None:
        """Stops the session's run, if one goes on."""
        run = self._runs.get(session)
        if run is not None:
            run.stop(drop=drop)

    def end(self, session: str, run: Run) -> None:
        """Forgets a run, and stops it if its reader went away in the middle."""
        run.stop()
        with self._lock:
            if self._runs.get(session) is run:
                del self._runs[session]

    @property
    def going(self) -> int:
        """Answers being made now."""
        return len(self._runs)
