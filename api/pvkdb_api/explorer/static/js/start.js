// The plot of the start page: one mark for each composition, with bars for the range of its values.
// Compositions with only one of the energies are in strips beside the axes.

import { arrow, axis, data, legend, line, middle, plot, shown } from "./plot.js";

const STAR = "path://M0-10 3-3 10-3 4 2 6 10 0 5-6 10-4 2-10-3-3-3Z";
const CROSS = "path://M-3-9H3V-3H9V3H3V9H-3V3H-9V-3H-3Z";
const HEXAGON = "path://M-10 0-5-9H5L10 0 5 9H-5Z";
const SYMBOLS = ["circle", "rect", "triangle", "diamond", STAR, CROSS, HEXAGON];
const FAINT = 0.55;
// Size of a mark, distance of its label, and a position outside the plot.
const [MARK, GAP, HIDDEN] = [14, 3, -9999];

const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

function start() {
  const element = document.getElementById("plot");
  if (!element) return;
  const { families, kinds, both, only_e_a, only_dfe } = data("overview-data");

  const rangeText = (ends) => {
    if (!ends) return "not reported";
    const [low, high, below, above] = ends;
    const first = `${below ? "< " : ""}${shown(low)}`;
    const last = `${above ? "> " : ""}${shown(high)}`;
    if (low === high) return `${above ? "> " : ""}${below ? "< " : ""}${shown(low)} eV`;
    return `${first} to ${last} eV`;
  };
  const extent = (name, step) => {
    const ends = [...both, ...only_e_a, ...only_dfe].flatMap((point) => point[name]?.slice(0, 2) ?? []);
    if (!ends.length) return [0, 1];
    const low = Math.min(0, ...ends);
    return [Math.floor(low / step) * step, (Math.floor(Math.max(...ends) / step) + 1) * step];
  };

  // Bars, with an arrow at an end that is only a bound.
  const bars = (points, grid, colours) => ({
    type: "custom",
    xAxisIndex: grid,
    yAxisIndex: grid,
    silent: true,
    z: 1,
    tooltip: { show: false },
    data: points.map((point) => [point.x, point.y]),
    renderItem(params, api) {
      const { e_a, dfe, x, y, family } = points[params.dataIndex];
      const style = { stroke: colours.series[families.indexOf(family) % 8], lineWidth: 1.4, opacity: FAINT, fill: "none" };
      const children = [];
      const bar = (ends, at, along) => {
        const [low, high, below, above] = ends;
        const [from, to] = [at(low), at(high)];
        children.push(line(from, to, style));
        if (below) children.push(arrow(from, along, -1, style));
        if (above) children.push(arrow(to, along, 1, style));
      };
      if (e_a && grid !== 2) bar(e_a, (value) => api.coord([value, y]), 0);
      if (dfe && grid !== 1) bar(dfe, (value) => api.coord([x, value]), 1);
      return { type: "group", children };
    },
  });
  const marks = (points, grid, family, colours) => {
    const place = families.indexOf(family);
    const colour = colours.series[place % 8];
    return {
      type: "scatter",
      name: family,
      xAxisIndex: grid,
      yAxisIndex: grid,
      symbol: SYMBOLS[place % SYMBOLS.length],
      z: 3,
      data: points
        .filter((point) => point.family === family)
        .map((point) => ({
          value: [point.x, point.y],
          point,
          symbolSize: grid === 0 ? MARK : 10,
          itemStyle: {
            color: point.kind === "literature" ? colour : colours.paper,
            borderColor: colour,
            borderWidth: 2,
            borderType: point.kind === "mixed" ? "dashed" : "solid",
          },
        })),
      itemStyle: { color: colour },
      label: {
        show: grid === 0,
        position: "top",
        color: colours.ink,
        formatter: ({ data: { point } }) => point.composition,
      },
      labelLayout: placeLabel,
    };
  };

  const positioned = (points, x, y) => points.map((point) => ({ ...point, x: x(point), y: y(point) }));
  const grids = [
    positioned(both, (p) => middle(p.e_a), (p) => middle(p.dfe)),
    positioned(only_e_a, (p) => middle(p.e_a), () => 0),
    positioned(only_dfe, () => 0, (p) => middle(p.dfe)),
  ];
  const [xMin, xMax] = extent("e_a", 0.2);
  const [yMin, yMax] = extent("dfe", 0.5);

  // Each label goes to the first free corner of its mark, beside its bars. A label without a free
  // corner is hidden; the tooltip of its mark has the name.
  const placed = new Map();
  let marksAt = [];
  let edge = 0;
  function placeLabel({ dataIndex, seriesIndex, rect, labelRect: { width, height } }) {
    const key = `${seriesIndex}/${dataIndex}`;
    if (placed.has(key)) placed.clear(); // ECharts starts a new layout
    const places = [rect.y - height, rect.y + rect.height]
      .flatMap((top) => [rect.x + rect.width + GAP, rect.x - width - GAP].map((left) => ({ left, top, right: left + width, bottom: top + height })));
    const taken = [...[...placed.values()].filter(Boolean), ...marksAt];
    const free = places.find((place) => place.left >= edge && place.right <= element.clientWidth && !taken.some((other) => overlap(place, other)));
    placed.set(key, free); // without a place, too: else the next layout would not start with it
    if (!free) return { x: HIDDEN, y: HIDDEN };
    return { x: free.left, y: free.top, align: "left", verticalAlign: "top" };
  }

  function option(colours) {
    const narrow = element.clientWidth < 560;
    const left = narrow ? 74 : 92;
    edge = left;
    const [named, top] = legend(element, families);
    const [right, bottom] = [20, 98];
    const [width, height] = [element.clientWidth - left - right, element.clientHeight - top - bottom];
    marksAt = grids[0].map(({ x, y }) => {
      const centre = [left + (width * (x - xMin)) / (xMax - xMin), top + (height * (yMax - y)) / (yMax - yMin)];
      return { left: centre[0] - MARK / 2, right: centre[0] + MARK / 2, top: centre[1] - MARK / 2, bottom: centre[1] + MARK / 2 };
    });
    const quiet = { axisLabel: { show: false }, axisTick: { show: false }, axisLine: { show: false }, splitLine: { show: false } };
    const x = { type: "value", min: xMin, max: xMax };
    const y = { type: "value", min: yMin, max: yMax };
    const strip = { type: "value", min: -1, max: 1, ...quiet };
    return {
      legend: named,
      tooltip: {
        trigger: "item",
        formatter: ({ data: { point } }) =>
          `${point.composition} (${point.family}, ${kinds[point.kind]})\nE_A: ${rangeText(point.e_a)}\nDFE: ${rangeText(point.dfe)}`,
      },
      grid: [
        { left, right, top, bottom, show: true, borderColor: colours.line },
        { left, right, height: 24, bottom: 58, show: true, borderWidth: 0, backgroundColor: colours.card },
        { left: left - 34, width: 24, top, bottom, show: true, borderWidth: 0, backgroundColor: colours.card },
      ],
      xAxis: [
        { ...axis(colours, "", { ...x }), gridIndex: 0, axisLabel: { show: false }, axisTick: { show: false } },
        { ...axis(colours, narrow ? "E_A (eV)" : "Activation energy E_A (eV)", { ...x, splitLine: { show: false }, axisLine: { onZero: false } }), gridIndex: 1 },
        { ...strip, gridIndex: 2 },
      ],
      yAxis: [
        { ...axis(colours, "", { ...y }), gridIndex: 0, axisLabel: { show: false }, axisTick: { show: false } },
        { ...strip, gridIndex: 1 },
        { ...axis(colours, narrow ? "DFE (eV)" : "Defect formation energy DFE (eV)", { ...y, splitLine: { show: false }, axisLine: { onZero: false }, nameGap: 30 }), gridIndex: 2 },
      ],
      series: [
        ...grids.map((points, grid) => bars(points, grid, colours)),
        ...families.flatMap((family) => grids.map((points, grid) => marks(points, grid, family, colours))),
      ],
    };
  }

  plot(element, option, {
    onPick: ({ data: picked }) => {
      if (picked?.point) location.assign(`/compositions/${encodeURIComponent(picked.point.composition)}`);
    },
  });
}

start();
