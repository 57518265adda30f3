"""The supervised child process: with a small worker of the tests' own for what can go wrong, and with the real model."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config import ROOT
from bot.errors import ModelAwayError, ModelBusyError, ModelError
from bot.llm.local import LocalModel
from bot.llm.protocol import Message, Piece, Prompt
from bot.llm.tuning import Tuning
from bot.prompt import Advice, Prompts
from bot.tokens import estimate
from tests.llm.models import model_file

SMALL_WORKER = (sys.executable, str(Path(__file__).with_name("small_worker.py")))
SOON = 5.0
"""Seconds within which the small worker is back after a death."""
LANGUAGES = ("nb", "sv", "de", "ru", "en")


def never() -> bool:
    return False


def prompt(text: str) -> Prompt:
    return Prompt((Message("system", "Say it again."), Message("user", text)), static=1)


def said(model: LocalModel, text: str, stopped: Callable[[], bool] = never) -> str:
    return "".join(piece.text for piece in model.stream(prompt(text), 100, stopped)).strip()


def eventually(condition: Callable[[], bool], seconds: float = SOON) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


@contextmanager
def small(
    tmp_path: Path,
    behaviour: dict[str, object] | None = None,
    *,
    warm: Sequence[Prompt] = (),
    hung_seconds: float = 10.0,
    loading_seconds: float = 10.0,
    busy_seconds: float = 60.0,
) -> Iterator[LocalModel]:
    """A LocalModel over the small worker, started and settled."""
    path = tmp_path / "behaviour.gguf"
    path.write_text(json.dumps(behaviour or {}), encoding="utf-8")
    model = LocalModel(
        path,
        tmp_path / "vocabulary",
        name="small",
        context=512,
        tuning=Tuning(1),
        queue_size=1,
        busy_seconds=busy_seconds,
        hung_seconds=hung_seconds,
        loading_seconds=loading_seconds,
        back_off=(0.02, 0.02, 0.02),
        worker=SMALL_WORKER,
    )
    model.start(warm)
    model.wait(SOON)
    try:
        yield model
    finally:
        model.close()


def test_words_and_counts_come(tmp_path: Path) -> None:
    with small(tmp_path) as model:
        found = list(model.stream(prompt("keep your promises «ja» å"), 100, never))
    assert [piece.text for piece in found] == ["keep ", "your ", "promises ", "«ja» ", "å ", ""]
    assert found[-1] == Piece("", 5, 5, began=found[-1].began)
    assert 0 < time.monotonic() - found[-1].began < SOON


def test_stop_ends_the_words_and_the_next_prompt_is_answered(tmp_path: Path) -> None:
    with small(tmp_path) as model:
        began = time.monotonic()
        words = said(model, "word " * 90, lambda: time.monotonic() - began > 0.3)
        assert 0 < len(words.split()) < 60
        assert said(model, "next one") == "next one"


def test_reader_that_goes_away_frees_the_model_for_the_next(tmp_path: Path) -> None:
    with small(tmp_path) as model:
        stream = model.stream(prompt("word " * 90), 100, never)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        began = time.monotonic()
        assert said(model, "next one") == "next one"
        assert time.monotonic() - began < 1.0
        assert model.waiting == 0


def test_full_queue_is_busy_at_once(tmp_path: Path) -> None:
    with small(tmp_path) as model:
        askers = [threading.Thread(target=said, args=(model, "word " * 25)) for _ in range(2)]
        for asker in askers:
            asker.start()
        assert eventually(lambda: model.waiting == 2)
        began = time.monotonic()
        with pytest.raises(ModelBusyError):
            said(model, "one more")
        assert time.monotonic() - began < 0.2
        for asker in askers:
            asker.join()
        assert said(model, "now") == "now"


def test_stop_is_heard_in_the_queue(tmp_path: Path) -> None:
    with small(tmp_path) as model:
        asker = threading.Thread(target=said, args=(model, "word " * 60))
        asker.start()
        assert eventually(lambda: model.waiting == 1)
        began = time.monotonic()
        assert said(model, "impatient", lambda: True) == ""
        assert time.monotonic() - began < 0.5
        asker.join()


def test_waiting_questions_get_their_own_words(tmp_path: Path) -> None:
    answers: dict[str, str] = {}
    with small(tmp_path) as model:
        texts = ["one " * 9, "two " * 9]
        askers = [threading.Thread(target=lambda text=text: answers.update({text: said(model, text)})) for text in texts]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
    assert answers == {text: text.strip() for text in texts}


def test_one_who_waits_is_told_the_place_and_an_estimate_from_measured_times(tmp_path: Path) -> None:
    with small(tmp_path) as model:
        began = time.monotonic()
        said(model, "word " * 20)
        took = time.monotonic() - began
        asker = threading.Thread(target=said, args=(model, "word " * 20))
        asker.start()
        assert eventually(lambda: model.waiting == 1)
        places = [piece.place for piece in model.stream(prompt("next"), 100, never) if piece.place is not None]
        asker.join()
    assert [place.ahead for place in places] == [1, 0]
    assert places[1].seconds == pytest.approx(took, rel=0.5)
    assert places[0].seconds > places[1].seconds


def test_wait_that_would_be_too_long_is_busy_at_once_and_a_patient_prompt_waits(tmp_path: Path) -> None:
    with small(tmp_path, busy_seconds=0.2) as model:
        said(model, "word " * 20)
        asker = threading.Thread(target=said, args=(model, "word " * 20))
        asker.start()
        assert eventually(lambda: model.waiting == 1)
        began = time.monotonic()
        with pytest.raises(ModelBusyError, match="would be free"):
            said(model, "in a hurry")
        assert time.monotonic() - began < 0.2
        words = model.stream(replace(prompt("no hurry"), patient=True), 100, never)
        assert "".join(piece.text for piece in words).strip() == "no hurry"
        asker.join()


@pytest.mark.parametrize("word", ["die", "half"], ids=["between two lines", "in the middle of a line"])
def test_death_in_the_middle_is_away_and_the_model_comes_back(tmp_path: Path, word: str) -> None:
    with small(tmp_path) as model:
        for n in range(1, 4):
            with pytest.raises(ModelAwayError):
                said(model, f"well then {word} now")
            assert eventually(lambda: model.ready), model.failure
            assert model.restarts == n
            assert said(model, "still here") == "still here"


def test_kill_while_idle_is_mended_before_anyone_asks(tmp_path: Path) -> None:
    with small(tmp_path) as model:
        before = model.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        assert eventually(lambda: model.ready and model.pid not in {None, before})
        assert said(model, "still here") == "still here"


def test_death_while_the_warm_prompts_are_given_is_survived(tmp_path: Path) -> None:
    with small(tmp_path, {"deaths": 2}, warm=[prompt("constant")] * 3) as model:
        assert eventually(lambda: model.restarts == 2 and model.ready)
        assert said(model, "still here") == "still here"


def test_warm_prompts_are_given_again_after_a_death(tmp_path: Path) -> None:
    with small(tmp_path, warm=[prompt("constant")] * 3) as model:
        with pytest.raises(ModelAwayError):
            said(model, "die")
        assert eventually(lambda: model.ready)
        assert said(model, "how-many-kept") == "3"


def test_child_that_stands_still_is_taken_for_hung_and_replaced(tmp_path: Path) -> None:
    with small(tmp_path, hung_seconds=0.4) as model:
        before = model.pid
        assert before is not None
        os.kill(before, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(ModelAwayError, match="did not move"):
            said(model, "hello")
        assert 0.4 <= time.monotonic() - began < 2.0
        assert eventually(lambda: model.ready)
        assert said(model, "still here") == "still here"


def test_silence_in_the_middle_is_taken_for_hung(tmp_path: Path) -> None:
    with small(tmp_path, hung_seconds=0.4) as model:
        with pytest.raises(ModelAwayError, match="did not move"):
            said(model, "well stall now")
        assert eventually(lambda: model.ready)


def test_child_that_hangs_while_it_loads_is_replaced(tmp_path: Path) -> None:
    with small(tmp_path, {"hangs": 2}, loading_seconds=0.5) as model:
        assert eventually(lambda: model.ready, 10.0)
        assert model.restarts == 2
        assert said(model, "here now") == "here now"


def test_child_that_always_hangs_while_it_loads_is_given_up(tmp_path: Path) -> None:
    with small(tmp_path, {"hangs": 99}, loading_seconds=0.3) as model:
        assert eventually(lambda: model.failure is not None, 10.0)
        assert not model.ready


def test_refused_prompt_is_an_error_of_its_own_and_no_death(tmp_path: Path) -> None:
    with small(tmp_path) as model:
        with pytest.raises(ModelError, match="does not fit") as caught:
            said(model, "please refuse")
        assert not isinstance(caught.value, ModelAwayError)
        assert said(model, "still here") == "still here"
        assert model.restarts == 0


def test_model_that_cannot_be_loaded_is_not_started_again(tmp_path: Path) -> None:
    with small(tmp_path, {"failed": "It is no GGUF model."}) as model:
        assert not model.ready
        assert model.failure == "It is no GGUF model."
        with pytest.raises(ModelAwayError, match="no GGUF"):
            said(model, "hello")
        time.sleep(0.2)
        assert model.restarts == 0
        assert model.pid is None


def test_child_that_always_dies_while_loading_is_given_up(tmp_path: Path) -> None:
    with small(tmp_path, {"dies": True}) as model:
        assert not model.ready
        assert "dies while loading" in str(model.failure)
        assert model.restarts == 3


def test_missing_program_is_a_failure_and_no_endless_wait(tmp_path: Path) -> None:
    path = tmp_path / "m"
    model = LocalModel(path, path, name="no", context=512, tuning=Tuning(1), queue_size=1, back_off=(0.01,), worker=("/no/such/program",))
    model.start()
    began = time.monotonic()
    assert not model.wait(SOON)
    assert time.monotonic() - began < 1.0
    assert "dies while loading" in str(model.failure)


def test_close_ends_the_child_and_starts_no_other(tmp_path: Path) -> None:
    with small(tmp_path) as model:
        child = model.pid
        assert child is not None
    assert model.pid is None
    time.sleep(0.1)
    assert model.restarts == 0
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@pytest.mark.parametrize("content", [b"", b"This is a shopping list.\n", b"GGUF" + b"\x00" * 500], ids=["empty", "text", "header only"])
def test_file_that_is_no_model_is_one_clear_failure(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    model = LocalModel(path, tmp_path / "vocabulary", name="broken", context=512, tuning=Tuning(1), queue_size=1)
    model.start()
    try:
        assert not model.wait(30)
        assert "cannot read broken.gguf" in str(model.failure)
        assert "fetch it again" in str(model.failure)
        assert model.restarts == 0
    finally:
        model.close()


# --- with the real model ----------------------------------------------------------------------------------------------


@contextmanager
def real(
    tmp_path: Path, path: Path | None = None, *, context: int = 2048, warm: Sequence[Prompt] = (), hung_seconds: float = 20.0
) -> Iterator[LocalModel]:
    model = LocalModel(
        path or model_file(),
        tmp_path / "vocabulary" / "v.tiktoken",
        name="real",
        context=context,
        tuning=Tuning(len(os.sched_getaffinity(0))),
        queue_size=2,
        hung_seconds=hung_seconds,
    )
    model.start(warm)
    model.wait(120)
    try:
        yield model
    finally:
        model.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    with real(tmp_path_factory.mktemp("real")) as running:
        assert running.ready, running.failure
        yield running


def coaching_prompt(language: str = "en") -> Prompt:
    advice = [Advice(1, "Tell the truth even when it is uncomfortable."), Advice(2, "Say it yourself, openly and early.")]
    prompts = Prompts.load(ROOT / "prompts", ROOT / "data" / "languages", LANGUAGES)
    return prompts.answer(language, "My team no longer believes me. What now?", [], "That hurts.", advice, estimate, 300)


def words_of(model: LocalModel, asked: Prompt, tokens: int = 60, stopped: Callable[[], bool] = never) -> str:
    return "".join(piece.text for piece in model.stream(asked, tokens, stopped))


@pytest.mark.model
def test_real_model_words_an_answer_and_counts(model: LocalModel) -> None:
    found = list(model.stream(coaching_prompt(), 80, never))
    assert "truth" in "".join(piece.text for piece in found)
    assert found[-1].prompt_tokens > 50
    assert 5 < found[-1].completion_tokens <= 80


@pytest.mark.model
def test_real_model_says_the_same_twice(model: LocalModel) -> None:
    assert words_of(model, coaching_prompt()) == words_of(model, coaching_prompt())


@pytest.mark.model
def test_real_model_stops_within_a_second_while_it_speaks(model: LocalModel) -> None:
    asked = Prompt((Message("user", "Write a very long story about a lighthouse."),))
    stop = threading.Event()
    heard: list[str] = []
    for piece in model.stream(asked, 400, stop.is_set):
        heard.append(piece.text)
        if len(heard) == 3:
            stop.set()
            stopped_at = time.monotonic()
    assert time.monotonic() - stopped_at < 1.0
    assert len(heard) < 40


@pytest.mark.model
def test_real_model_stops_within_two_slices_while_it_reads(model: LocalModel) -> None:
    asked = Prompt((Message("user", "The lighthouse stood alone. " * 220),))
    began = time.monotonic()
    assert words_of(model, asked, 20, lambda: time.monotonic() - began > 0.5) == ""
    assert time.monotonic() - began < 0.5 + 2 * 1.5


@pytest.mark.model
def test_real_model_refuses_a_prompt_longer_than_its_context(model: LocalModel) -> None:
    with pytest.raises(ModelError, match="context holds") as caught:
        words_of(model, Prompt((Message("user", "lighthouse " * 3000),)))
    assert not isinstance(caught.value, ModelAwayError)
    assert words_of(model, coaching_prompt(), 5)


@pytest.mark.model
def test_killed_in_the_middle_of_an_answer_it_is_back_within_fifteen_seconds(tmp_path: Path) -> None:
    with real(tmp_path) as model:
        for _ in range(3):
            stream = model.stream(coaching_prompt(), 80, never)
            next(stream)
            assert model.pid is not None
            os.kill(model.pid, signal.SIGKILL)
            killed = time.monotonic()
            with pytest.raises(ModelAwayError):
                list(stream)
            assert time.monotonic() - killed < 2.0
            assert eventually(lambda: model.ready, 15.0)
            assert words_of(model, coaching_prompt(), 5)


@pytest.mark.model
def test_stopped_real_model_is_taken_for_hung_and_comes_back(tmp_path: Path) -> None:
    with real(tmp_path, hung_seconds=3.0) as model:
        stream = model.stream(coaching_prompt(), 80, never)
        next(stream)
        assert model.pid is not None
        os.kill(model.pid, signal.SIGSTOP)
        with pytest.raises(ModelAwayError, match="did not move"):
            list(stream)
        assert eventually(lambda: model.ready, 15.0)
        assert words_of(model, coaching_prompt(), 5)


@pytest.mark.model
def test_truncated_model_is_one_clear_failure(tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    with model_file().open("rb") as whole, path.open("wb") as cut:
        cut.write(whole.read(60_000_000))
    with real(tmp_path, path) as model:
        assert not model.ready
        assert "cannot read cut.gguf" in str(model.failure)
        assert model.restarts == 0


@pytest.mark.model
def test_constant_beginning_longer_than_the_context_does_not_swallow_answers(tmp_path: Path) -> None:
    too_long = Prompt((Message("system", "lighthouse " * 2000),), 1)
    with real(tmp_path, context=512, warm=[too_long, coaching_prompt()]) as model:
        for _ in range(3):
            assert words_of(model, Prompt((Message("user", "Say yes."),)), 5)
