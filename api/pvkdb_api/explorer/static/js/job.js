// Updates state and log of a calculation until it ends; then the page is reloaded with the result.

import { fetchPart } from "./parts.js";
import { poll } from "./poll.js";

const state = document.getElementById("live-state");
const log = document.getElementById("live-log");

poll(async () => {
  const address = new URL(location.href);
  address.searchParams.set("after", log.dataset.last);
  const answer = await fetchPart(address, "live");
  if (!answer.ok) throw new Error(String(answer.status));
  const now = await answer.json();
  if (now.ended) {
    const clean = new URL(location.href);
    clean.search = "";
    location.replace(clean);
    return false;
  }
  if (now.value !== state.dataset.value) {
    location.reload();
    return false;
  }
  state.innerHTML = now.state;
  if (now.last !== Number(log.dataset.last)) {
    const follows = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
    log.insertAdjacentHTML("beforeend", now.log);
    log.dataset.last = now.last;
    if (follows) log.scrollTop = log.scrollHeight;
  }
  return true;
}, () => 3000);

log.scrollTop = log.scrollHeight;
