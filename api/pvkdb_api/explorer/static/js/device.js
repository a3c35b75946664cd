// Places in the rankings follow the page of a device: all devices are ranked for them.

const places = document.getElementById("places");

try {
  const answer = await fetch(places.dataset.places, { headers: { "X-Part": "places", Accept: "text/html" } });
  if (!answer.ok) throw new Error(String(answer.status));
  places.innerHTML = await answer.text();
} catch {
  places.textContent = "The rankings could not be loaded. Reload the page to try again.";
}
