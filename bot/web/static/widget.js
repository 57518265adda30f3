// Trust Coach on another page: a button, and a panel with the chat in a frame of its own. One line puts it there:
//   <script src="https://coach.example/widget.js" defer data-color="#0f5b57" data-position="right"></script>
// The page and the chat cannot read each other; what they tell each other is checked for origin, source and shape on both sides.
// Nothing is loaded before the panel is opened first. docs/EMBED.md lists the options.
(() => {
  "use strict";

  const TEXTS = {}; // by language; the server fills it in
  const script = document.currentScript;
  if (!script || window.TrustCoach) return;

  const options = script.dataset;
  const home = new URL(script.src).origin;
  const language = chosenLanguage();
  const texts = TEXTS[language];
  const color = /^#([\da-f]{3}|[\da-f]{6})$/i.test(options.color || "") ? options.color : "#0f5b57";
  const LONGEST = { text: 500, title: 120, token: 4096 }; // as the panel takes them
  const SECONDS = 20; // until a chat that does not answer counts as out of reach
  const CLOSED = "trust-coach-closed";

  const STYLES = `
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    aside { font: 400 medium/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif; color: #1d2422; }
    button { font: inherit; cursor: pointer; border: 0; }
    button:focus-visible { outline: 3px solid #fff; outline-offset: 0; box-shadow: 0 0 0 6px #111; }
    .corner { position: fixed; bottom: max(20px, env(safe-area-inset-bottom)); inset-inline-end: 20px;
      display: flex; flex-direction: column; gap: 10px; align-items: flex-end; }
    .launch { display: flex; gap: .6em; align-items: center; min-height: 52px; padding: 0 1.35em 0 1.1em; font-weight: 600;
      color: var(--ink); background: var(--color); border-radius: 26px; box-shadow: 0 2px 6px rgb(0 0 0 / 18%), 0 8px 28px rgb(0 0 0 / 22%); }
    .launch:hover, .close:hover { filter: brightness(1.12); }
    svg { flex: none; width: 24px; height: 24px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
    .about { max-width: min(20em, calc(100vw - 40px)); padding: .6em 1.1em; font-size: .9375em; color: #1d2422; background: #fff;
      border: 1px solid #868d89; border-radius: 20px; box-shadow: 0 4px 16px rgb(0 0 0 / 16%); }
    .panel { position: fixed; bottom: max(20px, env(safe-area-inset-bottom)); inset-inline-end: 20px; display: flex; flex-direction: column;
      width: min(430px, calc(100vw - 40px)); height: min(700px, calc(100vh - 40px)); height: min(700px, calc(100dvh - 40px)); overflow: hidden;
      background: #faf9f6; border: 1px solid rgb(0 0 0 / 14%); border-radius: 18px; box-shadow: 0 4px 12px rgb(0 0 0 / 12%), 0 18px 60px rgb(0 0 0 / 28%); }
    .left .corner, .left .panel { inset-inline: 20px auto; }
    .left .corner { align-items: flex-start; }
    .head { display: flex; flex: none; align-items: center; gap: .6em; padding: 8px 8px 8px 18px; color: var(--ink); background: var(--color); }
    .title { flex: 1; font-weight: 650; font-size: 1.0625em; }
    .close { width: 40px; height: 40px; padding: 8px; color: inherit; background: var(--color); border-radius: 50%; }
    .panel .about { flex: none; max-width: none; text-align: start; border-width: 0 0 1px; border-radius: 0; box-shadow: none; }
    .room { position: relative; flex: 1; min-height: 0; }
    iframe { position: absolute; inset: 0; width: 100%; height: 100%; border: 0; }
    .room:not(.ready) iframe { opacity: 0; pointer-events: none; }
    .state { position: absolute; inset: 0; display: grid; gap: 1em; place-content: center; justify-items: center; padding: 2em; margin: 0;
      text-align: center; color: #59625f; }
    .retry { padding: .6em 1.3em; font-weight: 600; color: var(--ink); background: var(--color); border-radius: 16px; }
    @media (max-width: 640px), (max-height: 480px) {
      .panel, .left .panel { inset: 0; width: 100%; height: 100%; border: 0; border-radius: 0; }
      .launch { width: 56px; min-height: 56px; padding: 0; justify-content: center; border-radius: 28px; }
      .launch span { display: none; }
    }
    @media (prefers-color-scheme: dark) {
      .panel, .about { color: #eceae4; background: #141817; }
      .state { color: #a9b1ad; }
    }
    @media (prefers-reduced-motion: no-preference) {
      .panel { animation: rise .18s ease-out; }
      @keyframes rise { from { opacity: 0; transform: translateY(14px); } }
    }
    @media (forced-colors: active) { .launch, .close, .retry { border: 1px solid ButtonText; } }
    @media print { aside { display: none; } }`;

  // The page's styles end here: `all: initial` and importance on the element itself, a closed shadow root inside. In the browser's top
  // layer nothing of the page lies above it, and no transformation of the page moves it.
  const host = document.createElement("div");
  for (const [name, value] of [["all", "initial"], ["direction", "ltr"], ["display", "block"], ["position", "fixed"], ["z-index", "2147483647"], ["inset", "auto"],
    ["width", "0"], ["height", "0"], ["overflow", "visible"], ["visibility", "visible"], ["transition", "none"], ["animation", "none"]]) {
    host.style.setProperty(name, value, "important");
  }
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLES);
  const shadow = host.attachShadow({ mode: "closed" });
  shadow.adoptedStyleSheets = [sheet];

  const launch = button("launch", options.greeting?.trim().slice(0, 60) || texts.open, () => open());
  launch.setAttribute("aria-label", launch.textContent);
  launch.setAttribute("aria-haspopup", "dialog");
  launch.prepend(icon("M4 5.5h16v11H11l-5 4v-4H4z M8.5 11h.01M12 11h.01M15.5 11h.01"));
  const abouts = [button("about", texts.about, ask), button("about", texts.about, ask)]; // beside the button; inside the open panel
  const closing = button("close", "", () => close());
  closing.append(icon("M6 6l12 12M18 6L6 18"));
  closing.setAttribute("aria-label", texts.close);
  const state = make("p", "state", texts.loading);
  state.setAttribute("role", "status");
  const retry = button("retry", texts.retry, load);
  const room = make("div", "room", state);
  const panel = make("section", "panel", guard(() => frame?.focus()), make("div", "head", make("span", "title", texts.title), closing),
    abouts[1], room, guard(() => closing.focus()));
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", texts.title);
  panel.hidden = true;
  const corner = make("div", "corner", abouts[0], launch);
  const all = make("aside", options.position === "left" ? "left" : "", panel, corner);
  all.setAttribute("aria-label", texts.title);
  all.lang = language;
  all.style.setProperty("--color", color);
  all.style.setProperty("--ink", luminance(color) > 0.18 ? "#111" : "#fff"); // at least 4.5 : 1 either way
  shadow.append(all);

  let frame = null;
  let ready = false;
  let late = 0;
  let quote = null; // what was selected when the manager asked about it, until the panel can take it
  let selected = "";

  function open(focus = true) {
    panel.hidden = false;
    corner.hidden = true;
    if (!frame) load();
    if (focus) focusInside();
    if (focus) remember("");
  }

  function close() {
    if (panel.hidden) return;
    panel.hidden = true;
    corner.hidden = false;
    launch.focus();
    remember("1");
  }

  function load() {
    const focused = shadow.activeElement === retry;
    frame?.remove();
    ready = false;
    room.classList.remove("ready");
    state.replaceChildren(texts.loading);
    frame = document.createElement("iframe");
    frame.title = texts.title;
    frame.referrerPolicy = "origin"; // the chat learns on which site it is shown, not on which page
    frame.allow = "clipboard-write";
    frame.sandbox = "allow-scripts allow-same-origin allow-forms allow-downloads allow-modals";
    frame.src = new URL(`embed?lang=${language}#widget`, script.src);
    room.append(frame);
    clearTimeout(late);
    late = setTimeout(() => ready || state.replaceChildren(texts.failed, retry), SECONDS * 1000);
    if (focused) closing.focus();
  }

  // What the panel may tell. Nothing of it comes from what people write.
  const acts = {
    async here() {
      say("hello", { color: options.color ? color : "", token: await token() });
    },
    ready() {
      clearTimeout(late);
      ready = true;
      room.classList.add("ready");
      state.replaceChildren();
      if (quote) say("chip", quote);
      quote = null;
      if (shadow.activeElement === closing) focusInside();
    },
    async token() {
      say("token", { token: await token() });
    },
    close,
  };

  window.addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== home) return;
    const told = event.data;
    if (typeof told !== "object" || told === null || told.coach !== 1 || Object.keys(told).length !== 2) return;
    if (Object.hasOwn(acts, told.type)) acts[told.type]();
  });

  function say(type, more = {}) {
    frame?.contentWindow?.postMessage({ coach: 1, type, ...more }, home);
  }

  // The intranet's token for the person who is signed in, if the page has one. It goes to the panel and nowhere else.
  async function token() {
    try {
      const given = options.tokenCallback ? await window[options.tokenCallback]() : options.token;
      return typeof given === "string" && given.length <= LONGEST.token ? given.trim() : "";
    } catch (error) {
      console.warn("Trust Coach: data-token-callback failed", error);
      return "";
    }
  }

  // Into the text box; on a phone that would open its keyboard, and before the chat is there it cannot take the focus.
  function focusInside() {
    if (!ready || matchMedia("(pointer: coarse)").matches) {
      closing.focus();
    } else {
      frame.focus();
      say("focus");
    }
  }

  // Selected text is offered, never taken: the manager clicks, sees it in the panel, and sends it or not.
  function ask() {
    for (const about of abouts) about.hidden = true;
    const offered = { text: selected, title: document.title.trim().slice(0, LONGEST.title) };
    if (ready) say("chip", offered);
    else quote = offered;
    open();
  }

  function look() {
    const field = document.activeElement?.closest("input, textarea, [contenteditable]");
    const text = field ? "" : String(document.getSelection() ?? "").replace(/\s+/g, " ").trim();
    selected = text.slice(0, LONGEST.text);
    for (const about of abouts) about.hidden = text.length < 3;
  }

  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });

  if (options.selection !== "off") {
    let wait = 0;
    document.addEventListener("selectionchange", () => {
      clearTimeout(wait);
      wait = setTimeout(look, 200);
    });
  }

  // Makes parts

  function make(tag, name, ...inside) {
    const made = document.createElement(tag);
    made.className = name;
    made.append(...inside);
    return made;
  }

  function button(name, label, act) {
    const made = make("button", name, label && make("span", "", label));
    made.type = "button";
    made.hidden = name === "about";
    made.addEventListener("click", act);
    made.addEventListener("mousedown", (event) => event.preventDefault()); // keeps the page's selection
    return made;
  }

  // Where the panel fills the screen, the Tab key stays in it.
  function guard(act) {
    const made = make("span", "");
    made.tabIndex = 0;
    made.addEventListener("focus", () => panel.offsetWidth >= innerWidth && act());
    return made;
  }

  function icon(path) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    made.setAttribute("viewBox", "0 0 24 24");
    made.setAttribute("aria-hidden", "true");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", path);
    made.append(line);
    return made;
  }

  // WCAG 2's relative luminance
  function luminance(hex) {
    const digits = hex.length === 4 ? hex.replace(/[\da-f]/gi, "$&$&") : hex;
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(digits.slice(at, at + 2), 16) / 255).map((c) => (c > 0.04045 ? ((c + 0.055) / 1.055) ** 2.4 : c / 12.92));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  // The editor's choice, else the page's language, else the browser's.
  function chosenLanguage() {
    const also = { no: "nb", nn: "nb" };
    for (const wish of [options.language, document.documentElement.lang, ...navigator.languages]) {
      const code = (wish || "").slice(0, 2).toLowerCase();
      const known = also[code] || code;
      if (Object.hasOwn(TEXTS, known)) return known;
    }
    return "en";
  }

  // Whether the manager closed it, for as long as the tab is open: then it does not open by itself on the next page.
  function remember(value) {
    try {
      sessionStorage.setItem(CLOSED, value);
    } catch {
      // the page may not allow it
    }
  }

  function closedBefore() {
    try {
      return sessionStorage.getItem(CLOSED) === "1";
    } catch {
      return false;
    }
  }

  function begin() {
    document.documentElement.append(host);
    if (host.showPopover) {
      host.popover = "manual";
      host.showPopover();
    }
    const roomy = matchMedia("(min-width: 641px) and (min-height: 481px)").matches; // on a phone it would hide the page
    if (options.open !== undefined && options.open !== "false" && roomy && !closedBefore()) open(false);
  }

  window.TrustCoach = Object.freeze({ open: () => open(), close });
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
