"""`/metrics`: counts and seconds for Prometheus. No text, no ids, no names; every label comes from a short list of our own.

Each application has a registry of its own. Only listed addresses may read it, this machine by default, and nobody through a
reverse proxy: behind one every request seems to come from this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import ip_network

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bot import __version__
from bot.errors import QuestionError
from bot.events import Ask, Done, Event
from bot.types import Answer, Question
from bot.web.proxies import peer, within
from bot.web.status import Look

STEPS = ("first_card", "first_sentence", "first_token", "total")
BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 45, 60)
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_MODEL_STATES = ("none", "starting", "ready", "away", "failed")


class Metrics:
    """Counts what is asked and answered."""

    def __init__(self, look: Look) -> None:
        """Args:
        look: how the server is; asked whenever the metrics are read.
        """
        self.registry = CollectorRegistry()
        self._questions = self._counter("questions", "Questions answered.", ["route", "language", "mode"])
        self._unanswered = self._counter("unanswered", "Questions whose answer failed, or whose reader went away.", ["why"])
        self._tokens = self._counter("tokens", "Tokens of the model.", ["kind"])
        self._dropped = self._counter("dropped_sentences", "Sentences of the model that the check kept back.", ["reason"])
        self._notes = self._counter("notes", "Notes on answers: model_busy, model_slow …", ["note"])
        self._seconds = Histogram(
            "trust_coach_seconds",
            "Seconds from the question to a step of its answer.",
            ["step"],
            registry=self.registry,
            buckets=BUCKETS,
        )
        self._under_way = Gauge("trust_coach_answers_under_way", "Answers being made now.", registry=self.registry)
        for why in ("failed", "abandoned"):
            self._unanswered.labels(why)
        self.registry.register(_StatusCollector(look))
        ProcessCollector(registry=self.registry)

    def watched(self, ask: Ask) -> Ask:
        """The same way to ask, counted."""

        def asked(question: Question, stopped: Callable[[], bool]) -> Iterator[Event]:
            done = False
            self._under_way.inc()
            try:
                for event in ask(question, stopped):
                    if isinstance(event, Done):
                        done = True
                        self._count(event.answer)
                    yield event
            except QuestionError:
                raise
            except GeneratorExit:
                if not done:
                    self._unanswered.labels("abandoned").inc()
                raise
            except Exception:
                self._unanswered.labels("failed").inc()
                raise
            finally:
                self._under_way.dec()

        return asked

    def _count(self, answer: Answer) -> None:
        times = answer.timings
        self._questions.labels(answer.route, answer.language, answer.mode).inc()
        for step in STEPS:
            milliseconds = getattr(times, f"{step}_ms")
            if milliseconds is not None:
                self._seconds.labels(step).observe(milliseconds / 1000)
        self._tokens.labels("prompt").inc(times.prompt_tokens)
        self._tokens.labels("completion").inc(times.completion_tokens)
        for dropped in answer.dropped:
            self._dropped.labels(dropped.reason).inc()
        for note in answer.notes:
            self._notes.labels(note).inc()

    def _counter(self, name: str, help_text: str, labels: Sequence[str]) -> Counter:
        return Counter(f"trust_coach_{name}", help_text, labels, registry=self.registry)


class _StatusCollector(Collector):
    """The server's state, looked at when it is asked for."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client."""
        status = self._look()
        version = GaugeMetricFamily("trust_coach_version", "Always 1.", labels=["version"])
        version.add_metric([__version__], 1)
        yield version
        model = GaugeMetricFamily("trust_coach_model", "1 for the state that the model is in.", labels=["state"])
        for state in _MODEL_STATES:
            model.add_metric([state], float(state == status.model))
        yield model
        yield GaugeMetricFamily("trust_coach_ready", "1 when /readyz answers 200.", value=float(not status.wrong))
        yield GaugeMetricFamily("trust_coach_queue_length", "Prompts that wait for the model or run.", value=status.queue)
        yield GaugeMetricFamily("trust_coach_index_entries", "Entries of the index in use.", value=status.index_entries)
        built = "When the index in use was built, in seconds since 1970; 0: in memory, from the shipped vectors."
        yield GaugeMetricFamily("trust_coach_index_built_timestamp_seconds", built, value=status.index_built)
        if status.disk_free is not None:
            yield GaugeMetricFamily("trust_coach_disk_free_bytes", "Free bytes where the home folder is.", value=status.disk_free)


def metrics_router(metrics: Metrics, readers: Sequence[str]) -> APIRouter:
    """The route.

    Args:
        readers: addresses and networks that may read; none switches it off.
    """
    networks = [ip_network(reader) for reader in readers]
    router = APIRouter()

    @router.get("/metrics")
    def told(request: Request) -> Response:
        if not networks:
            return JSONResponse({"error": "The metrics are switched off (setting metrics_from)."}, 404)
        if any(name in request.headers for name in FORWARDED):
            return JSONResponse({"error": "The metrics are not read through a proxy. Ask this server itself."}, 403)
        if not within(peer(request.scope), networks):
            return JSONResponse({"error": "This address may not read the metrics (setting metrics_from)."}, 403)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})

    return router
