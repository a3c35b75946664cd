// The simulated device: loops, and the motion of its vacancies along one of them.

import { player } from "./parts.js";
import { axis, data, plot, shown } from "./plot.js";

const STEP_MS = 90;
const DOTS = 160;
const LEFT = 60;
const RIGHT = 440;
const TOP = 20;
const BOTTOM = 216;

const figure = document.getElementById("motion");
if (figure) {
  const { loops, motion } = data("simulation-data");
  const { position_nm: places, vacancies_per_cm3: rows, voltage_v: volts, time_s: times } = motion;
  const middle = loops[Math.floor(loops.length / 2)];
  const slider = figure.querySelector("input[type=range]");
  const output = figure.querySelector("output");
  const curve = figure.querySelector(".curve");
  const group = figure.querySelector(".dots");
  const densities = rows.flat().filter((value) => value > 0).map(Math.log10);
  const most = Math.ceil(Math.max(...densities));
  // Seven decades are seen; thinner places lie on the axis.
  const least = Math.max(Math.floor(Math.min(...densities)), most - 7);
  figure.querySelector(".most").textContent = `${shown(10 ** most)} per cm³`;
  figure.querySelector(".least").textContent = `${shown(10 ** least)} per cm³`;

  const across = (place) => LEFT + ((RIGHT - LEFT) * (place - places[0])) / (places.at(-1) - places[0]);
  const height = (value) => {
    const share = (Math.log10(Math.max(value, 1e-300)) - least) / (most - least);
    return BOTTOM - (BOTTOM - TOP) * Math.min(Math.max(share, 0), 1);
  };
  // Heights of the dots, below the axis: spread evenly, and the same at every moment.
  const dots = Array.from({ length: DOTS }, (_, index) => {
    const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    dot.setAttribute("r", "2.6");
    dot.setAttribute("cy", String(226 + ((index * 0.618034) % 1) * 44));
    group.append(dot);
    return dot;
  });

  /** Return the places below which equal shares of the vacancies lie. */
  function quantiles(row) {
    const sums = [0];
    for (let i = 1; i < places.length; i++) {
      sums.push(sums[i - 1] + ((row[i] + row[i - 1]) / 2) * (places[i] - places[i - 1]));
    }
    let i = 1;
    return dots.map((_, index) => {
      const wanted = ((index + 0.5) / DOTS) * sums.at(-1);
      while (sums[i] < wanted && i < sums.length - 1) i++;
      const part = (wanted - sums[i - 1]) / (sums[i] - sums[i - 1] || 1);
      return places[i - 1] + part * (places[i] - places[i - 1]);
    });
  }

  function currentAt(time) {
    const at = middle.time_s.findIndex((each) => each >= time);
    return middle.current_a_per_m2[at < 0 ? middle.time_s.length - 1 : at];
  }

  let moment = 0;
  const option = (colours) => ({
    tooltip: { trigger: "item", formatter: ({ seriesName, value }) => `${seriesName}\n${shown(value[0])} V, ${shown(value[1])} A/m²` },
    legend: { data: loops.map((each) => `${shown(each.rate_v_per_s)} V/s`) },
    xAxis: axis(colours, "Voltage (V)"),
    yAxis: axis(colours, "|Current| (A/m²)", { type: "log", nameGap: 46, axisLabel: { color: colours.ink, formatter: shown } }),
    series: [
      ...loops.map((each) => ({
        type: "line",
        name: `${shown(each.rate_v_per_s)} V/s`,
        showSymbol: false,
        data: each.voltage_v.map((volt, i) => [volt, Math.abs(each.current_a_per_m2[i]) || null]),
      })),
      { type: "scatter", id: "now", name: "now", symbolSize: 12, itemStyle: { color: colours.warm }, data: [point()] },
    ],
  });
  function point() {
    return [volts[moment], Math.abs(currentAt(times[moment])) || null];
  }
  const drawn = plot(document.getElementById("loops"), option);

  function go(next) {
    moment = next;
    slider.value = next;
    const row = rows[next];
    curve.setAttribute("d", row.map((value, i) => `${i ? "L" : "M"}${across(places[i]).toFixed(1)} ${height(value).toFixed(1)}`).join(""));
    quantiles(row).forEach((place, i) => dots[i].setAttribute("cx", across(place).toFixed(1)));
    output.textContent = `${shown(Number(volts[next].toPrecision(3)))} V, ${shown(Number(times[next].toPrecision(3)))} s`;
    drawn.chart?.setOption({ series: [{ id: "now", data: [point()] }] });
  }

  const play = player(figure, STEP_MS, go, (now) => (now + 1) % rows.length);
  go(0);
  play();
}
