// Updates the state of the queue every few seconds while the tab is visible.

import { fetchPart } from "./parts.js";
import { poll } from "./poll.js";

const overview = document.getElementById("overview");
const results = document.getElementById("results");

const count = (name) => Number(overview.querySelector("[data-open]").dataset[name]);

async function ask(part) {
  const answer = await fetchPart(location.href, part);
  return answer.ok ? answer.text() : null;
}

/** Replace the content of an element; keep the keyboard focus on the same link. */
function replace(element, html) {
  const active = element.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  element.innerHTML = html;
  if (active) element.querySelector(`a[href="${CSS.escape(active)}"]`)?.focus();
}

if (overview) {
  poll(async () => {
    const before = [count("open"), count("ended")].join();
    const html = await ask("overview");
    if (html === null) return true;
    replace(overview, html);
    if ([count("open"), count("ended")].join() !== before) {
      const rows = await ask("results");
      if (rows !== null) replace(results, rows);
    }
    return true;
  }, () => (count("open") > 0 ? 4000 : 20000));
}
