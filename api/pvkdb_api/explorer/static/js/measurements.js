// Measuring of raw files: shows the report and the import within the page, so that the chosen files stay chosen.

import { alert, refusal } from "./parts.js";

const form = document.getElementById("measure");

/** The place of an answer; reports as files are left to the browser. */
const PLACES = { measure: "report", preview: "imported", import: "imported" };

form?.addEventListener("submit", async (event) => {
  const button = event.submitter;
  const place = document.getElementById(PLACES[button?.value ?? "measure"]);
  if (!place) return;
  event.preventDefault();
  const body = new FormData(form, button);
  place.setAttribute("aria-busy", "true");
  try {
    const address = place.id === "report" ? "/measurements" : "/measurements/import";
    const answer = await fetch(address, { method: "POST", body, headers: { Accept: "text/html" } });
    const text = await answer.text();
    const whole = new DOMParser().parseFromString(text, "text/html").getElementById("report");
    if (answer.ok) place.innerHTML = whole?.innerHTML ?? text;
    else place.replaceChildren(alert(refusal(text)));
  } catch {
    place.textContent = "The service does not respond. Nothing was imported.";
  }
  place.removeAttribute("aria-busy");
});
