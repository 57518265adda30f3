"""The prompt: whatever a question and its history hold, they stay a question inside the budget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.assemble import Parts
from bot.prompt import Advice, inert, marked, within_budget
from bot.tokens import estimate
from bot.types import Turn
from tests.properties.texts import ANY_TEXT, examples

HISTORY = st.lists(ANY_TEXT.map(Turn), max_size=4)
STEPS = st.lists(st.one_of(ANY_TEXT, st.sampled_from(["Keep $question.", "Hold ${steps} {x}.", "$$ % \\1"])), max_size=4)


@examples(250)
@given(question=ANY_TEXT, history=HISTORY, code=st.sampled_from(["nb", "sv", "de", "ru", "en"]))
def test_a_question_changes_nothing_but_its_own_line(parts: Parts, question: str, history: list[Turn], code: str) -> None:
    advice = [Advice(1, "Hold ord.")]
    plain = parts.prompts.answer(code, "?", (), "", advice, estimate, 200)
    prompt = parts.prompts.answer(code, question, history, "", advice, estimate, 200)
    assert prompt.messages[: prompt.static] == plain.messages[: plain.static]
    assert (prompt.static, prompt.expected, len(prompt.messages)) == (plain.static, plain.expected, len(plain.messages))
    before, after = plain.messages[-1].content.split("?", 1)
    said = prompt.messages[-1].content
    assert said.startswith(before)
    assert said.endswith(after)
    asked = said[len(before) : len(said) - len(after)]
    assert "\n" not in asked
    assert not any(mark in asked for mark in ("<", "|>", ">"))
    assert estimate(asked) <= 200


@examples(150)
@given(question=ANY_TEXT, steps=STEPS)
def test_steps_stand_as_they_are_and_call_nothing(parts: Parts, question: str, steps: list[str]) -> None:
    advice = [Advice(n, step) for n, step in enumerate(steps, start=1)]
    prompt = parts.prompts.answer("en", question, (), "", advice, estimate, 200)
    assert prompt.expected == tuple(marked(step, n) for n, step in enumerate(steps, start=1))
    assert all(f"- {step}" in prompt.messages[-1].content for step in prompt.expected)


@examples(300)
@given(question=ANY_TEXT, earlier=st.lists(ANY_TEXT, max_size=4), budget=st.integers(1, 60))
def test_the_budget_is_kept_by_whole_earlier_questions(question: str, earlier: list[str], budget: int) -> None:
    asked, kept = inert(question), [inert(text) for text in earlier]
    found = within_budget(asked, kept, estimate, budget)
    assert estimate(found) <= budget
    wholes = {" – ".join([*kept[len(kept) - n :], asked]) for n in range(len(kept) + 1)}
    assert found in wholes or (estimate(asked) > budget and asked.startswith(found))


@examples(300)
@given(ANY_TEXT)
def test_inert_text_has_no_mark_and_stays_inert(text: str) -> None:
    once = inert(text)
    assert inert(once) == once
    assert not set(once) & set("<>\n")
