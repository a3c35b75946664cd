// The state of a screening while it runs.

import { fetchPart } from "./parts.js";
import { poll } from "./poll.js";

const state = document.getElementById("run-state");
if (state.querySelector("[data-state=running]")) {
  poll(async () => {
    const answer = await fetchPart(location.pathname, "state");
    if (!answer.ok) throw new Error(String(answer.status));
    state.innerHTML = await answer.text();
    if (state.querySelector("[data-state=running]")) return true;
    location.reload();
    return false;
  }, () => 5000);
}
