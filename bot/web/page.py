"""The page in Gradio: its parts, and which event calls what. The only file that imports gradio.

What the parts show is made in `chat`, `turns`, `source` and `frame`; what the browser does by itself is in static/page.js.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from fastapi import FastAPI

from bot.interface import Interface
from bot.web.chat import Chat, Update
from bot.web.exchange import Exchanges
from bot.web.export import File
from bot.web.frame import render_announcement, render_examples, render_foot, render_head
from bot.web.markup import safe
from bot.web.sessions import forgetting

ASKING_AT_ONCE = 32
"""Answers made at the same time; most wait for the model, which has a queue of its own."""
WAITING = 64
"""Questions that may wait for one of those; further ones are refused by Gradio."""
_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Helvetica Neue", "Arial", "sans-serif"]
_MONO = ["ui-monospace", "Menlo", "Consolas", "monospace"]
_NOTHING = render_announcement("", "en", busy=False)
_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class _Parts:
    """The components a person sees, top to bottom, and the conversation behind them."""

    head: gr.HTML
    examples: gr.HTML
    past: gr.HTML
    current: gr.HTML
    notice: gr.HTML
    box: gr.Textbox
    length: gr.Number
    replaces: gr.Number
    shown: gr.Number
    send: gr.Button
    stop: gr.Button
    clear: gr.Button
    foot: gr.HTML
    announcement: gr.HTML
    panel: gr.HTML
    file: gr.HTML
    wished: gr.Textbox
    language: gr.State
    exchanges: gr.State

    @property
    def updated(self) -> list[Any]:
        """Outputs of a question, in the order that `_outputs` gives them."""
        return [self.past, self.current, self.notice, self.announcement, self.box, self.exchanges]

    @property
    def worded(self) -> list[Any]:
        """Outputs that change with the interface's language, in the order that `_texts` gives them."""
        return [self.head, self.examples, self.notice, self.box, self.send, self.stop, self.clear, self.foot, self.language]


def build_page(chat: Chat) -> gr.Blocks:
    """The page with its events."""
    blocks: gr.Blocks = gr.Blocks(title="Trust Coach", analytics_enabled=False)
    with blocks:
        parts = _lay_out(chat)
        _connect(blocks, parts, chat)
    blocks.queue(max_size=WAITING, api_open=False, default_concurrency_limit=ASKING_AT_ONCE)
    return blocks


def mount(app: FastAPI, chat: Chat) -> None:
    """Mounts the page at `/`."""
    page = build_page(chat)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        max_file_size="1kb",
        allowed_paths=[],
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Base(font=_FONTS, font_mono=_MONO),
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
    )
    within = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[Any]:
        async with forgetting(page.state_holder), within(running) as state:
            yield state

    app.router.lifespan_context = lifespan


def _html(name: str, *events: str, value: str = "") -> gr.HTML:
    """An area that shows our own HTML; clicks inside are told by static/page.js as the events named."""
    wiring = f"trustCoach.listen(element, trigger, watch, {list(events)!r})"
    return gr.HTML(value, elem_id=name, js_on_load=wiring, apply_default_css=False)


def _lay_out(chat: Chat) -> _Parts:
    head, examples = _html("head", "choose"), _html("examples", "ask")
    past, current = _html("past", "open"), _html("current", "open", "ask", "again", "rate")
    with gr.Column(elem_id="composer"):
        notice = _html("notice")
        with gr.Row(elem_id="entry"):
            box = gr.Textbox(elem_id="question", lines=1, max_lines=8, show_label=False, container=False, autofocus=True, scale=1)
            send = gr.Button("", elem_id="send", variant="primary", scale=0, min_width=0)
            stop = gr.Button("", elem_id="stop", variant="stop", scale=0, min_width=0)
        with gr.Row(elem_id="foot"):
            foot = _html("links", "panel")
            clear = gr.Button("", elem_id="clear", scale=0, min_width=0)
    fallback = next(iter(chat.interfaces))
    return _Parts(
        head=head,
        examples=examples,
        past=past,
        current=current,
        notice=notice,
        box=box,
        length=gr.Number(visible=False),
        replaces=gr.Number(visible=False),
        shown=gr.Number(visible=False),
        send=send,
        stop=stop,
        clear=clear,
        foot=foot,
        announcement=_html("announcement", value=_NOTHING),
        panel=_html("panel", "save"),
        file=_html("file"),
        wished=gr.Textbox(visible=False),
        language=gr.State(fallback),
        exchanges=gr.State(()),
    )


def _connect(blocks: gr.Blocks, parts: _Parts, chat: Chat) -> None:
    """Tells each event what it calls. Functions take what the browser sent as it is: anything may come."""

    def ask_typed(
        text: Any, length: Any, replaces: Any, shown: Any, language: str, exchanges: Exchanges, request: gr.Request
    ) -> Iterator[list[Any]]:
        session = request.session_hash or ""
        for update in chat.ask(text, exchanges, session, language, length=length, replaces=replaces, shown=shown):
            yield _outputs(update)

    def ask_offered(language: str, exchanges: Exchanges, event: gr.EventData, request: gr.Request) -> Iterator[list[Any]]:
        example = _told(event, "from") == "examples"
        for update in chat.offered(exchanges, request.session_hash or "", language, _told(event, "number"), example=example):
            yield _outputs(replace(update, box=None))  # what stands in the box was not asked

    def ask_again(language: str, exchanges: Exchanges, request: gr.Request) -> Iterator[list[Any]]:
        for update in chat.again(exchanges, request.session_hash or "", language):
            yield _outputs(replace(update, box=None))

    def open_source(exchanges: Exchanges, event: gr.EventData) -> str:
        return chat.source(exchanges, _told(event, "turn"), _told(event, "number"))

    def open_panel(language: str, event: gr.EventData) -> str:
        return chat.saving(language) if _told(event, "panel") == "save" else chat.stored(language)

    def save(language: str, exchanges: Exchanges, event: gr.EventData) -> str:
        return _download(chat.saved(exchanges, language, _told(event, "kind")))

    def rate(exchanges: Exchanges, event: gr.EventData) -> list[Any]:
        return _outputs(chat.rate(exchanges, _told(event, "turn"), _told(event, "verdict"), _told(event, "word")))

    def choose(event: gr.EventData) -> list[Any]:
        return _texts(chat.language(_told(event, "language"), ""), chat)

    def begin(wished: Any, request: gr.Request) -> list[Any]:
        return _texts(chat.language(wished, request.headers.get("accept-language", "")), chat)

    def stop(request: gr.Request) -> None:
        chat.runs.stop(request.session_hash or "")

    def start_over(exchanges: Exchanges, request: gr.Request) -> list[Any]:
        chat.runs.stop(request.session_hash or "", drop=True)
        box = "" if exchanges else gr.skip()  # a question that was refused, as the conversation was forgotten, stays
        return ["", "", "", _NOTHING, box, ()]

    offered = [parts.language, parts.exchanges]
    typed = [parts.box, parts.length, parts.replaces, parts.shown, *offered]
    asks: dict[str, Any] = {"outputs": parts.updated, "concurrency_limit": ASKING_AT_ONCE, "concurrency_id": "ask", **_QUIET}
    gr.on([parts.send.click, parts.box.submit], ask_typed, typed, js="trustCoach.outgoing", trigger_mode="once", **asks)
    for area in (parts.examples, parts.current):
        area.ask(ask_offered, offered, trigger_mode="once", **asks)
    parts.current.again(ask_again, offered, trigger_mode="once", **asks)
    parts.current.rate(rate, [parts.exchanges], parts.updated, queue=False, **_QUIET)
    for area in (parts.past, parts.current):
        area.open(open_source, [parts.exchanges], [parts.panel], queue=False, **_QUIET)
    parts.foot.panel(open_panel, [parts.language], [parts.panel], queue=False, **_QUIET)
    parts.panel.save(save, offered, [parts.file], queue=False, **_QUIET)
    parts.stop.click(stop, None, None, queue=False, **_QUIET)
    parts.clear.click(start_over, [parts.exchanges], parts.updated, queue=False, **_QUIET)
    parts.head.choose(choose, None, parts.worded, queue=False, **_QUIET)
    blocks.load(begin, [parts.wished], parts.worded, js="trustCoach.remembered", queue=False, **_QUIET)
    blocks.unload(stop)


def _texts(language: str, chat: Chat) -> list[Any]:
    """What is worded in the interface's language, in the order of `_Parts.worded`."""
    texts: Interface = chat.interfaces[language]
    return [
        render_head(texts, chat.interfaces, chat.longest),
        render_examples(texts),
        "",
        gr.update(label=texts["placeholder"], placeholder=texts["placeholder"]),
        gr.update(value=texts["send"]),
        gr.update(value=texts["stop"]),
        gr.update(value=texts["clear"]),
        render_foot(texts),
        language,
    ]


def _outputs(update: Update) -> list[Any]:
    """An update as Gradio takes it, in the order of `_Parts.updated`."""
    changes = (update.past, update.current, update.notice, update.announcement, update.box, update.exchanges)
    return [gr.skip() if change is None else change for change in changes]


def _download(file: File | None) -> str:
    """A link that static/page.js follows at once: the browser saves the file."""
    if file is None:
        return ""
    content = base64.b64encode(file.content).decode()
    return f'<a hidden download="{safe(file.name)}" href="data:{file.type};base64,{content}" data-serial="{secrets.token_hex(4)}"></a>'


def _told(event: gr.EventData, name: str) -> Any:
    """A field of what the browser told with an event; None when there is no such thing."""
    told = event._data
    return told.get(name) if isinstance(told, dict) else None
