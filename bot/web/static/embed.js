// The panel's side of the widget: the chat inside a frame on another page (see widget.js for the other side).
// It answers to the page around only if that is the chat's own or a listed one, and takes nothing but what `SHAPES` names.
"use strict";

(() => {
  const root = document.documentElement;
  const origins = [location.origin, ...(root.dataset.origins || "").split(" ")];
  const HELLO_SECONDS = 10;
  const TOKEN_SECONDS = 5;
  const text = (longest) => (value) => typeof value === "string" && value.length <= longest;
  const color = (value) => value === "" || /^#([\da-f]{3}|[\da-f]{6})$/i.test(value);
  const SHAPES = {
    hello: { token: text(4096), color: (value) => typeof value === "string" && color(value) },
    token: { token: text(4096) },
    chip: { text: text(500), title: text(120) },
    focus: {},
  };

  let host = ""; // the origin of the page around, from its first right message on
  let greeted = () => {};
  let renewed = () => {};
  let used = "";

  function tell(type) {
    if (host) parent.postMessage({ coach: 1, type }, host);
  }

  const acts = {
    hello(told) {
      use(told.token);
      paint(told.color);
      greeted();
    },
    token(told) {
      const fresh = told.token !== "" && told.token !== used;
      if (fresh) use(told.token);
      renewed(fresh);
    },
    chip: showChip,
    focus() {
      const box = document.querySelector("#question textarea");
      if (box) takeFocus.call(box);
    },
  };

  function fits(told) {
    if (typeof told !== "object" || told === null || told.coach !== 1 || !Object.hasOwn(SHAPES, told.type)) return false;
    const shape = SHAPES[told.type];
    const names = Object.keys(told).filter((name) => name !== "coach" && name !== "type");
    return names.length === Object.keys(shape).length && names.every((name) => Object.hasOwn(shape, name) && shape[name](told[name]));
  }

  // While the person is at work on the page around, nothing in here takes the focus from there.
  const takeFocus = HTMLElement.prototype.focus;
  HTMLElement.prototype.focus = function (...given) {
    if (document.hasFocus()) takeFocus.apply(this, given);
  };

  if (parent !== window) {
    addEventListener("message", (event) => {
      if (event.source !== parent || !origins.includes(event.origin) || (host && event.origin !== host) || !fits(event.data)) return;
      host = event.origin;
      acts[event.data.type](event.data);
    });
  }

  // With the widget around, calls wait for its greeting, which brings the token. A plain frame has nobody to greet.
  if (parent !== window && location.hash === "#widget") {
    const around = document.referrer ? new URL(document.referrer).origin : location.ancestorOrigins?.[0];
    if (origins.includes(around)) parent.postMessage({ coach: 1, type: "here" }, around);
    coachCalls.waitFor(within(HELLO_SECONDS, (done) => (greeted = done)));
    coachCalls.renewWith(() => {
      const answer = within(TOKEN_SECONDS, (done) => (renewed = done));
      tell("token");
      return answer;
    });
  }

  function within(seconds, begin) {
    return new Promise((resolve) => {
      begin(resolve);
      setTimeout(() => resolve(false), seconds * 1000);
    });
  }

  function use(token) {
    used = token;
    coachCalls.use(token);
  }

  // The editor's colour, where text in it can be read on our paper (4.5 : 1); else ours stays.
  function paint(hex) {
    if (!hex) return;
    const paper = getComputedStyle(root).getPropertyValue("--paper").trim();
    const [light, dark] = [luminance(hex), luminance(paper)].sort((a, b) => b - a);
    if ((light + 0.05) / (dark + 0.05) < 4.5) return;
    root.style.setProperty("--accent", hex);
    root.style.setProperty("--accent-ink", luminance(hex) > 0.18 ? "#111" : "#fff");
    root.style.setProperty("--tint", `color-mix(in srgb, ${hex} 11%, ${paper})`);
  }

  function luminance(hex) {
    const digits = hex.length === 4 ? hex.replace(/[\da-f]/gi, "$&$&") : hex;
    const [r, g, b] = [1, 3, 5]
      .map((at) => parseInt(digits.slice(at, at + 2), 16) / 255)
      .map((c) => (c > 0.04045 ? ((c + 0.055) / 1.055) ** 2.4 : c / 12.92));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  // Text from the page around: shown above the text box, sent with the next question unless it is taken away.
  function showChip(told) {
    const head = document.querySelector("#head header");
    const composer = document.querySelector("#composer");
    if (!head || !composer || !told.text.trim()) return;
    dropChip();
    const chip = document.createElement("div");
    chip.className = "chip";
    chip.setAttribute("role", "group");
    chip.setAttribute("aria-label", head.dataset.chip);
    const kind = document.createElement("p");
    kind.textContent = head.dataset.chip;
    const quote = document.createElement("blockquote");
    quote.textContent = told.text;
    quote.title = told.title;
    const away = document.createElement("button");
    away.type = "button";
    away.textContent = "×";
    away.setAttribute("aria-label", head.dataset.unchip);
    away.title = head.dataset.unchip;
    away.addEventListener("click", () => {
      dropChip();
      acts.focus();
    });
    chip.append(kind, quote, away);
    composer.prepend(chip);
    acts.focus();
  }

  function dropChip() {
    document.querySelector("#composer .chip")?.remove();
  }

  // Called by page.js with what was typed, when it is sent.
  trustCoach.withChip = (typed) => {
    const quote = document.querySelector("#composer .chip blockquote");
    if (!quote) return typed;
    return [typed.trim(), `«${quote.textContent}»${quote.title ? ` (${quote.title})` : ""}`].filter(Boolean).join("\n\n");
  };
  document.addEventListener("coach-asked", dropChip);

  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]")) tell("close");
  });

  // The page is there when its texts are, or when it is said why they are not.
  addEventListener("DOMContentLoaded", () => {
    const look = () => {
      if (!document.body.dataset.worded && !document.body.dataset.refused) return;
      watch.disconnect();
      tell("ready");
    };
    const watch = new MutationObserver(look);
    watch.observe(document.body, { attributes: true });
    look();
  });
})();
