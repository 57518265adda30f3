// What the page does in the browser by itself: telling clicks, opening and closing the source panel, the focus, the language.
// It loads before Gradio does and needs nothing else.
"use strict";

const trustCoach = (() => {
  const LANGUAGE = "trust-coach-language";
  const DRAFT = "trust-coach-draft";

  const find = (selector) => document.querySelector(selector);
  const box = () => find("#question textarea");

  // `storage` is a name: in a frame even looking at window.localStorage may be forbidden.
  function stored(storage, key) {
    try {
      return window[storage].getItem(key) || "";
    } catch {
      return ""; // storage may be forbidden
    }
  }

  function store(storage, key, value) {
    try {
      value ? window[storage].setItem(key, value) : window[storage].removeItem(key);
    } catch {
      // storage may be forbidden or full
    }
  }

  // Clicks inside one of our areas, told to the server as events.
  function listen(element, trigger, watch, events) {
    const area = element.closest("#head, #examples, #past, #current, #source")?.id;
    element.addEventListener("click", (event) => {
      const open = event.target.closest("[data-open]");
      const ask = event.target.closest("[data-ask]");
      if (open && events.includes("open")) {
        trigger("open", { turn: Number(open.dataset.turn), number: Number(open.dataset.open) });
      } else if (ask && events.includes("ask")) {
        trigger("ask", { number: Number(ask.dataset.ask), from: area });
      }
    });
    element.addEventListener("change", (event) => {
      if (events.includes("choose") && event.target.matches("select[data-language]")) {
        store("localStorage", LANGUAGE, event.target.value);
        trigger("choose", { language: event.target.value });
      }
    });
    if (area === "head") watch("value", () => worded(element));
    if (area === "current") watch("value", () => followed(element));
    if (area === "source") panel(element, watch);
  }

  // The document speaks the interface's language.
  function worded(element) {
    const head = element.querySelector("header");
    if (!head) return;
    watchConnection();
    document.documentElement.lang = head.dataset.language;
    const select = element.querySelector("select");
    select.value = head.dataset.language;
    document.body.dataset.worded = head.dataset.language;
    const text = box();
    if (text && !text.value && stored("sessionStorage", DRAFT)) write(text, stored("sessionStorage", DRAFT));
  }

  function write(text, value) {
    text.value = value;
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // A new question goes to the top of the view; when its answer is complete, the keyboard is back in the text box.
  let shown = "";
  let wasRunning = false;
  function followed(element) {
    const turn = element.querySelector(".turn");
    const running = turn?.dataset.state === "running";
    document.body.dataset.running = String(running);
    found();
    if (turn && running && turn.dataset.turn !== shown) {
      shown = turn.dataset.turn;
      store("sessionStorage", DRAFT, "");
      document.dispatchEvent(new Event("coach-asked"));
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      turn.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
    }
    if (!turn) shown = "";
    if (wasRunning && !running) back();
    if (running !== wasRunning) keepAsking(running);
    wasRunning = running;
  }

  // The button that had the focus goes: the keyboard goes on in the text box (on a phone that would open its keyboard).
  function back() {
    const active = document.activeElement;
    const lost = !active || active === document.body || active.id === "stop";
    if (lost && !matchMedia("(pointer: coarse)").matches) box()?.focus({ preventScroll: true });
  }

  // Gradio tells a lost connection in English in a corner; we tell it above the text box, in the interface's language, and the
  // question that will get no answer any more goes back into the box.
  let watched = null;
  function watchConnection() {
    const toasts = find(".toast-wrap");
    if (!toasts || toasts === watched) return;
    watched = toasts;
    new MutationObserver(() => (toasts.childElementCount ? lost() : found())).observe(toasts, { childList: true });
  }

  // While an answer is on its way the server is asked now and then whether it is still there: a stream that ends says nothing.
  let asking = 0;
  function keepAsking(running) {
    clearInterval(asking);
    if (running) asking = setInterval(() => fetch("healthz", { cache: "no-store" }).catch(lost), 2500);
  }

  function lost() {
    found();
    keepAsking(false);
    const told = document.createElement("p");
    told.className = "notice lost";
    told.setAttribute("role", "alert");
    told.textContent = coachCalls.refusal() || find("#head header")?.dataset.lost || "";
    find("#composer")?.prepend(told);
    const turn = find("#current .turn[data-state=running]");
    const text = box();
    if (!turn || !text) return;
    turn.dataset.state = "failed";
    turn.setAttribute("aria-busy", "false");
    const question = turn.querySelector(".asked")?.lastChild?.textContent;
    if (question && !text.value) write(text, question);
  }

  function found() {
    find("#composer .lost")?.remove();
  }

  function panel(element, watch) {
    element.addEventListener("click", (event) => {
      const dialog = element.querySelector("dialog");
      if (event.target.closest("[data-close]") || event.target === dialog) dialog?.close();
    });
    watch("value", () => {
      const dialog = element.querySelector("dialog");
      if (!dialog) return;
      if (dialog.open) dialog.close();
      dialog.showModal();
      const body = dialog.querySelector(".panel-body");
      if (body) body.scrollTop = 0;
    });
  }

  // Before a question is sent: only its beginning travels when it is far too long, with the length of the whole.
  function outgoing(text, _length, ...rest) {
    const whole = Array.from(api.withChip(text || "")); // characters as the server counts them
    const longest = Number(find("#head header")?.dataset.longest) || whole.length;
    return [whole.slice(0, longest).join(""), whole.length, ...rest];
  }

  // The language chosen in this browser earlier, if any.
  function remembered() {
    return [stored("localStorage", LANGUAGE)];
  }

  document.addEventListener("input", (event) => {
    if (event.target === box()) store("sessionStorage", DRAFT, event.target.value);
  });

  // `withChip` is the panel's, see embed.js: text from the page around that goes with the question.
  const api = { listen, outgoing, remembered, withChip: (text) => text };
  return api;
})();
