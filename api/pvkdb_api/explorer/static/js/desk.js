// The desk by keys: each decision is sent at once, and what is typed elsewhere stays as it is.

import { refusal } from "./parts.js";

const said = document.getElementById("said");
const desk = document.getElementById("desk");

/** Decisions are sent one after the other; after a conflict those that wait are dropped. */
let sending = Promise.resolve();
let waiting = 0;
let reading = 0;

const cells = () => [...desk.querySelectorAll("form.cell[id]")];
const current = () => document.activeElement?.closest("form.cell[id]");
const typed = () => [...desk.querySelectorAll("input[id]")].filter((input) => input.value !== input.defaultValue);

/** Move to the first cell after this one, or before it, that a test accepts. */
function go(from, step, test = () => true) {
  const all = cells();
  const order = step > 0 ? all.slice(all.indexOf(from) + 1) : all.slice(0, Math.max(all.indexOf(from), 0)).reverse();
  const to = order.find(test) ?? from;
  to?.focus();
  to?.scrollIntoView({ block: "nearest" });
}

const isOpen = (cell) => cell.dataset.state === "open";
const press = (form, action) => form?.querySelector(`button[value=${action}]`)?.click();

const KEYS = {
  j: (cell) => go(cell, 1),
  ArrowDown: (cell) => go(cell, 1),
  k: (cell) => go(cell, -1),
  ArrowUp: (cell) => go(cell, -1),
  n: (cell) => go(cell, 1, isOpen),
  a: (cell) => press(cell, cell.querySelector("[value=accept]") ? "accept" : "correct"),
  r: (cell) => press(cell, "reject"),
  u: (cell) => press(cell, "reopen"),
  s: (cell) => press(cell.closest(".row").querySelector(".same"), "correct"),
  c: (cell) => cell.elements.value.select(),
  A: (cell) => press(cell.closest(".row").querySelector(".rest"), "accept"),
  R: (cell) => press(cell.closest(".row").querySelector(".rest"), "reject"),
  e: () => desk.querySelector("[data-whole] button")?.focus(),
};

desk.addEventListener("keydown", (event) => {
  const cell = current();
  if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select")) {
    if (event.key === "Escape") {
      cell.elements.value.value = cell.elements.value.defaultValue;
      cell.focus();
    }
  } else if (KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key](cell);
  }
});

/** Put the new state in place of the old one; texts that were typed, folds, the focus and what is selected stay. */
function show(fresh, kept) {
  const { id: active, selectionStart: from, selectionEnd: to } = document.activeElement;
  const texts = typed();
  const unfolded = [...desk.querySelectorAll("details[open]")].map((each) => each.id);
  desk.replaceChildren(...fresh.childNodes);
  desk.dataset.revision = fresh.dataset.revision;
  for (const old of texts) {
    const input = document.getElementById(old.id);
    if (input && !(kept && old.dataset.sent === old.value)) input.value = old.value;
  }
  for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
  const again = document.getElementById(active);
  again?.focus({ preventScroll: true });
  if (from >= 0) again?.setSelectionRange(from, to);
}

async function send(address, body, cell, begun) {
  if (begun !== reading) return;
  body.set("revision", desk.dataset.revision);
  let fresh;
  let status = 0;
  try {
    const answer = await fetch(address, { method: "POST", body, headers: { Accept: "text/html", "X-Part": "desk" } });
    status = answer.status;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    fresh = page.getElementById("desk");
    if (!fresh) said.textContent = refusal(page);
  } catch {
    said.textContent = "The service does not respond. The last decision was not kept; send it again.";
  }
  if (status !== 200) reading += 1;
  if (fresh) {
    show(fresh, status === 200);
    said.textContent = (desk.querySelector("[role=alert]") ?? desk.querySelector(".answer")).textContent;
  }
  if (status !== 200) document.getElementById(cell)?.focus();
  else if (cell === "new") [...desk.querySelectorAll(".row")].at(-1).querySelector("[data-state=empty]")?.focus();
}

/** Enter or confirm after the decisions that are being sent, and not while a text is typed that nobody kept. */
function finish(event) {
  const left = typed().find((input) => !("whole" in input.form.dataset));
  if (!waiting && !left) return;
  event.preventDefault();
  const { textContent } = event.submitter;
  if (waiting) {
    sending.then(() => [...desk.querySelectorAll("[data-whole] button")].find((each) => each.textContent === textContent)?.click());
  } else {
    left.focus();
    said.textContent = `${left.form.ariaLabel ?? "A field"}: “${left.value}” is typed, but not kept. Keep it, or take it back.`;
  }
}

desk.addEventListener("submit", (event) => {
  const form = event.target;
  if ("whole" in form.dataset) return finish(event);
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  const cell = form.id || current()?.id;
  const begun = reading;
  const input = form.elements.value;
  if (input?.id) input.dataset.sent = input.value;
  const row = form.matches(".rest") ? form.closest(".row") : null;
  if (form.matches(".cell[id], .rest")) {
    form.dataset.state = "sent";
    go(form.matches(".rest") ? row?.querySelector("form.cell[id]") : form, 1, (each) => isOpen(each) && !row?.contains(each));
  }
  waiting += 1;
  sending = sending.then(() => send(form.getAttribute("action"), body, cell, begun)).finally(() => (waiting -= 1));
});

desk.addEventListener("click", (event) => {
  if (event.target.id !== "begin") return;
  event.preventDefault();
  (cells().find(isOpen) ?? cells()[0]).focus();
});
if (!location.hash) cells().find(isOpen)?.focus({ preventScroll: true });
