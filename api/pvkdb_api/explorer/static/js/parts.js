// Functions that several pages share: requests for parts of a page, error messages, folded controls.

/** Request a part of a page. */
export function fetchPart(address, name, { signal, accept = "text/html" } = {}) {
  return fetch(address, { headers: { "X-Part": name, Accept: accept }, signal });
}

/** Return a function that requests a part of an address and acts on the answer; `place()` is busy meanwhile.
 *
 * A newer request ends the one before; one without an address only does that.
 */
export function requests(name, place, act, { accept, fail = () => warn(place(), NO_ANSWER) } = {}) {
  let running = null;
  return async (address) => {
    running?.abort();
    if (!address) return place().removeAttribute("aria-busy");
    const own = (running = new AbortController());
    place().setAttribute("aria-busy", "true");
    try {
      await act(await fetchPart(address, name, { signal: own.signal, accept }), own.signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      fail();
    }
    if (running === own) place().removeAttribute("aria-busy");
  };
}

/** Return an error message. */
export function alert(sentence) {
  const message = Object.assign(document.createElement("p"), { className: "alert", textContent: sentence });
  message.setAttribute("role", "alert");
  return message;
}

/** Show an error message above some content; it replaces an earlier one. */
export function warn(target, sentence) {
  target.querySelector(".alert")?.remove();
  target.prepend(alert(sentence));
}

/** Call a function when an element comes near the visible area. */
export function whenSeen(element, act, rootMargin = "600px") {
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    act();
  }, { rootMargin });
  seen.observe(element);
}

/** Let a button and a slider move through pictures: `go` shows one, `next` gives the following one. */
export function player(figure, everyMs, go, next) {
  const slider = figure.querySelector("input[type=range]");
  const button = figure.querySelector(".play");
  let timer = 0;
  const turn = (on) => {
    clearInterval(timer);
    timer = on ? setInterval(() => go(next(Number(slider.value))), everyMs) : 0;
    button.textContent = on ? "Pause" : "Play";
    button.setAttribute("aria-pressed", String(on));
  };
  slider.addEventListener("input", () => {
    turn(false);
    go(Number(slider.value));
  });
  button.addEventListener("click", () => turn(!timer));
  button.disabled = false;
  /** Play, unless motion is not wanted. */
  return () => {
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches && !timer) turn(true);
  };
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
