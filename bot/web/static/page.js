// What the page does in the browser by itself: telling clicks, panels, copying, editing a question, the focus, the language, and
// saying that the connection is lost. It loads before Gradio does and needs nothing else.
"use strict";

const trustCoach = (() => {
  const LANGUAGE = "trust-coach-language";
  const DRAFT = "trust-coach-draft"; // of this tab only, until it is sent: a reload loses nothing that was typed
  const RESEND = "trust-coach-resend"; // the draft is to be sent when the page is there again
  const PATIENCE = 8000; // milliseconds that the server may take to say that it is there

  const find = (selector) => document.querySelector(selector);
  const box = () => find("#question textarea");
  const told = (name) => find("#head header")?.dataset[name] || "";

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

  function made(kind, name, text) {
    const element = document.createElement(kind);
    element.className = name;
    element.textContent = text;
    if (kind === "button") element.type = "button";
    return element;
  }

  // Clicks inside one of our areas: what the browser does by itself, and what is told to the server as events.
  function listen(element, trigger, watch, events) {
    const area = element.closest("#head, #examples, #past, #current, #links, #panel, #file")?.id;
    const tell = (name, data) => events.includes(name) && trigger(name, data);
    element.addEventListener("click", (event) => {
      const hit = (selector) => event.target.closest(selector);
      const open = hit("[data-open]");
      if (open) return tell("open", { turn: Number(open.dataset.turn), number: Number(open.dataset.open) });
      if (hit("[data-ask]")) return tell("ask", { number: Number(hit("[data-ask]").dataset.ask), from: area });
      if (hit("[data-panel]")) return tell("panel", { panel: hit("[data-panel]").dataset.panel });
      if (hit("[data-save]")) return tell("save", { kind: hit("[data-save]").dataset.save });
      if (hit("[data-again]")) return tell("again", {});
      if (hit("[data-copy]")) return copy(hit("[data-copy]"));
      if (hit("[data-edit]")) return edit(hit(".turn"));
      if (hit("[data-print]")) return print(element);
      return rating(event.target, tell);
    });
    element.addEventListener("change", (event) => {
      if (events.includes("choose") && event.target.matches("select[data-language]")) {
        store("localStorage", LANGUAGE, event.target.value);
        trigger("choose", { language: event.target.value });
      }
    });
    if (area === "head") watch("value", () => worded(element));
    if (area === "current") watch("value", () => followed(element));
    if (area === "panel") panel(element, watch);
    if (area === "file") watch("value", () => element.querySelector("a")?.click());
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
    if (stored("sessionStorage", RESEND)) {
      store("sessionStorage", RESEND, "");
      if (text?.value) setTimeout(() => find("#send")?.click(), 100);
    }
  }

  function write(text, value) {
    text.value = value;
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // A new question goes to the top of the view; when its answer is complete, the keyboard is back in the text box.
  let shown = "";
  let wasRunning = false;
  let returned = "";
  function followed(element) {
    const turn = element.querySelector(".turn");
    const running = turn?.dataset.state === "running";
    document.body.dataset.running = String(running);
    found();
    takeBack();
    if (turn && running && turn.dataset.turn !== shown) {
      shown = turn.dataset.turn;
      keepAsItWas();
      store("sessionStorage", DRAFT, "");
      store("sessionStorage", RESEND, "");
      document.dispatchEvent(new Event("coach-asked"));
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      turn.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
    }
    if (!turn) {
      shown = "";
      keepAsItWas();
    }
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

  // An answer as text, each marker as [n], with its sources below.
  async function copy(button) {
    const turn = button.closest(".turn");
    const said = turn.querySelector(".said")?.cloneNode(true);
    if (!said) return;
    for (const marker of said.querySelectorAll(".marker")) marker.textContent = ` [${marker.dataset.open}]`;
    const lines = [...said.querySelectorAll("p")].map((part) => part.textContent.trim());
    const sources = [...turn.querySelectorAll(".sources li")].map((part) => part.textContent.trim());
    const text = [...lines, [turn.querySelector(".sources h2")?.textContent, ...sources].filter(Boolean).join("\n")].join("\n\n").trim();
    if (!(await clipped(text))) return;
    const label = button.querySelector("span");
    const before = label.dataset.before || label.textContent;
    label.dataset.before = before;
    label.textContent = button.dataset.copied;
    label.setAttribute("role", "status");
    setTimeout(() => {
      label.removeAttribute("role");
      label.textContent = before;
    }, 2500);
  }

  // Without https there is no clipboard but the selection's.
  async function clipped(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = made("textarea", "unseen", "");
      area.value = text;
      find(".gradio-container").append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  }

  // A question goes back into the box; what is sent next takes the place of its turn and of all that follow.
  let edited = 0;
  function edit(turn) {
    const text = box();
    if (!turn || !text || document.body.dataset.running === "true") return;
    keepAsItWas();
    edited = Number(turn.dataset.turn);
    for (const other of document.querySelectorAll(".turn")) other.classList.toggle("replaced", Number(other.dataset.turn) >= edited);
    const bar = made("p", "notice editing", `${told("editing")} `);
    bar.setAttribute("role", "status");
    const keep = made("button", "link", told("keep"));
    keep.addEventListener("click", () => {
      keepAsItWas();
      write(text, "");
      text.focus();
    });
    bar.append(keep);
    find("#composer")?.prepend(bar);
    write(text, asked(turn));
    text.focus();
  }

  function keepAsItWas() {
    edited = 0;
    find("#composer .editing")?.remove();
    for (const turn of document.querySelectorAll(".turn.replaced")) turn.classList.remove("replaced");
  }

  const asked = (turn) => turn.querySelector(".asked")?.lastChild?.textContent || "";

  // A thumb only shows what would be stored; nothing is told before the manager agrees.
  function rating(target, tell) {
    const rate = target.closest(".rate");
    const consent = rate?.querySelector(".consent");
    if (!consent) return;
    const thumb = target.closest("[data-rate]");
    const thumbs = rate.querySelectorAll("[data-rate]");
    if (thumb) {
      for (const other of thumbs) other.setAttribute("aria-pressed", String(other === thumb));
      consent.hidden = false;
      consent.querySelector("input").focus();
    } else if (target.closest("[data-refuse]")) {
      for (const other of thumbs) other.setAttribute("aria-pressed", "false");
      consent.hidden = true;
      thumbs[0].focus();
    } else if (target.closest("[data-agree]")) {
      const verdict = rate.querySelector("[aria-pressed=true]")?.dataset.rate;
      tell("rate", { turn: Number(rate.dataset.turn), verdict, word: consent.querySelector("input").value });
    }
  }

  function print(element) {
    element.querySelector("dialog")?.close();
    window.print();
  }

  // Gradio tells a lost connection in English in a corner; we tell it above the text box, in the interface's language, and the
  // question that will get no answer any more goes back into the box.
  let watched = null;
  function watchConnection() {
    const toasts = find(".toast-wrap");
    if (!toasts || toasts === watched) return;
    watched = toasts;
    new MutationObserver(() => toasts.childElementCount && lost()).observe(toasts, { childList: true });
  }

  const there = () => fetch("healthz", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) }).then((answer) => answer.ok, () => false);

  // While an answer is on its way the server is asked now and then whether it is still there: a stream that ends says nothing.
  let asking = 0;
  function keepAsking(running) {
    clearInterval(asking);
    if (running) asking = setInterval(() => there().then((answered) => answered || lost()), 2500);
  }

  async function lost() {
    keepAsking(false);
    giveBack();
    const refused = coachCalls.refusal();
    const words = refused || ((await there()) ? told("busy") : told("lost"));
    found();
    const notice = made("p", "notice lost", `${words} `);
    notice.setAttribute("role", "alert");
    const retry = made("button", "link", told("retry"));
    retry.addEventListener("click", sendAgain);
    if (box()?.value) notice.append(retry);
    find("#composer")?.prepend(notice);
  }

  // A stream that broke off may never be opened again by Gradio: a question that is not taken in time is sent by the page made anew.
  function sendAgain() {
    found();
    const before = shown;
    store("sessionStorage", RESEND, "1"); // Gradio too makes the page anew when it finds another server at the address
    find("#send")?.click();
    setTimeout(async () => {
      if (shown === before && !find("#composer .lost") && box()?.value && (await there())) location.reload();
    }, PATIENCE / 2);
  }

  function giveBack() {
    const turn = find("#current .turn[data-state=running]");
    const text = box();
    if (!turn || !text) return;
    turn.dataset.state = "failed";
    turn.setAttribute("aria-busy", "false");
    document.body.dataset.running = "false";
    wasRunning = false;
    if (text.value) return;
    returned = asked(turn);
    write(text, returned);
  }

  // The answer came after all: its question is not to be asked again.
  function takeBack() {
    if (returned && box()?.value === returned) write(box(), "");
    returned = "";
  }

  function found() {
    for (const notice of document.querySelectorAll("#composer .lost")) notice.remove();
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

  // Before a question is sent: only its beginning travels when it is far too long, with the length of the whole; with it go the
  // turn that it replaces and how many complete turns are shown.
  function outgoing(text, _length, _replaces, _shown, ...rest) {
    const whole = Array.from(api.withChip(text || "")); // characters as the server counts them
    const longest = Number(told("longest")) || whole.length;
    const complete = document.querySelectorAll(".turn[data-state=complete]").length;
    return [whole.slice(0, longest).join(""), whole.length, edited, complete, ...rest];
  }

  // The language chosen in this browser earlier, if any.
  function remembered() {
    return [stored("localStorage", LANGUAGE)];
  }

  document.addEventListener("input", (event) => {
    if (event.target !== box()) return;
    store("sessionStorage", DRAFT, event.target.value);
    if (event.isTrusted) store("sessionStorage", RESEND, ""); // changed by hand: nothing is sent by itself any more
  });

  // `withChip` is the panel's, see embed.js: text from the page around that goes with the question.
  const api = { listen, outgoing, remembered, withChip: (text) => text };
  return api;
})();
