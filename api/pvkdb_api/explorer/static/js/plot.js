// Plots. ECharts is loaded when the first plot comes into view; colours follow the page's theme.
//
//   plot(element, (theme) => option, { onPick: (params) => … })
//
// Options are those of ECharts. Tooltips are drawn in the canvas ("richText"), because the policy of
// the page forbids inline styles; their content is plain text.

import { whenSeen } from "./parts.js";

let library = null;

/** The plot of each element that has one. */
const plots = new Map();

/** The colours and the font of the page, as they are now. */
export function theme() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => resolved(style.getPropertyValue(name).trim());
  return {
    ink: colour("--ink"),
    soft: colour("--soft"),
    line: colour("--line"),
    paper: colour("--paper"),
    card: colour("--card"),
    accent: colour("--accent"),
    warm: colour("--warm"),
    series: ["--s1", "--s2", "--s3", "--s4", "--s5", "--s6", "--s7", "--s8"].map(colour),
    font: style.getPropertyValue("font-family") || "system-ui, sans-serif",
  };
}

// A canvas does not support light-dark(), so the browser resolves the colour.
function resolved(value) {
  const probe = document.createElement("span");
  probe.hidden = true;
  probe.style.color = value;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

/** Return the options of every plot; the options of a plot override them. */
export function common(colours) {
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    animationDuration: 300,
    color: colours.series,
    textStyle: { color: colours.ink, fontFamily: "system-ui, sans-serif", fontSize: 13 },
    tooltip: {
      renderMode: "richText",
      confine: true,
      backgroundColor: colours.card,
      borderColor: colours.line,
      textStyle: { color: colours.ink, fontSize: 13 },
    },
    legend: { textStyle: { color: colours.ink }, inactiveColor: colours.soft, type: "scroll", top: 0 },
    grid: { left: 64, right: 24, top: 40, bottom: 56 },
  };
}

/** Return a legend that shows all its names, and the height of its lines in pixels. */
export function legend(element, data) {
  const lengths = data.map((name) => 35 + 7.5 * name.length);
  const lines = Math.ceil((1.15 * lengths.reduce((sum, length) => sum + length, 0)) / element.clientWidth);
  return [{ type: "plain", top: 0, itemWidth: 14, data }, 15 + 25 * lines];
}

/** Return an axis in the colours of the page. */
export function axis(colours, name, rest = {}) {
  return {
    name,
    nameLocation: "middle",
    nameGap: 32,
    nameTextStyle: { color: colours.ink },
    axisLine: { lineStyle: { color: colours.soft } },
    axisLabel: { color: colours.ink, hideOverlap: true },
    splitLine: { lineStyle: { color: colours.line } },
    ...rest,
  };
}

/** Return a number in the format of the page. */
export function shown(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -4 && exponent < 5) return String(Number(value.toPrecision(4))).replace("-", "−");
  const [mantissa, power] = value.toExponential(3).split("e");
  const raised = [...String(Number(power))].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("");
  const short = String(Number(mantissa)).replace("-", "−");
  return short === "1" ? `10${raised}` : `${short}×10${raised}`;
}

/** Return the middle of a range, by a logarithmic scale or a linear one; of a bound its only end. */
export function middle([low, high], log) {
  if (low === null || low === high) return high;
  if (high === null) return low;
  return log && low > 0 ? Math.sqrt(low * high) : (low + high) / 2;
}

/** Return a range, a value or a bound in words. */
export function rangeText([low, high]) {
  if (low === null) return `≤ ${shown(high)}`;
  if (high === null) return `≥ ${shown(low)}`;
  return low === high ? shown(low) : `${shown(low)} to ${shown(high)}`;
}

/** Return a line between two places. */
export function line([x1, y1], [x2, y2], style) {
  return { type: "line", shape: { x1, y1, x2, y2 }, style };
}

/** Return an arrow from a place along an axis, 0 or 1, to its larger (sign 1) or smaller values (-1). */
export function arrow([x, y], along, sign, style) {
  const at = (far, aside) => (along ? [x + aside, y - sign * far] : [x + sign * far, y + aside]);
  const points = [[x, y], at(16, 0), at(11, -4), at(16, 0), at(11, 4)];
  return { type: "polyline", shape: { points }, style: { ...style, fill: "none" } };
}

/** Draw a plot in an element, in place of an earlier one; redraw it when its size or the theme changes. */
export function plot(element, make, { onPick } = {}) {
  if (plots.has(element)) return plots.get(element).update(make);
  let chart = null;
  let latest = make;
  let width = 0;

  async function draw() {
    library ??= import("../vendor/echarts-6.1.0.js");
    const { init } = await library;
    if (!element.isConnected) return;
    if (chart === null) {
      chart = init(element, null, { renderer: "canvas" });
      if (onPick) chart.on("click", onPick);
      width = element.clientWidth;
      new ResizeObserver(resize).observe(element);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    }
    const colours = theme();
    chart.setOption({ ...common(colours), ...merged(common(colours), latest(colours)) }, true);
    element.dataset.drawn = "true";
  }

  // Options may depend on the width.
  function resize() {
    chart.resize();
    if (width !== element.clientWidth) draw();
    width = element.clientWidth;
  }

  whenSeen(element, draw, "200px");
  const drawn = {
    update(other) {
      latest = other;
      if (chart !== null) draw();
      return drawn;
    },
    get chart() {
      return chart;
    },
  };
  plots.set(element, drawn);
  return drawn;
}

function merged(base, option) {
  const both = { ...option };
  for (const name of ["tooltip", "legend", "grid", "textStyle"]) {
    if (option[name] && !Array.isArray(option[name])) both[name] = { ...base[name], ...option[name] };
  }
  return both;
}

/** Return embedded data of the page. */
export function data(id) {
  return JSON.parse(document.getElementById(id).textContent);
}
