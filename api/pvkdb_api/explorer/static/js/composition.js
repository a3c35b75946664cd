// The page of a composition: loads slow sections after the page, shows tooltips of marks, and draws
// structures on request.

import { alert, fetchPart, refusal, whenSeen } from "./parts.js";
import { drawn, viewers } from "./path.js";

/** Fetch a part of this page. */
async function part(name, parameters) {
  const address = new URL(location.href);
  address.hash = "";
  for (const [key, value] of Object.entries(parameters)) address.searchParams.set(key, value);
  const answer = await fetchPart(address, name);
  if (!answer.ok) {
    throw new Error(refusal(await answer.text()));
  }
  return answer.text();
}

// ── Rankings, one application after the other ────────────────────────────────────────────────

/** Return a table row from its HTML. */
function row(markup) {
  const table = document.createElement("table");
  table.innerHTML = `<tbody>${markup}</tbody>`;
  return table.querySelector("tr");
}

async function rank() {
  for (const place of document.querySelectorAll("#standings [data-wanted]")) {
    try {
      place.replaceWith(row(await part("suitability", { application: place.dataset.application })));
    } catch (error) {
      place.lastElementChild.replaceChildren(alert(error.message));
    }
  }
}

// ── Predictions ──────────────────────────────────────────────────────────────────────────────

const windows = document.getElementById("windows");
const layer = document.querySelector("form.layer");

function layerValues() {
  return Object.fromEntries([...new FormData(layer)].filter(([name, value]) => !["sections", "phase"].includes(name) && value.trim()));
}

async function predict() {
  const given = layerValues();
  const rest = layer.querySelector("[data-rest]");
  const there = new URL(rest.href);
  for (const field of layer.querySelectorAll("input:not([type=hidden])")) there.searchParams.delete(field.name);
  for (const [name, value] of Object.entries(given)) there.searchParams.set(name, value);
  rest.href = there.href;
  windows.setAttribute("aria-busy", "true");
  try {
    windows.innerHTML = await part("windows", given);
  } catch (error) {
    windows.replaceChildren(alert(error.message));
  }
  windows.removeAttribute("aria-busy");
}

layer.addEventListener("submit", (event) => {
  event.preventDefault();
  const address = new URL(location.href);
  for (const field of layer.querySelectorAll("input:not([type=hidden])")) {
    if (field.value.trim()) address.searchParams.set(field.name, field.value);
    else address.searchParams.delete(field.name);
  }
  address.hash = "predictions";
  history.replaceState({}, "", address);
  predict();
});

if ("wanted" in windows.dataset) whenSeen(windows, predict);
whenSeen(document.getElementById("standings"), rank);

// ── Tooltips ───────────────────────────────────────────────────────────────────────────

const tip = document.getElementById("tip");

function showTip(event) {
  const mark = event.target.closest?.("[data-tip]");
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = mark.dataset.tip;
  const place = mark.getBoundingClientRect();
  const left = Math.min(place.left + place.width / 2, innerWidth - tip.offsetWidth - 8);
  const above = place.top - tip.offsetHeight - 8;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${above > 8 ? above : place.bottom + 8}px`;
}

for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, showTip);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") tip.hidden = true;
});
document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

// ── Structures ─────────────────────────────────────────────────────────────────────

const structure = document.querySelector("[data-viewer=structure]");
if (structure) {
  let scene = null;
  const picks = [...document.querySelectorAll("input[name=structure]")];
  const octahedra = JSON.parse(document.getElementById("octahedra").textContent);
  const show = async (said) => {
    const id = picks.find((pick) => pick.checked).value;
    const answer = await fetch(`/api/v1/structures/${encodeURIComponent(id)}`);
    if (!answer.ok) throw new Error(`the service responded with status ${answer.status}`);
    const found = await answer.json();
    scene.structure(found, octahedra);
    said.textContent = `Showing: ${found.role}, ${found.atoms} atoms in the cell.`;
  };
  for (const pick of picks) {
    pick.addEventListener("change", () => {
      const address = new URL(location.href);
      address.searchParams.set("structure", pick.value);
      history.replaceState({}, "", address);
    });
  }
  drawn(structure, async (stage, said) => {
    scene = (await viewers()).viewer(stage);
    await show(said);
    for (const pick of picks) pick.addEventListener("change", () => show(said));
  });
}

// ── Phase diagrams ───────────────────────────────────────────────────────────────────────────

const diagrams = document.getElementById("diagrams");
if ("wanted" in diagrams.dataset) {
  whenSeen(diagrams, async () => {
    try {
      diagrams.innerHTML = await part("diagrams", {});
    } catch (error) {
      diagrams.replaceChildren(alert(error.message));
    }
  });
}

// ── Formation energies: the slider moves the chemical potential between its limits ───────────

const fermi = document.getElementById("fermi");
if (fermi) {
  const { low, high, start, end } = Object.fromEntries(Object.entries(fermi.dataset).map(([name, text]) => [name, Number(text)]));
  const controls = fermi.querySelector(".controls");
  const slider = controls.querySelector("input");
  const lines = [...fermi.querySelectorAll("line[data-poor]")];
  const shown = [...fermi.querySelectorAll("[data-energy]")];
  const ends = controls.querySelector("span").textContent.split(" to ");
  const move = () => {
    const share = Number(slider.value) / 100;
    lines.forEach((line, place) => {
      const energy = Number(line.dataset.poor) * (1 - share) + Number(line.dataset.rich) * share;
      const height = start + ((energy - low) / (high - low)) * (end - start);
      line.setAttribute("y1", height);
      line.setAttribute("y2", height);
      shown[place].textContent = energy.toFixed(2);
    });
    controls.querySelector("output").textContent = { 0: ends[0], 100: ends[1] }[slider.value] ?? `${slider.value} % of the way to ${ends[1]}`;
  };
  slider.addEventListener("input", move);
  controls.hidden = false;
  move();
}
