// Functions that several pages share: requests for parts of a page, error messages, folded controls.

/** Request a part of a page. */
export function fetchPart(address, name, { signal, accept = "text/html" } = {}) {
  return fetch(address, { headers: { "X-Part": name, Accept: accept }, signal });
}

/** Show an error message above some content; it replaces an earlier one. */
export function warn(target, sentence) {
  target.querySelector(".alert")?.remove();
  const alert = document.createElement("p");
  alert.className = "alert";
  alert.setAttribute("role", "alert");
  alert.textContent = sentence;
  target.prepend(alert);
}

/** Return the message of an error page, given as text or as a parsed document. */
export function refusal(answer) {
  const page = typeof answer === "string" ? new DOMParser().parseFromString(answer, "text/html") : answer;
  return page.querySelector("[role=alert]")?.textContent ?? "The service refused this request.";
}

export const NO_ANSWER = "The service does not respond. The page shows earlier results.";

/** Open folded controls on wide screens; on narrow screens the results come first. */
export function unfold() {
  const wide = matchMedia("(min-width: 60rem)");
  const open = () => {
    for (const folded of document.querySelectorAll("details[data-open-on-wide]")) folded.open ||= wide.matches;
  };
  open();
  wide.addEventListener("change", open);
}
