"""The HTTP interface against its own description: bodies that fit it and bodies that do not, made by schemathesis.

The application serves no OpenAPI document; this one is made here by FastAPI from the model that the route reads its body with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import given
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from starlette.testclient import TestClient

from bot.assemble import Parts
from bot.config import ROOT, Settings
from bot.web.api import Asked
from bot.web.app import create_app
from tests.fakes import SayingModel, repeating
from tests.properties.texts import examples


def document() -> dict[str, Any]:
    """The OpenAPI document of `POST /api/ask`; the languages, which the route looks up in the table, are written in."""
    described = FastAPI(title="Trust Coach", openapi_url=None)
    answers: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
    answers |= {status: {"description": "refused", "content": {"application/json": {}}} for status in (413, 422, 429, 503)}

    @described.post("/api/ask", responses=answers)
    def ask(asked: Asked) -> None:
        """What is served is not this but the route of the application."""

    found = described.openapi()
    lang = found["components"]["schemas"]["Asked"]["properties"]["lang"]
    lang["anyOf"] = [{"enum": sorted(path.name for path in (ROOT / "data" / "languages").iterdir())}, {"type": "null"}]
    return found


OPERATION = schemathesis.openapi.from_dict(document())["/api/ask"]["POST"]


@pytest.fixture(scope="module")
def asked(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The whole application, whose limit of questions is not reached here."""
    parts = Parts(Settings(home=tmp_path_factory.mktemp("home"), limit_address=100_000))
    with TestClient(create_app(parts.coach(SayingModel(repeating))), raise_server_exceptions=False) as client:
        yield client


def send(client: TestClient, case: Case[Any]) -> tuple[int, str]:
    """Sends a case as it is; returns status and text, after the checks of schemathesis that any answer has to stand."""
    told = case.call(app=client.app)
    case.validate_response(told, checks=[not_a_server_error])
    text = told.content.decode("utf-8")
    assert "Traceback" not in text
    return told.status_code, text


@examples(100)
@given(case=OPERATION.as_strategy(generation_mode=GenerationMode.POSITIVE))
def test_a_body_that_fits_gets_an_answer_or_what_is_wrong_with_the_question(asked: TestClient, parts: Parts, case: Case[Any]) -> None:
    status, text = send(asked, case)
    assert status == 200
    assert text.count("event: done") + text.count("event: error") == 1
    assert not any(texts["error_internal"] in text for texts in parts.interfaces.values())


@examples(100)
@given(case=OPERATION.as_strategy(generation_mode=GenerationMode.NEGATIVE))
def test_a_body_that_does_not_fit_is_refused_with_a_reason(asked: TestClient, case: Case[Any]) -> None:
    status, text = send(asked, case)
    assert status in {400, 413, 415, 422}
    assert '"error"' in text


def test_the_document_is_not_served(asked: TestClient) -> None:
    assert asked.get("/openapi.json").status_code == 404
    assert asked.get("/docs").status_code == 404
