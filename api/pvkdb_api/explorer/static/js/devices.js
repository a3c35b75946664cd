// The plot beside the table of devices: one metric against another, for the same filters.

import { axis, plot, shown } from "./plot.js";

const SHAPES = ["circle", "rect", "triangle", "diamond", "roundRect", "pin", "arrow", "circle"];
const ARROW = 16;
const LISTED = 300;

const element = document.getElementById("plot");
const text = document.getElementById("plot-text");
const windowText = document.getElementById("window-text");
const form = document.getElementById("filters");
let running = null;
let drawn = null;

async function load(address) {
  running?.abort();
  running = new AbortController();
  element.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, {
      headers: { "X-Part": "plot", Accept: "application/json" }, signal: running.signal,
    });
    if (answer.ok) show(await answer.json());
  } catch (error) {
    if (error.name !== "AbortError") text.textContent = "The service does not answer.";
  } finally {
    element.removeAttribute("aria-busy");
  }
}

// ── Values ─────────────────────────────────────────────────────────────────────────────────────

// A point as the service sends it: name, stack, colour, ends and sign of x, ends and sign of y.
function ends(point, place) {
  const [low, high, sign] = point.slice(place, place + 3);
  return { low, high, sign };
}

// Where the mark of an interval stands: in its middle on the scale; at its only end for a bound.
function middle({ low, high }, log) {
  if (low === null) return high;
  if (high === null || low === high) return low;
  return log && low > 0 ? Math.sqrt(low * high) : (low + high) / 2;
}

function isBound({ low, high, sign }) {
  return sign === ">" || sign === "tested" || low === null || high === null;
}

function words({ low, high, sign }, unit) {
  const range = low === null ? `≤ ${shown(high)}` : high === null ? `≥ ${shown(low)}`
    : low === high ? shown(low) : `${shown(low)} to ${shown(high)}`;
  const before = { "~": "~ ", ">": "> ", tested: "≥ " }[sign] ?? "";
  const after = { tested: " (tested so far)", film: " (of the film)" }[sign] ?? "";
  return `${before}${range}${unit ? ` ${unit}` : ""}${after}`;
}

function usable({ x, y }, place) {
  return (x.scale !== "log" || place[0] > 0) && (y.scale !== "log" || place[1] > 0);
}

// ── Drawing ────────────────────────────────────────────────────────────────────────────────────

function show(found) {
  const logX = found.x.scale === "log";
  const logY = found.y.scale === "log";
  const marks = found.points.map((point) => {
    const x = ends(point, 3);
    const y = ends(point, 6);
    return { id: point[0], stack: point[1], kind: point[2] ?? "not reported", x, y, at: [middle(x, logX), middle(y, logY)] };
  });
  const kept = marks.filter((mark) => usable(found, mark.at));
  const frequency = new Map();
  for (const { kind } of kept) frequency.set(kind, (frequency.get(kind) ?? 0) + 1);
  const kinds = [...frequency.keys()].filter((kind) => kind !== "not reported")
    .sort((a, b) => frequency.get(b) - frequency.get(a) || (a < b ? -1 : 1));
  const named = kinds.length > 7 ? kinds.slice(0, 6) : kinds;
  const group = (kind) => (kind === "not reported" || named.includes(kind) ? kind : "others");
  const legend = [...named, ...(kinds.length > named.length ? ["others"] : []), ...(frequency.has("not reported") ? ["not reported"] : [])];

  const make = (colours) => {
    const colour = (name) => (name === "not reported" ? colours.soft : colours.series[legend.indexOf(name) % 8]);
    const many = kept.length > 400;
    const series = legend.map((name, place) => ({
      type: "scatter",
      name,
      symbol: name === "not reported" ? "circle" : SHAPES[place % 8],
      symbolSize: many ? 6 : 12,
      color: colour(name),
      data: kept.filter((mark) => group(mark.kind) === name).map((mark) => ({
        value: mark.at,
        mark,
        itemStyle: isBound(mark.x) || isBound(mark.y)
          ? { color: many ? "transparent" : colours.paper, borderColor: colour(name), borderWidth: 2 }
          : { color: colour(name), opacity: many ? 0.55 : 0.9 },
      })),
      large: false,
      z: 3,
    }));
    series.push({
      type: "custom",
      name: "bounds and ranges",
      silent: true,
      clip: true,
      z: 2,
      data: many ? [] : kept.map((mark) => [...mark.at, legend.indexOf(group(mark.kind)), kept.indexOf(mark)]),
      renderItem: (params, api) => lines(kept[api.value(3)], api, colour(legend[api.value(2)])),
    });
    if (found.window) series.push(region(found, kept, colours));
    return {
      legend: { type: "scroll", top: 0, data: legend },
      tooltip: {
        trigger: "item",
        formatter: ({ data }) => (data?.mark
          ? `${data.mark.stack}\n${found.x.label}: ${words(data.mark.x, found.x.unit)}\n${found.y.label}: ${words(data.mark.y, found.y.unit)}\n${found.colour}: ${data.mark.kind}`
          : ""),
      },
      grid: { left: 76, right: 28, top: 44, bottom: 56 },
      xAxis: scaled(colours, found.x, kept.map((mark) => mark.at[0]), {}),
      yAxis: scaled(colours, found.y, kept.map((mark) => mark.at[1]), { nameGap: 54 }),
      series,
    };
  };
  if (drawn) drawn.update(make);
  else {
    drawn = plot(element, make, {
      onPick: ({ data }) => data?.mark && location.assign(`/devices/${encodeURIComponent(data.mark.id)}`),
    });
  }
  describe(found, marks, kept);
  list(found, kept);
}

function scaled(colours, { label, unit, scale }, values, rest) {
  const name = unit ? `${label} / ${unit}` : label;
  if (scale !== "log") return axis(colours, name, { type: "value", scale: true, ...rest });
  const low = Math.min(...values);
  const high = Math.max(...values);
  return axis(colours, name, {
    type: "log",
    ...(values.length && { min: 10 ** Math.floor(Math.log10(low) - 0.15), max: 10 ** Math.ceil(Math.log10(high) + 0.15) }),
    axisLabel: { color: colours.ink, hideOverlap: true, formatter: (value) => shown(Number(value.toPrecision(6))) },
    ...rest,
  });
}

// A line for a range, an arrow to where the truth may lie for a bound.
function lines(mark, api, colour) {
  const [x, y] = api.coord(mark.at);
  const children = [];
  const line = (x1, y1, x2, y2) => children.push({ type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: colour, lineWidth: 1.6 } });
  const across = mark.x;
  const up = mark.y;
  if (across.low !== null && across.high !== null && across.low !== across.high) {
    line(api.coord([across.low || across.high, mark.at[1]])[0], y, api.coord([across.high, mark.at[1]])[0], y);
  }
  if (up.low !== null && up.high !== null && up.low !== up.high) {
    line(x, api.coord([mark.at[0], up.low || up.high])[1], x, api.coord([mark.at[0], up.high])[1]);
  }
  if (isBound(across)) {
    const way = across.low === null ? -1 : 1;
    line(x, y, x + way * ARROW, y);
    line(x + way * ARROW, y, x + way * (ARROW - 4), y - 3);
    line(x + way * ARROW, y, x + way * (ARROW - 4), y + 3);
  }
  if (isBound(up)) {
    const way = up.low === null ? 1 : -1;
    line(x, y, x, y + way * ARROW);
    line(x, y + way * ARROW, x - 3, y + way * (ARROW - 4));
    line(x, y + way * ARROW, x + 3, y + way * (ARROW - 4));
  }
  return { type: "group", children };
}

// The region that an application asks for: what satisfies, and around it what half does.
function region(found, kept, colours) {
  const { window } = found;
  const area = (low, high, name) => {
    const limits = (end) => [window[end]?.[low[end]] ?? window[end]?.at_least, window[end]?.[high[end]] ?? window[end]?.at_most];
    const corner = (place) => Object.fromEntries(["x", "y"].filter((end) => limits(end)[place] !== null && limits(end)[place] !== undefined)
      .map((end) => [`${end}Axis`, limits(end)[place]]));
    const open = (place) => Object.fromEntries(["x", "y"].filter((end) => !(`${end}Axis` in corner(place))).map((end) => [`${end}Axis`, place ? "max" : "min"]));
    return [{ name, ...corner(0), ...open(0) }, { ...corner(1), ...open(1) }];
  };
  const inner = { x: "at_least", y: "at_least" };
  const outer = { x: "fails_below", y: "fails_below" };
  const areas = window.x || window.y ? [
    [...area(outer, { x: "fails_above", y: "fails_above" }, "")],
    [...area(inner, { x: "at_most", y: "at_most" }, window.title)],
  ] : [];
  return {
    type: "scatter",
    name: "window",
    data: [],
    z: 1,
    markArea: {
      silent: true,
      itemStyle: { color: colours.series[2], opacity: 0.13 },
      label: { color: colours.ink, position: "insideTopLeft", fontSize: 12 },
      data: areas,
    },
  };
}

// ── Words ──────────────────────────────────────────────────────────────────────────────────────

function describe(found, marks, kept) {
  const count = (n) => n.toLocaleString("en");
  const cut = found.both > marks.length
    ? ` ${count(marks.length)} of these are drawn, an even sample by name: narrow the filters to see all.` : "";
  const lost = marks.length > kept.length ? ` ${marks.length - kept.length} at 0 cannot stand on a logarithmic scale.` : "";
  text.textContent = `${count(found.both)} of ${count(found.total)} have both ${found.x.label} and ${found.y.label}.${cut}${lost} `
    + "Hollow with an arrow: a lower bound (printed with > or tested so far). A line: a printed range, its mark in the middle.";
  windowText.replaceChildren();
  if (!found.window) return;
  const { window } = found;
  const paragraph = document.createElement("p");
  paragraph.className = "soft";
  const asks = ["x", "y"].filter((end) => window[end]).map((end) => `${found[end].label}: ${bounds(window[end])}`);
  const rest = window.others.length ? ` It also asks for ${window.others.join(", ").replaceAll("_", " ")}.` : "";
  paragraph.textContent = asks.length
    ? `Shaded: ${window.title}. ${asks.join(" ")} The lighter shade partly serves.${rest} `
    : `${window.title} asks nothing of these two metrics.${rest} `;
  const link = document.createElement("a");
  link.href = `/applications/${encodeURIComponent(window.name)}`;
  link.textContent = "Its requirements and ranking";
  paragraph.append(link);
  windowText.append(paragraph);
}

function bounds(asked) {
  const unit = asked.unit ? ` ${asked.unit}` : "";
  const parts = [];
  if (asked.at_least !== null) parts.push(`at least ${shown(asked.at_least)}${unit}`);
  if (asked.at_most !== null) parts.push(`at most ${shown(asked.at_most)}${unit}`);
  if (asked.fails_below !== null) parts.push(`none left below ${shown(asked.fails_below)}${unit}`);
  if (asked.fails_above !== null) parts.push(`none left above ${shown(asked.fails_above)}${unit}`);
  const quoted = asked.quoted ? `, “${asked.quoted}”` : "";
  const light = asked.weight === 0 ? "; without weight in the ranking" : "";
  return `${parts.join(", ")} (${asked.source}${quoted}; ${asked.basis}${light}).`;
}

function list(found, kept) {
  const details = document.getElementById("plot-details");
  details.hidden = kept.length === 0;
  const table = document.createElement("table");
  table.className = "rows";
  const head = table.createTHead().insertRow();
  for (const heading of ["Device", found.x.label, found.y.label, found.colour]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = heading;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const mark of kept.slice(0, LISTED)) {
    const row = body.insertRow();
    const link = document.createElement("a");
    link.href = `/devices/${encodeURIComponent(mark.id)}`;
    link.textContent = mark.stack;
    row.insertCell().append(link);
    for (const value of [words(mark.x, found.x.unit), words(mark.y, found.y.unit), mark.kind]) row.insertCell().textContent = value;
  }
  const place = document.getElementById("plot-table");
  place.replaceChildren(table);
  if (kept.length > LISTED) {
    const rest = document.createElement("p");
    rest.textContent = `The first ${LISTED} of ${kept.length} points.`;
    place.append(rest);
  }
}

for (const control of document.querySelectorAll(".choices select")) {
  control.addEventListener("change", () => form.requestSubmit());
}
form.addEventListener("pvkdb:results", (event) => load(event.detail.address));
text.textContent = "Loading the points.";
load(location.pathname + location.search);
