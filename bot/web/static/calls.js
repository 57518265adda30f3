// What the page's own calls to the server carry: the language of the page, its own key and, in a panel, the intranet's token for the
// person who is signed in; and what the server said when it refused one. It loads before everything else and needs nothing.
"use strict";

const coachCalls = (() => {
  const plain = window.fetch.bind(window);
  const REFUSALS = [401, 403, 429, 503];
  const served = document.documentElement.lang; // Gradio overwrites it with the browser's
  // Of this page alone: whoever learns the name of its session, from an address in a log, cannot go on with the conversation.
  const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  let token = ""; // in this variable only: never stored, never in an address
  let said = "";
  let known = Promise.resolve(); // calls wait until it is known who asks
  let renew = async () => false; // asks the page around for a fresh token

  window.fetch = async (input, init) => {
    const address = new URL(input instanceof Request ? input.url : input, document.baseURI);
    if (address.origin !== location.origin || !address.pathname.includes("/gradio_api/")) return plain(input, init);
    await known;
    let answer = await plain(input, dressed(input, init));
    if (answer.status === 401 && !(input instanceof Request) && (await renew())) answer = await plain(input, dressed(input, init));
    if (REFUSALS.includes(answer.status)) told(await reason(answer.clone()));
    return answer;
  };

  function dressed(input, init) {
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
    headers.set("Accept-Language", document.body?.dataset.worded || served);
    headers.set("X-Coach-Page", key);
    if (token) headers.set("X-Coach-Token", token);
    return { ...init, headers };
  }

  async function reason(answer) {
    try {
      return String((await answer.json()).error || "");
    } catch {
      return "";
    }
  }

  // Kept for the line above the text box (see `lost` in page.js); where there is no page yet, it stands alone.
  function told(text) {
    said = text;
    if (!text || document.body.dataset.worded) return;
    const line = document.createElement("p");
    line.className = "noscript refused";
    line.setAttribute("role", "alert");
    line.textContent = text;
    document.body.querySelector(".refused")?.remove();
    document.body.prepend(line);
    document.querySelector("gradio-app")?.remove();
    document.body.dataset.refused = "true";
  }

  return {
    // The latest refusal, told once.
    refusal() {
      const text = said;
      said = "";
      return text;
    },
    use(fresh) {
      token = fresh;
    },
    waitFor(promise) {
      known = promise;
    },
    renewWith(ask) {
      renew = ask;
    },
  };
})();
