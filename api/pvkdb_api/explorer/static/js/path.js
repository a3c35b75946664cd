// Draws in stages when they are seen, and the paths of hops of a page with their energies.

import { fetchPart, refusal } from "./parts.js";

/** Return a message of an error. */
export function alert(sentence) {
  const message = document.createElement("p");
  message.className = "alert";
  message.setAttribute("role", "alert");
  message.textContent = sentence;
  return message;
}

/** Call a function when an element comes near the visible area. */
export function whenSeen(element, act) {
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    act();
  }, { rootMargin: "600px" });
  seen.observe(element);
}

export const viewers = () => import("./structure.js");

/** Draw in a stage when it is seen. */
export function drawn(figure, act) {
  const stage = figure.querySelector(".stage");
  whenSeen(stage, async () => {
    try {
      await act(stage, figure.querySelector("[data-said]"));
      stage.querySelector("p")?.remove();
      stage.dataset.drawn = "true";
    } catch (error) {
      stage.replaceChildren(alert(`3D view not available: ${error.message}. The files have the coordinates.`));
    }
  });
}

/** Return the images of a hop; the page of its composition has them. */
async function pathOf({ of, calculation, hop }) {
  const address = new URL(of, location.href);
  address.searchParams.set("calculation", calculation);
  address.searchParams.set("hop", hop);
  const answer = await fetchPart(address, "path");
  if (!answer.ok) throw new Error(refusal(await answer.text()));
  return answer.json();
}

const STEP_MS = 380;

for (const article of document.querySelectorAll("article.migration")) {
  const player = article.querySelector("[data-viewer=path]");
  const slider = player.querySelector("input[type=range]");
  if (!slider) continue;
  const play = player.querySelector(".play");
  const output = player.querySelector("output");
  const marker = article.querySelector(".profile .now");
  const dots = [...article.querySelectorAll(".profile .image")];
  const rows = [...article.querySelectorAll("[data-image]")];
  let scene = null;
  let images = null;
  let timer = 0;
  let step = 1;

  const go = (image) => {
    slider.value = image;
    const dot = dots[image];
    marker.setAttribute("cx", dot.getAttribute("cx"));
    marker.setAttribute("cy", dot.getAttribute("cy"));
    output.replaceChildren(`image ${image}, `, rows[image].lastElementChild.firstElementChild.cloneNode(true), " eV");
    if (images) scene.image(image);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  };
  const start = () => {
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      const now = Number(slider.value);
      if (now + step < 0 || now + step >= dots.length) step = -step;
      go(now + step);
    }, STEP_MS);
  };
  slider.addEventListener("input", () => {
    stop();
    go(Number(slider.value));
  });
  play.addEventListener("click", () => (timer ? stop() : start()));
  play.disabled = false;

  drawn(player, async (stage, said) => {
    const [{ viewer }, path] = await Promise.all([
      viewers(),
      pathOf(article.dataset),
    ]);
    scene = viewer(stage);
    said.textContent = scene.path(path);
    images = path.images;
    go(Number(slider.value));
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches && !timer) start();
  });
}
