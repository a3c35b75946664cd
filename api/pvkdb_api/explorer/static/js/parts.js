// What pages with controls have in common: sentences that tell what failed, and folded controls.

/** A sentence above what is shown, in place of the one before. */
export function warn(target, sentence) {
  target.querySelector(".alert")?.remove();
  const alert = document.createElement("p");
  alert.className = "alert";
  alert.setAttribute("role", "alert");
  alert.textContent = sentence;
  target.prepend(alert);
}

/** The sentence of an error, which comes as a whole page: its text, or the page when it was read. */
export function refusal(answer) {
  const page = typeof answer === "string" ? new DOMParser().parseFromString(answer, "text/html") : answer;
  return page.querySelector("[role=alert]")?.textContent ?? "The service refused this.";
}

export const NO_ANSWER = "The service does not answer. What you see is of before.";

/** Where there is room, all controls are to be seen; on a phone what they change comes first. */
export function unfold() {
  const wide = matchMedia("(min-width: 60rem)");
  const open = () => {
    for (const folded of document.querySelectorAll("details[data-open-on-wide]")) folded.open ||= wide.matches;
  };
  open();
  wide.addEventListener("change", open);
}
