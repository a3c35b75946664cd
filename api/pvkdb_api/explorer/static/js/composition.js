// The page of a composition: loads slow sections after the page, shows tooltips of marks, and draws
// structures on request.

import { fetchPart, refusal } from "./parts.js";

/** Fetch a part of this page. */
async function part(name, parameters, kind = "text") {
  const address = new URL(location.href);
  address.hash = "";
  for (const [key, value] of Object.entries(parameters)) address.searchParams.set(key, value);
  const answer = await fetchPart(address, name);
  if (!answer.ok) {
    throw new Error(refusal(await answer.text()));
  }
  return answer[kind]();
}

function alert(sentence) {
  const message = document.createElement("p");
  message.className = "alert";
  message.setAttribute("role", "alert");
  message.textContent = sentence;
  return message;
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

/** Call a function when an element comes near the visible area. */
function whenSeen(element, act) {
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    act();
  }, { rootMargin: "600px" });
  seen.observe(element);
}

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

// ── Structures and paths ─────────────────────────────────────────────────────────────────────

const viewers = () => import("./structure.js");

/** Draw in a stage when it is seen. */
function drawn(figure, act) {
  const stage = figure.querySelector(".stage");
  whenSeen(stage, async () => {
    try {
      await act(stage, figure.querySelector("[data-said]"));
      stage.querySelector("p")?.remove();
      stage.dataset.drawn = "true";
    } catch (error) {
      stage.replaceChildren(alert(`3D view not available: ${error.message}. The files have the coordinates.`));
    }
  });
}

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

const STEP_MS = 380;

for (const article of document.querySelectorAll("article.migration")) {
  const player = article.querySelector("[data-viewer=path]");
  const slider = player.querySelector("input[type=range]");
  if (!slider) continue;
  const play = player.querySelector(".play");
  const output = player.querySelector("output");
  const marker = article.querySelector(".profile .now");
  const dots = [...article.querySelectorAll(".profile .image")];
  const rows = [...article.querySelectorAll("[data-image]")];
  let scene = null;
  let images = null;
  let timer = 0;
  let step = 1;

  const go = (image) => {
    slider.value = image;
    const dot = dots[image];
    marker.setAttribute("cx", dot.getAttribute("cx"));
    marker.setAttribute("cy", dot.getAttribute("cy"));
    output.replaceChildren(`image ${image}, `, rows[image].lastElementChild.firstElementChild.cloneNode(true), " eV");
    if (images) scene.image(image);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  };
  const start = () => {
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      const now = Number(slider.value);
      if (now + step < 0 || now + step >= dots.length) step = -step;
      go(now + step);
    }, STEP_MS);
  };
  slider.addEventListener("input", () => {
    stop();
    go(Number(slider.value));
  });
  play.addEventListener("click", () => (timer ? stop() : start()));
  play.disabled = false;

  drawn(player, async (stage, said) => {
    const [{ viewer }, path] = await Promise.all([
      viewers(),
      part("path", { calculation: article.dataset.calculation, hop: article.dataset.hop }, "json"),
    ]);
    scene = viewer(stage);
    said.textContent = scene.path(path);
    images = path.images;
    go(Number(slider.value));
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches && !timer) start();
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
