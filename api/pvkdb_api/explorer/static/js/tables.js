// For every page. A folded section that the address names is open; what takes long comes after the page.
// Narrow screens show a row of a table as lines: each cell gets the head of its column as a label.

import { fetchPart } from "./parts.js";

/** Return the head of a column with its unit in parentheses. */
function label(head) {
  const text = head.cloneNode(true);
  for (const lowered of text.querySelectorAll("sub")) lowered.prepend("_");
  const unit = text.querySelector(".unit, small");
  unit?.replaceWith(`(${unit.textContent.trim()})`);
  return text.textContent.trim().replace(/\s+/g, " ");
}

function update() {
  for (const row of document.querySelectorAll(".scroll > table:not(.ranking, .chances) > tbody > tr:not([data-lines])")) {
    row.dataset.lines = "";
    const heads = row.closest("table").tHead?.rows[0].cells ?? [];
    if (heads.length < 3) continue;
    row.closest("table").classList.add("lines");
    let column = 0;
    for (const cell of row.cells) {
      if (cell.colSpan < heads.length && heads[column]) cell.dataset.label = label(heads[column]);
      column += cell.colSpan;
    }
  }
}

update();
new MutationObserver(update).observe(document.getElementById("main"), { childList: true, subtree: true });

function open() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target || target.checkVisibility() && !target.matches("details")) return;
  for (let each = target; each; each = each.parentElement?.closest("details")) each.open = true;
  target.scrollIntoView();
}

addEventListener("hashchange", open);
open();

for (const place of document.querySelectorAll("[data-later]")) {
  const answer = await fetchPart(location.pathname, place.dataset.later).catch(() => null);
  if (answer?.ok) place.innerHTML = await answer.text();
  else place.insertAdjacentText("beforeend", "This part of the page could not be loaded. Reload it to try again.");
}
