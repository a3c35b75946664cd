// The queue form: loads the phases and defects of a formula while it is typed. Without this script
// the list has all phases of all families.

import { requests } from "./parts.js";

const TYPING_MS = 200;

const form = document.getElementById("queue");
const { formula, phase, defect } = form.elements;
const message = document.getElementById("formula-is");
const defects = document.getElementById("defects");
let timer = 0;

function option(value, text = value) {
  const made = document.createElement("option");
  made.value = value;
  made.textContent = text;
  return made;
}

function show(known) {
  message.textContent = known.problem ?? `${known.formula}, family ${known.family}`;
  message.classList.toggle("wrong", Boolean(known.problem) && !known.family);
  if (!known.family) return;
  const chosen = phase.value;
  const first = known.phases.length ? `most likely: ${known.phases[0]}` : "of the uploaded structure";
  phase.replaceChildren(option("", first), ...known.phases.map((name) => option(name)));
  phase.value = known.phases.includes(chosen) ? chosen : "";
  defects.replaceChildren(...known.defects.map((name) => option(name)));
  if (known.defects.length) defect.placeholder = known.defects[0];
  if (!known.phases.length) document.getElementById("upload").open = true;
}

const request = requests("formula", () => message, async (answer) => {
  if (answer.ok) show(await answer.json());
}, { fail: () => { message.textContent = "The service does not respond."; } });

function ask() {
  const text = formula.value.trim();
  if (!text) message.textContent = "";
  request(text && `/jobs/new?${new URLSearchParams({ formula: text })}`);
}

formula.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(ask, TYPING_MS);
});
if (formula.value && !phase.value) ask();
// Move the focus to the first error.
form.querySelector("[aria-invalid]")?.focus();
