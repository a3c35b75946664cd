// The draft of a paper: sends the ticked values, and shows what their import changes.

import { refusal } from "./parts.js";

const form = document.getElementById("draft");
const report = document.getElementById("report");

/** Return the ticked cells of a row, with its place and print; null if none is ticked. */
function cells(row) {
  const ticked = new Set([...row.querySelectorAll("[data-ticks]:checked")].map((box) => box.dataset.ticks));
  if (!ticked.size) return null;
  const kept = [...row.querySelectorAll("[data-cell]")].filter(
    (cell) => cell.value.trim() && (cell.type === "hidden" || ticked.has(cell.dataset.cell)),
  );
  return Object.fromEntries(kept.map((cell) => [cell.dataset.cell, cell.value.trim()]));
}

function paper() {
  const content = { energetics: [], devices: [] };
  for (const row of form.querySelectorAll("[data-table]")) {
    const found = cells(row);
    if (found && row.dataset.table === "reference") content.reference = found;
    else if (found) content[row.dataset.table].push(found);
  }
  const { reference, ...tables } = content;
  return reference ? { reference, ...tables } : tables;
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new FormData();
  body.set("action", event.submitter?.value ?? "preview");
  body.set("paper", JSON.stringify(paper()));
  try {
    const answer = await fetch("/draft/import", { method: "POST", body });
    const text = await answer.text();
    if (answer.ok) report.innerHTML = text;
    else report.textContent = refusal(text);
  } catch {
    report.textContent = "The service does not respond. Nothing was imported.";
  }
});
