// Loads the leaders of all applications after the page, because they need 22 rankings.

import { fetchPart } from "./parts.js";

const place = document.querySelector("[data-wanting=leaders]");

if (place) {
  const answer = await fetchPart(location.pathname, "leaders");
  if (answer.ok) place.innerHTML = await answer.text();
  place.removeAttribute("data-wanting");
}
