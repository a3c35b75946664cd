// Loads the leaders of all applications after the page, because they need 22 rankings.

const place = document.querySelector("[data-wanting=leaders]");

if (place) {
  const answer = await fetch(location.pathname, { headers: { "X-Part": "leaders", Accept: "text/html" } });
  if (answer.ok) place.innerHTML = await answer.text();
  place.removeAttribute("data-wanting");
}
