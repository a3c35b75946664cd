// Who leads each application: twenty-two rankings, so they come after the page.

const place = document.querySelector("[data-wanting=leaders]");

if (place) {
  const answer = await fetch(location.pathname, { headers: { "X-Part": "leaders", Accept: "text/html" } });
  if (answer.ok) place.innerHTML = await answer.text();
  place.removeAttribute("data-wanting");
}
