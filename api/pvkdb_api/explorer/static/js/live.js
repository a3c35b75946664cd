// Filters that act while they are changed: the script requests the table again and updates the
// address, so that it can be shared. Without this script the button "Apply" does the same.

import { fetchPart, refusal, requests, unfold, warn } from "./parts.js";

const TYPING_MS = 120;

/** Path and query of the page, without the anchor. */
let shown = location.pathname + location.search;

/** Return the address of a form: empty fields are left out, several checked boxes are a list. */
export function address(form) {
  const values = new Map();
  for (const [name, value] of new FormData(form)) {
    if (value.trim() !== "") values.set(name, values.has(name) ? `${values.get(name)},${value}` : value);
  }
  if (sameColumns(form)) values.delete("columns");
  const query = new URLSearchParams([...values]).toString();
  return query ? `${form.getAttribute("action")}?${query}` : form.getAttribute("action");
}

// The default columns are not part of the address.
function sameColumns(form) {
  const boxes = [...form.querySelectorAll("input[name=columns]")];
  return boxes.every((box) => box.checked === box.defaultChecked) && !location.search.includes("columns=");
}

export function live(form) {
  const target = document.getElementById(form.dataset.live);
  let timer = 0;

  function ask(push) {
    const wanted = address(form);
    if (wanted === location.pathname + location.search) return;
    history[push ? "pushState" : "replaceState"]({}, "", wanted);
    shown = wanted;
    request(wanted);
  }

  const request = requests("results", () => target, async (answer, signal) => {
    const text = await answer.text();
    if (answer.ok) target.innerHTML = text;
    else warn(target, refusal(text));
    target.removeAttribute("aria-busy"); // the counts may take longer
    form.dispatchEvent(new CustomEvent("pvkdb:results", { bubbles: true, detail: { address: shown } }));
    if (answer.ok) await count(shown, signal);
  });

  async function count(wanted, signal) {
    const places = form.querySelectorAll("[data-count]");
    if (!places.length) return;
    const answer = await fetchPart(wanted, "counts", { signal });
    if (!answer.ok) return;
    const counts = await answer.json();
    for (const place of places) {
      place.textContent = counts[place.dataset.count]?.[place.dataset.value] ?? 0;
    }
  }

  form.addEventListener("input", (event) => {
    if (event.target.matches("input[type=search], input[type=text], input:not([type])")) {
      clearTimeout(timer);
      timer = setTimeout(ask, TYPING_MS, false);
    }
  });
  form.addEventListener("change", (event) => {
    if (event.target.matches("input[type=checkbox], input[type=radio], select")) {
      clearTimeout(timer);
      ask(true);
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    ask(true);
  });
  // The first counts, if the address has filters.
  if (location.search) count(location.pathname + location.search).catch(() => {});
}

for (const form of document.querySelectorAll("form[data-live]")) live(form);

unfold();
addEventListener("popstate", () => {
  if (location.pathname + location.search !== shown) location.reload();
});
