// The funnel of a screening; while the run is under way, its state.

import { axis, data, plot } from "./plot.js";
import { poll } from "./poll.js";

const place = document.getElementById("funnel");
if (place) {
  const { stages, passed, fell } = data("funnel-data");
  plot(place, (theme) => ({
    tooltip: { trigger: "axis", axisPointer: { type: "shadow" } },
    grid: { left: 90, right: 24, top: 36, bottom: 44 },
    xAxis: { type: "value", minInterval: 1, ...axis(theme, "candidates", { nameGap: 28 }) },
    yAxis: {
      type: "category",
      data: stages,
      inverse: true,
      axisLabel: { color: theme.ink },
      axisLine: { lineStyle: { color: theme.soft } },
      axisTick: { show: false },
    },
    series: [
      { name: "passed", type: "bar", stack: "all", data: passed, itemStyle: { color: theme.series[2] } },
      ...Object.entries(fell).map(([name, counts], index) => ({
        name: `fell: ${name}`,
        type: "bar",
        stack: "all",
        data: counts,
        itemStyle: { color: [theme.series[7], theme.series[1], theme.series[3], theme.series[4]][index] },
      })),
    ],
  }));
}

const state = document.getElementById("run-state");
if (state.querySelector("[data-state=running]")) {
  poll(async () => {
    const answer = await fetch(location.pathname, { headers: { "X-Part": "state", Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    state.innerHTML = await answer.text();
    if (state.querySelector("[data-state=running]")) return true;
    location.reload();
    return false;
  }, () => 5000);
}
