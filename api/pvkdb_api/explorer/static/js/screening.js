// The state of a screening while it runs.

import { poll } from "./poll.js";

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
