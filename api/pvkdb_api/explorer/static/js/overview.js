// The queue while it moves: asked for again every few seconds, as long as something is open and
// somebody looks.

import { poll } from "./poll.js";

const overview = document.getElementById("overview");
const results = document.getElementById("results");

const told = (name) => Number(overview.querySelector("[data-open]").dataset[name]);

async function ask(part) {
  const answer = await fetch(location.href, { headers: { "X-Part": part, Accept: "text/html" } });
  return answer.ok ? answer.text() : null;
}

/** Put other content into an element; what had the keyboard's attention has it again. */
function replace(element, html) {
  const active = element.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  element.innerHTML = html;
  if (active) element.querySelector(`a[href="${CSS.escape(active)}"]`)?.focus();
}

if (overview) {
  poll(async () => {
    const before = [told("open"), told("ended")].join();
    const html = await ask("overview");
    if (html === null) return true;
    replace(overview, html);
    if ([told("open"), told("ended")].join() !== before) {
      const rows = await ask("results");
      if (rows !== null) replace(results, rows);
    }
    return true;
  }, () => (told("open") > 0 ? 4000 : 20000));
}
