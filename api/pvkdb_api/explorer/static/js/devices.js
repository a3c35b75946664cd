// The plot above the table of devices: one metric against another, with the same filters.

import { requests } from "./parts.js";
import { arrow, axis, legend, line, middle, plot, rangeText, shown } from "./plot.js";

const SHAPES = ["circle", "rect", "triangle", "diamond", "roundRect", "arrow", "rect", "triangle"];
const TURNED = [0, 0, 0, 0, 0, 0, 45, 180];
const LISTED = 300;
const CROWD = 400;

const element = document.getElementById("plot");
const text = document.getElementById("plot-text");
const windowText = document.getElementById("window-text");
const form = document.getElementById("filters");

const load = requests("plot", () => element, async (answer) => {
  if (answer.ok) show(await answer.json());
}, { accept: "application/json", fail: () => { text.textContent = "The service does not respond."; } });

// ── Values ─────────────────────────────────────────────────────────────────────────────────────

// Points of the service are: name, stack, colour, ends and sign of x, ends and sign of y.
function ends(point, place) {
  const [low, high, sign] = point.slice(place, place + 3);
  return { low, high, sign };
}

function isBound({ low, high, sign }) {
  return sign === ">" || sign === ">=" || sign === "tested" || low === null || high === null;
}

function words({ low, high, sign }, unit) {
  const before = { "~": "~ ", ">": "> ", ">=": "≥ ", tested: "≥ ", "up to": "up to " }[sign] ?? "";
  const after = { tested: " (tested)", film: " (of the film)" }[sign] ?? "";
  return `${before}${rangeText([low, high])}${unit ? ` ${unit}` : ""}${after}`;
}

// Logarithmic axes are drawn as axes of the exponent, so that their ticks are at whole decades.
function along(value, log) {
  return log ? Math.log10(value) : value;
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
    return { id: point[0], stack: point[1], kind: point[2] ?? "not reported", x, y, at: [middle([x.low, x.high], logX), middle([y.low, y.high], logY)] };
  });
  const kept = marks.filter((mark) => usable(found, mark.at));
  const frequency = new Map();
  for (const { kind } of kept) frequency.set(kind, (frequency.get(kind) ?? 0) + 1);
  const kinds = [...frequency.keys()].filter((kind) => kind !== "not reported")
    .sort((a, b) => frequency.get(b) - frequency.get(a) || (a < b ? -1 : 1));
  const named = kinds.length > 7 ? kinds.slice(0, 6) : kinds;
  const group = (kind) => (kind === "not reported" || named.includes(kind) ? kind : "others");
  const groups = [...named, ...(kinds.length > named.length ? ["others"] : []), ...(frequency.has("not reported") ? ["not reported"] : [])];

  const spanX = span(kept.map((mark) => mark.at[0]), logX);
  const spanY = span(kept.map((mark) => mark.at[1]), logY);
  const at = (mark) => [along(mark.at[0], logX), along(mark.at[1], logY)];

  crowded(kept);

  const make = (colours) => {
    const colour = (name) => (name === "not reported" ? colours.soft : colours.series[groups.indexOf(name) % 8]);
    const many = kept.length > CROWD;
    const [key, top] = legend(element, groups);
    const series = groups.map((name, place) => ({
      type: "scatter",
      name,
      symbol: name === "not reported" ? "circle" : SHAPES[place % 8],
      symbolRotate: TURNED[place % 8],
      symbolSize: many ? 6 : 12,
      color: colour(name),
      data: kept.filter((mark) => group(mark.kind) === name).map((mark) => ({
        value: at(mark),
        mark,
        symbolOffset: many ? [0, 0] : mark.offset,
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
      data: many ? [] : kept.map((mark, place) => [...at(mark), groups.indexOf(group(mark.kind)), place]),
      renderItem: (params, api) => lines(kept[api.value(3)], api, colour(groups[api.value(2)]), [logX, logY]),
    });
    if (found.window) series.push(region(found.window, { x: [spanX, logX], y: [spanY, logY] }, colours));
    return {
      legend: key,
      tooltip: {
        trigger: "item",
        formatter: ({ data }) => (data?.mark
          ? `${data.mark.stack}\n${found.x.label}: ${words(data.mark.x, found.x.unit)}\n${found.y.label}: ${words(data.mark.y, found.y.unit)}\n${found.colour}: ${data.mark.kind}`
          : ""),
      },
      grid: { left: 76, right: 28, top, bottom: 56 },
      xAxis: scaled(colours, found.x, spanX, {}),
      yAxis: scaled(colours, found.y, spanY, { nameGap: 54 }),
      series,
    };
  };
  plot(element, make, {
    onPick: ({ data }) => data?.mark && location.assign(`/devices/${encodeURIComponent(data.mark.id)}`),
  });
  describe(found, marks, kept);
  list(found, kept);
}

// Moves marks at the same place apart, so that each can be seen; in pixels.
function crowded(marks) {
  const places = new Map();
  for (const mark of marks) {
    const before = places.get(String(mark.at)) ?? 0;
    places.set(String(mark.at), before + 1);
    const angle = 2.4 * before;
    const away = 7 * Math.sqrt(before);
    mark.offset = [away * Math.cos(angle), away * Math.sin(angle)];
  }
}

// The ends of an axis; exponents if it is logarithmic.
function span(values, log) {
  if (!values.length) return [0, 1];
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (log) return [Math.floor(Math.log10(low) - 0.1), Math.ceil(Math.log10(high) + 0.1)];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

function scaled(colours, { label, unit, scale }, [min, max], rest) {
  const log = scale === "log";
  const count = max - min;
  return axis(colours, unit ? `${label} / ${unit}` : label, {
    type: "value",
    min,
    max,
    axisLine: { onZero: false, lineStyle: { color: colours.soft } },
    ...(log && { interval: Math.ceil(count / 8) || 1 }),
    axisLabel: {
      color: colours.ink,
      hideOverlap: true,
      formatter: (value) => shown(log ? Number(`1e${Math.round(value)}`) : Number(value.toPrecision(4))),
    },
    ...rest,
  });
}

// A line for a range, an arrow for a bound.
function lines(mark, api, colour, logs) {
  const style = { stroke: colour, lineWidth: 1.6 };
  const here = mark.at.map((value, end) => along(value, logs[end]));
  const children = [mark.x, mark.y].flatMap((ends, end) => {
    const at = (value) => api.coord(here.with(end, along(value, logs[end])));
    const { low, high } = ends;
    const drawn = [];
    if (low !== null && high !== null && low !== high) drawn.push(line(at(low || high), at(high), style));
    if (isBound(ends)) drawn.push(arrow(api.coord(here), end, low === null ? -1 : 1, style));
    return drawn;
  });
  return { type: "group", children };
}

// The region that satisfies an application, and around it the region that partly satisfies it.
function region(window, axes, colours) {
  const side = (end, low, high) => {
    const [[min, max], log] = axes[end];
    const place = (value, other) => {
      if (value === null || value === undefined) return other;
      if (log && value <= 0) return min;
      return Math.min(max, Math.max(min, along(value, log)));
    };
    const asked = window[end] ?? {};
    return [place(asked[low] ?? asked.at_least, min), place(asked[high] ?? asked.at_most, max)];
  };
  const areas = [["fails_below", "fails_above", ""], ["at_least", "at_most", window.title]]
    .map(([low, high, title]) => ({ x: side("x", low, high), y: side("y", low, high), title }))
    .filter(({ x, y }) => (window.x || window.y) && x[1] > x[0] && y[1] > y[0]);
  return {
    type: "custom",
    name: "window",
    silent: true,
    clip: true,
    z: 1,
    data: areas.map(({ x, y }, place) => [x[0], y[0], place]),
    renderItem: (params, api) => {
      const { x, y, title } = areas[api.value(2)];
      const [left, bottom] = api.coord([x[0], y[0]]);
      const [right, top] = api.coord([x[1], y[1]]);
      return {
        type: "group",
        children: [
          { type: "rect", shape: { x: left, y: top, width: right - left, height: bottom - top }, style: { fill: colours.series[2], opacity: 0.14 } },
          { type: "text", style: { x: left + 6, y: top + 6, text: title, fill: colours.ink, fontSize: 12, width: Math.max(0, right - left - 12), overflow: "truncate" } },
        ],
      };
    },
  };
}

// ── Words ──────────────────────────────────────────────────────────────────────────────────────

function describe(found, marks, kept) {
  const count = (n) => n.toLocaleString("en");
  const cut = found.both > marks.length
    ? ` ${count(marks.length)} of them are shown, evenly sampled by name; use filters to see all.` : "";
  const lost = marks.length > kept.length ? ` ${marks.length - kept.length} at 0 cannot be shown on a logarithmic scale.` : "";
  text.textContent = `${count(found.both)} of ${count(found.total)} devices have both ${found.x.label} and ${found.y.label}.${cut}${lost} `
    + (kept.length > CROWD
      ? "Hollow marks: lower bounds (printed with >, or limited by the test). Marks of ranges are in the middle."
      : "Hollow marks with an arrow: lower bounds (printed with >, or limited by the test). Lines: printed ranges, with the mark in the middle. Marks of the same values are drawn side by side.");
  windowText.replaceChildren();
  if (!found.window) return;
  const { window } = found;
  const paragraph = document.createElement("p");
  paragraph.className = "soft";
  const requirements = ["x", "y"].filter((end) => window[end]).map((end) => `${found[end].label}: ${bounds(window[end])}`);
  const rest = window.others.length ? ` Other requirements: ${window.others.map((metric) => metric.replace(/_(s|v|j|ua|nm|percent)$/, "").replaceAll("_", " ")).join(", ")}.` : "";
  paragraph.textContent = requirements.length
    ? `Shaded area: ${window.title}. ${requirements.join(" ")} The lighter area partly satisfies it.${rest} `
    : `${window.title} has no requirements on these two metrics.${rest} `;
  const link = document.createElement("a");
  link.href = `/applications/${encodeURIComponent(window.name)}`;
  link.textContent = "Requirements and ranking";
  paragraph.append(link);
  windowText.append(paragraph);
}

function bounds(asked) {
  const unit = asked.unit ? ` ${asked.unit}` : "";
  const parts = ["at_least", "at_most", "fails_below", "fails_above"].filter((name) => asked[name] !== null)
    .map((name) => `${name.replace("_", " ")} ${shown(asked[name])}${unit}`);
  const quoted = asked.quoted ? `, “${asked.quoted}”` : "";
  const light = asked.weight === 0 ? "; no weight in the ranking" : "";
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
text.textContent = "Loading the plot.";
load(location.pathname + location.search);
