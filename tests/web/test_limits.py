"""How much may be asked: by a person, from an address; and that headers do not get around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.testclient import TestClient

from bot.assemble import Parts
from bot.config import Settings
from bot.web.app import create_app
from bot.web.limits import Limits

EMPTY = {"question": " "}
"""Refused by the coach at once, but counted all the same."""


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_so_many_at_once_then_evenly() -> None:
    clock = Clock()
    limits = Limits(clock)
    assert [limits.take("a", 3) for _ in range(3)] == [0, 0, 0]
    assert limits.take("a", 3) == pytest.approx(20)
    assert limits.take("b", 3) == 0
    clock.now += 20
    assert limits.take("a", 3) == 0
    assert limits.take("a", 3) > 0
    clock.now += 3600
    assert [bool(limits.take("a", 3)) for _ in range(4)] == [False, False, False, True]


def test_memory_is_bounded_and_the_newest_stay() -> None:
    limits = Limits(Clock(), kept=100)
    for number in range(1000):
        limits.take(str(number), 1)
    assert len(limits) == 100
    assert limits.take("999", 1) > 0


def test_no_name_is_kept() -> None:
    limits = Limits(Clock())
    limits.take("token kari.nordmann", 1)
    assert "kari" not in repr(vars(limits))


@contextmanager
def app(parts: Parts, **settings: Any) -> Iterator[TestClient]:
    coach = parts.coach(None)
    coach.settings = Settings(home=parts.settings.home, **settings)
    with TestClient(create_app(coach), client=("203.0.113.1", 5)) as client:
        yield client


def codes(client: TestClient, count: int, path: str = "/api/ask", **headers: str) -> list[int]:
    return [client.post(path, json=EMPTY, headers=headers).status_code for _ in range(count)]


def test_too_many_questions_are_told_when_to_come_back(parts: Parts) -> None:
    with app(parts, limit_address=3) as client:
        assert codes(client, 3) == [200] * 3
        refused = client.post("/api/ask", json=EMPTY, headers={"Accept-Language": "de"})
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert refused.headers["retry-after"] in refused.json()["error"]
    assert "Sekunden" in refused.json()["error"]


def test_page_and_interface_share_one_limit(parts: Parts) -> None:
    with app(parts, limit_address=2) as client:
        assert codes(client, 2) == [200, 200]
        assert codes(client, 1, "/gradio_api/queue/join") == [429]


def test_limit_does_not_hinder_looking(parts: Parts) -> None:
    with app(parts, limit_address=1) as client:
        codes(client, 3)
        assert client.get("/").status_code == 200
        assert client.get("/healthz").status_code == 200
        assert set(codes(client, 5, "/gradio_api/run/predict")) == {400, 422} or 429 not in codes(client, 3, "/gradio_api/run/predict")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "X-Remote-User", "CF-Connecting-IP"])
def test_headers_get_nobody_around_the_limit(parts: Parts, header: str) -> None:
    with app(parts, limit_address=3) as client:
        told = [client.post("/api/ask", json=EMPTY, headers={header: f"198.51.100.{n}"}).status_code for n in range(6)]
    assert told == [200] * 3 + [429] * 3


def test_behind_a_listed_proxy_each_address_has_its_own_limit(parts: Parts) -> None:
    with app(parts, limit_address=2, proxies=("203.0.113.1",)) as client:
        assert codes(client, 3, **{"X-Forwarded-For": "198.51.100.1"}) == [200, 200, 429]
        assert codes(client, 3, **{"X-Forwarded-For": "198.51.100.2"}) == [200, 200, 429]
        forged = [
            client.post("/api/ask", json=EMPTY, headers={"X-Forwarded-For": f"9.9.9.{n}, 198.51.100.1"}).status_code for n in range(3)
        ]
        assert forged == [429] * 3


def test_known_users_of_one_address_have_limits_of_their_own(parts: Parts) -> None:
    with app(parts, limit_user=2, limit_address=2, proxies=("203.0.113.1",), user_header="X-Remote-User") as client:
        for name in ("kari", "ola", "liv"):
            assert codes(client, 3, **{"X-Remote-User": name, "X-Forwarded-For": "198.51.100.1"}) == [200, 200, 429]


def test_proxy_that_is_not_listed_is_named_once_in_the_log(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    with app(parts) as client:
        codes(client, 2, **{"X-Forwarded-For": "198.51.100.77"})
    told = [record.message for record in caplog.records if "BOT_PROXIES" in record.message]
    assert len(told) == 1
    assert "198.51.100.77" not in caplog.text
