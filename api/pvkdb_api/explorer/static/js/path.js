// Draws in stages when they are seen, and the paths of hops of a page with their energies.

import { alert, fetchPart, player, refusal, whenSeen } from "./parts.js";

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
  const figure = article.querySelector("[data-viewer=path]");
  const slider = figure.querySelector("input[type=range]");
  if (!slider) continue;
  const output = figure.querySelector("output");
  const marker = article.querySelector(".profile .now");
  const dots = [...article.querySelectorAll(".profile .image")];
  const rows = [...article.querySelectorAll("[data-image]")];
  let scene = null;
  let images = null;
  let step = 1;

  const go = (image) => {
    slider.value = image;
    const dot = dots[image];
    marker.setAttribute("cx", dot.getAttribute("cx"));
    marker.setAttribute("cy", dot.getAttribute("cy"));
    output.replaceChildren(`image ${image}, `, rows[image].lastElementChild.firstElementChild.cloneNode(true), " eV");
    if (images) scene.image(image);
  };
  const play = player(figure, STEP_MS, go, (now) => {
    if (now + step < 0 || now + step >= dots.length) step = -step;
    return now + step;
  });

  drawn(figure, async (stage, said) => {
    const [{ viewer }, path] = await Promise.all([viewers(), pathOf(article.dataset)]);
    scene = viewer(stage);
    said.textContent = scene.path(path);
    images = path.images;
    go(Number(slider.value));
    play();
  });
}
