// Loads the ranks of a device after its page, because all devices must be ranked for them.

const places = document.getElementById("places");

try {
  const answer = await fetch(places.dataset.places, { headers: { "X-Part": "places", Accept: "text/html" } });
  if (!answer.ok) throw new Error(String(answer.status));
  places.innerHTML = await answer.text();
} catch {
  places.textContent = "The rankings could not be loaded. Reload the page to try again.";
}
