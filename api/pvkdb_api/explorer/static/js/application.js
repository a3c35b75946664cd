// The page of an application: weights and options act while they are changed. The address is updated,
// so that a ranking can be shared and the back button works. Without this script the button "Rank"
// does the same.

import { refusal, requests, warn } from "./parts.js";
import { arrow, axis, data, line, middle, plot, rangeText, shown } from "./plot.js";

const DELAY_MS = 150;
const WEIGHT = "w.";

const form = document.getElementById("ask");
let timer = 0;
// Whether the next ranking is a new entry of the history; false while a slider is dragged.
let step = true;
let released = false;
// The address of the shown ranking, without the anchor.
let seen = location.pathname + location.search;

// ── The address ──────────────────────────────────────────────────────────────────────────────────

const DEFAULTS = { subject: "devices" };
const ORDER = ["subject", "compositions", "lead_free", "family", "halide", "has_device", "has_stack", "ions_known",
  "only_screening", "weights", "reading", "computed", "thickness_nm", "bias_v",
  "temperature_k",
  "write_time_s", "samples", "x", "y", "top"];

/** Return the address of the form without values that are defaults. */
function address() {
  const values = new Map();
  for (const [name, value] of new FormData(form)) {
    if (!name.startsWith(WEIGHT) && value.trim() !== "" && value !== DEFAULTS[name]) values.set(name, value.trim());
  }
  const weights = [...exacts()]
    .filter((field) => field.value.trim() !== "" && !same(field.value, field.dataset.own))
    .map((field) => `${field.name.slice(WEIGHT.length)}=${field.value.trim()}`);
  if (weights.length) values.set("weights", weights.join(","));
  for (const name of ["x", "y"]) if (!chosen.has(name)) values.delete(name);
  const query = new URLSearchParams(ORDER.filter((name) => values.has(name)).map((name) => [name, values.get(name)]));
  return query.size ? `${form.getAttribute("action")}?${query}` : form.getAttribute("action");
}

function same(first, second) {
  return Number(first) === Number(second);
}

// The address has the axes only if the user chose them.
const chosen = new Set(["x", "y"].filter((name) => new URLSearchParams(location.search).has(name)));

function exacts() {
  return form.querySelectorAll(`input[name^="${WEIGHT}"]`);
}

// ── Requests ───────────────────────────────────────────────────────────────────────────────────────

function later() {
  clearTimeout(timer);
  timer = setTimeout(ask, DELAY_MS);
}

function ask() {
  clearTimeout(timer);
  timer = 0;
  const wanted = address();
  if (wanted === seen) return;
  seen = wanted;
  history[step ? "pushState" : "replaceState"]({}, "", wanted);
  step = released;
  released = false;
  request(wanted);
}

const request = requests("ranking", () => document.getElementById("results"), async (answer) => {
  show(new DOMParser().parseFromString(await answer.text(), "text/html"), answer.ok);
});

/** Show the parts of a response; after an error, show its message and keep the ranking. */
function show(page, ok) {
  if (!ok) {
    warn(document.getElementById("results"), refusal(page));
    return;
  }
  const open = [...document.querySelectorAll("[data-part] details[open]")].map((entry) => entry.id);
  const focused = document.activeElement?.id;
  for (const part of page.querySelectorAll("[data-part]")) {
    document.getElementById(part.id)?.replaceWith(part);
  }
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
  draw();
}

// ── Controls ─────────────────────────────────────────────────────────────────────────────────────

/** Show the share of each weight beside it. */
function shares() {
  const numbers = [...exacts()].map((field) => Math.max(0, Number(field.value)) || 0);
  const whole = numbers.reduce((sum, value) => sum + value, 0);
  [...exacts()].forEach((field, place) => {
    const output = form.querySelector(`output[for="${field.id}"]`);
    output.textContent = whole > 0 ? `${Math.round((numbers[place] / whole) * 100)} %` : "";
  });
}

function slider(field) {
  return form.querySelector(`input[type=range][data-for="${field.id}"]`);
}

function ranged(field) {
  const range = slider(field);
  const value = Number(field.value);
  if (value > Number(range.max)) range.max = value;
  if (value >= 0) range.value = value;
}

for (const range of form.querySelectorAll("input[type=range]")) {
  range.hidden = false;
  ranged(document.getElementById(range.dataset.for));
}
shares();

form.addEventListener("input", (event) => {
  const field = event.target;
  if (field.type === "range") document.getElementById(field.dataset.for).value = String(Number(field.value));
  else if (field.name?.startsWith(WEIGHT)) ranged(field);
  else if (field.type !== "text") return;
  shares();
  later();
});

// Some controls of the form are outside its element, so the listener is on the document.
document.addEventListener("change", (event) => {
  if (event.target.form !== form) return;
  if (event.target.matches("select, input[type=radio], input[type=checkbox]")) {
    if (event.target.name === "x" || event.target.name === "y") {
      for (const name of ["x", "y"]) chosen.add(name);
    }
    step = true;
    ask();
  } else if (timer) {
    released = true;
  } else {
    step = true;
  }
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  step = true;
  ask();
});

document.getElementById("reset").addEventListener("click", (event) => {
  event.preventDefault();
  for (const field of exacts()) {
    field.value = field.dataset.own;
    ranged(field);
  }
  shares();
  step = true;
  ask();
});

// Anchor links also arrive here and change nothing.
addEventListener("popstate", () => {
  if (location.pathname + location.search !== seen) location.reload();
});

// ── The plot of two criteria ──────────────────────────────────────────────────────────────

function draw() {
  const element = document.getElementById("plane");
  if (!element) return;
  const { x, y, points } = data("plane-data");
  plot(element, (colours) => {
    const centre = (point) => [middle(point.x, x.log), middle(point.y, y.log)];
    const limits = (theme) => ({
      silent: true,
      symbol: "none",
      lineStyle: { color: theme.series[0], type: "dashed" },
      label: { show: false },
      data: [...x.limits.map((value) => ({ xAxis: value })), ...y.limits.map((value) => ({ yAxis: value }))],
    });
    const spans = (point, api) => {
      const style = { stroke: colours.warm, lineWidth: 1.2 };
      const from = api.coord(centre(point));
      const children = [point.x, point.y].flatMap((ends, along) => ends.map((end, side) => (end === null
        ? arrow(from, along, side ? 1 : -1, style)
        : line(from, api.coord(centre(point).with(along, end)), style))));
      return { type: "group", children };
    };
    return {
      grid: { left: 76, right: 24, top: 16, bottom: 56 },
      tooltip: {
        formatter: ({ data: { point } }) =>
          `${point.label}${point.label === point.id ? "" : ` (${point.id})`}\nrank ${point.rank}` +
          `\n${x.name}: ${rangeText(point.x)}\n${y.name}: ${rangeText(point.y)}`,
      },
      xAxis: axis(colours, x.name, { type: x.log ? "log" : "value", scale: true, axisLabel: label(colours) }),
      yAxis: axis(colours, y.name, { type: y.log ? "log" : "value", scale: true, nameGap: 56, axisLabel: label(colours) }),
      series: [
        {
          type: "scatter",
          symbolSize: 10,
          itemStyle: { color: colours.warm },
          data: points.map((point) => ({ value: centre(point), point })),
          markLine: limits(colours),
        },
        {
          type: "custom",
          silent: true,
          renderItem: (params, api) => spans(points[params.dataIndex], api),
          data: points.map(centre),
          z: 1,
        },
      ],
    };
  }, {
    onPick: ({ data: picked }) => {
      const row = document.getElementById(picked?.point?.id ?? "");
      row?.querySelector("details")?.setAttribute("open", "");
      row?.scrollIntoView({ block: "center" });
    },
  });
}

function label(colours) {
  return { color: colours.ink, hideOverlap: true, formatter: shown };
}

draw();
