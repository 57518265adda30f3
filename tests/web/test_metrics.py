"""What /metrics counts, who may read it, and that it holds no words of anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from bot.assemble import Parts
from bot.coach import Coach
from bot.config import load_settings
from bot.errors import SettingsError
from bot.llm.protocol import Prompt
from bot.types import Question
from bot.web.app import create_app
from bot.web.metrics import Metrics
from bot.web.status import Status, free_disk
from tests.fakes import SayingModel

NORWEGIAN = "Hvordan får jeg tilbake tilliten etter et brutt løfte til teamet kanarifugl?"
LOCAL = ("127.0.0.1", 50_000)


def client_of(coach: Coach, address: tuple[str, int] = LOCAL) -> TestClient:
    return TestClient(create_app(coach), client=address, raise_server_exceptions=False)


def read(client: TestClient) -> dict[tuple[str, tuple[str, ...]], float]:
    """(name, label values by label name) → value."""
    response = client.get("/metrics")
    assert response.status_code == 200
    return {
        (sample.name.removeprefix("trust_coach_"), tuple(sample.labels[key] for key in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def ask(client: TestClient, question: str = NORWEGIAN) -> None:
    assert client.post("/api/ask", json={"question": question}).status_code == 200


def test_questions_are_counted_by_route_language_and_mode(coach: Coach) -> None:
    with client_of(coach) as client:
        ask(client)
        ask(client)
        ask(client, "What will the weather be like in Bergen tomorrow?")
        found = read(client)
    assert found["questions_total", ("nb", "generated", "coach")] == 2
    assert found["questions_total", ("en", "fixed", "not_covered")] == 1
    assert found["answers_under_way", ()] == 0


def test_seconds_and_tokens_are_those_of_the_answers(coach: Coach) -> None:
    with client_of(coach) as client:
        ask(client)
        found = read(client)
    for step in ("first_card", "first_sentence", "first_token", "total"):
        assert found["seconds_count", (step,)] == 1
        assert 0 < found["seconds_sum", (step,)] < 30
    assert found["seconds_sum", ("first_card",)] <= found["seconds_sum", ("total",)]
    assert found["tokens_total", ("prompt",)] > 0
    assert found["tokens_total", ("completion",)] > 0


def test_dropped_sentences_are_counted_by_reason(parts: Parts) -> None:
    invented = SayingModel(" Gi alle i teamet en bonus på ti tusen kroner hver fredag fremover. Ring dem hjem om kvelden og be om et lån.")
    with client_of(parts.coach(invented)) as client:
        ask(client)
        found = read(client)
    assert sum(value for (name, _), value in found.items() if name == "dropped_sentences_total") == 2


def test_failed_answer_is_counted_as_such(parts: Parts) -> None:
    def breaking(_: Prompt) -> str:
        raise RuntimeError("broken on purpose")

    with client_of(parts.coach(SayingModel(breaking))) as client:
        ask(client)
        found = read(client)
    assert found["unanswered_total", ("failed",)] == 1
    assert not [name for name, _ in found if name == "questions_total"]


def test_reader_who_goes_away_is_counted(coach: Coach) -> None:
    metrics = Metrics(Status)
    events = metrics.watched(coach.ask)(Question(NORWEGIAN), lambda: False)
    next(events)
    assert metrics.registry.get_sample_value("trust_coach_answers_under_way") == 1
    events.close()  # type: ignore[attr-defined]
    assert metrics.registry.get_sample_value("trust_coach_unanswered_total", {"why": "abandoned"}) == 1
    assert metrics.registry.get_sample_value("trust_coach_answers_under_way") == 0


def test_each_application_counts_for_itself(coach: Coach) -> None:
    with client_of(coach) as first, client_of(coach) as second:
        ask(first)
        assert ("questions_total", ("nb", "generated", "coach")) in read(first)
        assert ("questions_total", ("nb", "generated", "coach")) not in read(second)


def test_state_of_model_index_and_disk_is_told(coach: Coach) -> None:
    with client_of(coach) as client:
        found = read(client)
    assert found["model", ("ready",)] == 1
    assert found["model", ("failed",)] == 0
    assert found["index_entries", ()] == len(coach.index.entries)
    assert found["disk_free_bytes", ()] > 0
    assert found["queue_length", ()] == 0
    assert found["ready", ()] == 1


def test_every_label_comes_from_a_short_list_and_no_word_of_a_question_is_there(coach: Coach) -> None:
    with client_of(coach) as client:
        ask(client)
        text = client.get("/metrics").text
    assert "kanarifugl" not in text
    labels = {value for (_, values) in read(client_of(coach)) for value in values}
    assert all(len(value) < 30 for value in labels)


@pytest.mark.parametrize(
    ("readers", "peer", "headers", "status"),
    [
        (["127.0.0.0/8", "::1"], "127.0.0.1", {}, 200),
        (["127.0.0.0/8", "::1"], "::1", {}, 200),
        (["127.0.0.0/8", "::1"], "::ffff:127.0.0.1", {}, 200),
        (["127.0.0.0/8", "::1"], "10.1.2.3", {}, 403),
        (["127.0.0.0/8", "::1"], "127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        (["127.0.0.0/8", "::1"], "127.0.0.1", {"X-Real-IP": "10.1.2.3"}, 403),
        (["127.0.0.0/8", "::1"], "127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 403),
        (["10.0.0.0/8"], "10.1.2.3", {}, 200),
        (["10.0.0.0/8"], "127.0.0.1", {}, 403),
        (["10.0.0.0/8"], "no address", {}, 403),
        ([], "127.0.0.1", {}, 404),
    ],
)
def test_only_listed_addresses_read_it_and_nobody_through_a_proxy(
    parts: Parts, readers: Sequence[str], peer: str, headers: Mapping[str, str], status: int
) -> None:
    coach = parts.coach(None)
    coach.settings = parts.settings.model_copy(update={"metrics_from": tuple(readers)})
    response = client_of(coach, (peer, 50_000)).get("/metrics", headers=dict(headers))
    assert response.status_code == status
    assert (status == 200) == ("trust_coach_questions" in response.text)


def test_reader_that_is_no_address_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_METRICS_FROM", "10.0.0.1, everybody")
    with pytest.raises(SettingsError, match="everybody"):
        load_settings()
    monkeypatch.setenv("BOT_METRICS_FROM", "10.0.0.1, 10.1.0.0/16")
    assert load_settings().metrics_from == ("10.0.0.1", "10.1.0.0/16")


FINE: dict[str, Any] = {"model": "ready", "index": "g-1", "disk_free": 10**9, "disk_floor": 10**8}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, None),
        ({"model": "starting"}, None),
        ({"model": "none"}, None),
        ({"model": "away"}, "model: away"),
        ({"model": "failed"}, "model: failed"),
        ({"index": ""}, "index: there is none"),
        ({"index_failed": True}, "index: the newer one"),
        ({"disk_free": 10**7}, "disk: 10 MB free, the floor is 100 MB"),
        ({"disk_free": None}, "disk: the home folder"),
    ],
)
def test_readiness_says_which_part_is_wrong(coach: Coach, change: Mapping[str, Any], wrong: str | None) -> None:
    status = Status(**{**FINE, **change})
    with TestClient(create_app(coach, look=lambda: status)) as client:
        response = client.get("/readyz")
        assert client.get("/healthz").json() == {"status": "ok"}
    told = response.json()
    assert response.status_code == (200 if wrong is None else 503)
    assert told["ready"] == (wrong is None)
    assert [line.startswith(wrong or "-") for line in told["wrong"]] == ([True] if wrong else [])


def test_real_disk_is_asked_and_a_lost_folder_is_told(coach: Coach, tmp_path: Path) -> None:
    with TestClient(create_app(coach)) as client:
        assert client.get("/readyz").json()["disk_free_mb"] > 0
    assert free_disk(tmp_path) is not None
    assert free_disk(tmp_path / "gone") is None
