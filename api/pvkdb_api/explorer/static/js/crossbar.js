// The crossbar page: sliders for number fields, results while they move, then the solved circuit.

import { refusal, requests, unfold, warn } from "./parts.js";
import { axis, plot, shown } from "./plot.js";

const TABLE_MS = 60;
const MAP_MS = 250;

const form = document.getElementById("crossbar-form");
const results = document.getElementById("results");
const mapText = document.getElementById("map-text");
const mapHeading = document.getElementById("map-heading");
let tableTimer = 0;
let mapTimer = 0;

// ── The address ────────────────────────────────────────────────────────────────────────────────

function address() {
  const query = new URLSearchParams();
  for (const field of form.elements) {
    if (!field.name) continue;
    const value = field.value.trim();
    if (value === (field.name === "cell" ? defaultCell() : field.dataset.default ?? "")) continue;
    query.set(field.name, value); // an empty field overrides the example of the page
  }
  return query.size ? `/crossbar?${query}` : "/crossbar";
}

// The default kind of cell: 1R for devices of the store, because no selector is reported for them,
// and 1R without a selectivity.
function defaultCell() {
  const { device, selectivity, cell } = form.elements;
  const typed = selectivity.value.trim();
  const alone = !typed || (device.value.trim() && typed === selectivity.dataset.default);
  return alone ? "1R" : cell.dataset.default;
}

// A default kind of cell changes with the device and the selectivity.
let kind = defaultCell();
function follow() {
  const { cell } = form.elements;
  if (cell.value === kind) cell.value = defaultCell();
  kind = defaultCell();
}

// ── Sliders ────────────────────────────────────────────────────────────────────────────────────

for (const slider of form.querySelectorAll("input[type=range]")) {
  const field = document.getElementById(slider.dataset.for);
  const decades = "decades" in slider.dataset;
  slider.hidden = false;
  const say = () => slider.setAttribute("aria-valuetext", field.value || field.placeholder);
  say();
  slider.addEventListener("input", () => {
    const at = Number(slider.value);
    field.value = decades ? String(Number((10 ** at).toPrecision(3))) : String(at);
    if (field.name === "on_off_ratio") form.elements.device.value = "";
    say();
    later(false);
  });
  slider.addEventListener("change", () => later(true));
  field.addEventListener("input", () => {
    if (field.name === "on_off_ratio" && field.value.trim()) form.elements.device.value = "";
    const value = Number(field.value);
    if (field.value.trim() && Number.isFinite(value)) slider.value = decades ? Math.log10(value) : value;
    say();
    later(false);
  });
  field.addEventListener("change", () => later(true));
}

form.elements.device.addEventListener("change", () => {
  const ratio = form.elements.on_off_ratio;
  if (form.elements.device.value.trim()) ratio.value = "";
  else if (!ratio.value.trim()) ratio.value = ratio.dataset.default;
  later(true);
});
for (const select of form.querySelectorAll("select")) select.addEventListener("change", () => later(true));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  later(true);
});

// ── Requests ─────────────────────────────────────────────────────────────────────────────────────

// Each gesture (moving a slider, typing a number) is one entry of the history.
let gesture = false;

function later(rest) {
  follow();
  clearTimeout(tableTimer);
  tableTimer = setTimeout(ask, rest ? 0 : TABLE_MS, rest);
}

function ask(rest) {
  const wanted = address();
  const changed = wanted !== location.pathname + location.search;
  if (changed) {
    history[gesture ? "replaceState" : "pushState"]({}, "", wanted);
    gesture = true;
  }
  if (rest) gesture = false;
  if (changed || results.querySelector("[role=alert]")) fetchResults(wanted);
}

const fetchResults = requests("results", () => results, async (answer) => {
  const text = await answer.text();
  if (!answer.ok) return warn(results, refusal(text));
  results.innerHTML = text;
  draw();
  solve();
});

// ── The curves ─────────────────────────────────────────────────────────────────────────────────

const COLOURS = { "1R": 7, "1S1R": 0, "self-rectifying": 1 };
const LINES = { floating: "solid", "half-bias": "dashed", "third-bias": "dotted" };

function draw() {
  const source = document.getElementById("curves");
  if (!source) return;
  const { curves, margin } = JSON.parse(source.textContent);
  const make = (colours) => ({
    legend: { type: "plain", top: 0, itemWidth: 28, itemStyle: { opacity: 0 }, itemGap: 8, data: curves.map(nameOf) },
    grid: { left: 64, right: 24, top: document.getElementById("curve").clientWidth < 420 ? 120 : 90, bottom: 56 },
    tooltip: { trigger: "item", formatter: ({ seriesName, value }) => `${seriesName}\nN = ${shown(value[0])}\nmargin ${shown(100 * value[1])} %` },
    xAxis: axis(colours, "word or bit lines, N", { type: "log", min: 1 }),
    yAxis: axis(colours, "read margin ΔV / V_read", { type: "log", min: margin / 100, max: 1, nameGap: 46 }),
    series: curves.map((each, place) => ({
      type: "line",
      name: nameOf(each),
      data: each.points.filter(([, value]) => value > margin / 100),
      showSymbol: false,
      symbolSize: 6,
      animation: false,
      z: each.chosen ? 4 : 2,
      lineStyle: { width: each.chosen ? 3.5 : 1.4, type: LINES[each.read] },
      color: colours.series[COLOURS[each.cell]],
      ...(place === 0 && {
        markLine: {
          symbol: "none",
          silent: true,
          lineStyle: { color: colours.ink, type: [6, 4] },
          label: { formatter: `${shown(100 * margin)} %`, color: colours.ink, position: "insideStartTop" },
          data: [{ yAxis: margin }],
        },
      }),
    })),
  });
  plot(document.getElementById("curve"), make);
}

function nameOf({ cell, read }) {
  return `${cell}, ${read}`;
}

// ── The circuit ────────────────────────────────────────────────────────────────────────────────

const map = document.getElementById("map");

function solve() {
  clearTimeout(mapTimer);
  fetchMap();
  map.setAttribute("aria-busy", "true");
  mapTimer = setTimeout(() => fetchMap(address()), MAP_MS);
}

const fetchMap = requests("map", () => map, async (answer) => {
  const found = await answer.json();
  map.hidden = !answer.ok; // do not show the map of other values
  if (answer.ok) show(found);
  else mapText.textContent = `The circuit was not solved: ${found.detail}`;
}, { accept: "application/json", fail: () => { mapText.textContent = "The service does not respond."; } });

function show(found) {
  const percent = (value) => `${shown(100 * value)} %`;
  mapHeading.textContent = `${found.title}, ${found.size} × ${found.size}`;
  const far = `Solved circuit of ${found.cell}, ${found.read}, ${shown(found.line_ohm)} Ω between cells: `
    + `margin ${percent(found.margin_near)} for the cell nearest to the drivers, ${percent(found.margin_far)} for the farthest `
    + `(${found.margin_far >= found.margin ? "sufficient" : "too low"}); equation (2), without line resistance: ${percent(found.margin_formula)}. `
    + `The voltage across these cells is ${percent(found.cell_voltage_near)} and ${percent(found.cell_voltage_far)} of V_read.`;
  const what = found.map === "voltage"
    ? " The map shows |V| across every cell while the farthest one (top right) is read."
    : ` The map shows ${found.lines.length} × ${found.lines.length} positions, each from a separate circuit.`;
  mapText.textContent = far + what;
  const lines = found.lines;
  const cells = [];
  let low = Infinity;
  let high = -Infinity;
  found.values.forEach((row, r) => row.forEach((value, c) => {
    const size = Math.abs(value);
    cells.push([c, r, size, value]);
    low = Math.min(low, size);
    high = Math.max(high, size);
  }));
  // Widen the scale if all values are equal, so that the colour is not at its end.
  if (high - low < 1e-9) { low -= 0.01; high += 0.01; }
  const names = lines.map((line) => String(line + 1));
  const every = { interval: Math.ceil(lines.length / 8) - 1 };
  const make = (colours) => ({
    tooltip: { trigger: "item", formatter: ({ value }) => `word line ${names[value[1]]}, bit line ${names[value[0]]}\n${percent(value[3])} of V_read` },
    grid: { left: 56, right: 92, top: 16, bottom: 56 },
    xAxis: axis(colours, "bit line", { type: "category", data: names, axisLabel: { color: colours.ink, ...every }, splitLine: { show: false } }),
    yAxis: axis(colours, "word line", { type: "category", data: names, inverse: true, axisLabel: { color: colours.ink, ...every }, nameGap: 36, splitLine: { show: false } }),
    visualMap: {
      min: low, max: high, dimension: 2, calculable: false, orient: "vertical", right: 0, top: "middle",
      precision: 3, text: [percent(high), percent(low)], textStyle: { color: colours.ink },
      inRange: { color: [colours.card, colours.series[0]] },
    },
    series: [{ type: "heatmap", data: cells, animation: false, progressive: 4000, emphasis: { itemStyle: { borderColor: colours.ink, borderWidth: 1 } } }],
  });
  plot(map, make);
}

unfold();
draw();
if (document.getElementById("curves")) solve();
addEventListener("popstate", () => location.reload());
