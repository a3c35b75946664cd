// Loads the ranks of a device after its page, because all devices must be ranked for them.

import { fetchPart } from "./parts.js";

const places = document.getElementById("places");

try {
  const answer = await fetchPart(places.dataset.places, "places");
  if (!answer.ok) throw new Error(String(answer.status));
  places.innerHTML = await answer.text();
} catch {
  places.textContent = "The rankings could not be loaded. Reload the page to try again.";
}
