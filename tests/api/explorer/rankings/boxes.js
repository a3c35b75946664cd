// What is wrong with the boxes of a page; an expression that a test evaluates in the browser.
({
  /** Text that is cut off, columns out of sight, and texts that lie on each other. */
  page() {
    const wrong = [];
    const named = (node) => `${node.textContent.trim().slice(0, 60)}`;
    if (document.documentElement.scrollWidth > innerWidth) wrong.push("the page is wider than the window");
    for (const box of document.querySelectorAll("main .scroll, main .wide")) {
      if (box.checkVisibility() && box.scrollWidth > box.clientWidth + 1) {
        wrong.push(`clipped columns: ${box.getAttribute("aria-label")} ${box.scrollWidth} > ${box.clientWidth}`);
      }
    }
    /** Whether a text lies within what its scrolled ancestors show. */
    const seen = (element, rect) => {
      for (let box = element; box; box = box.parentElement) {
        const { top, bottom } = box.getBoundingClientRect();
        if (getComputedStyle(box).overflowY !== "visible" && (rect.bottom > bottom + 1 || rect.top < top - 1)) return false;
      }
      return true;
    };
    const texts = [];
    const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const owner = node.parentElement;
      if (!node.textContent.trim() || !owner.checkVisibility() || owner.closest(".hidden, select, script")) continue;
      const style = getComputedStyle(owner);
      if (style.overflowX === "hidden" && owner.scrollWidth > owner.clientWidth + 1) wrong.push(`cut: ${named(node)}`);
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const rect of range.getClientRects()) {
        if (rect.width > 1 && rect.height > 1 && seen(owner, rect)) texts.push([rect, node]);
      }
    }
    texts.sort((a, b) => a[0].top - b[0].top);
    texts.forEach(([one, node], place) => {
      for (let next = place + 1; next < texts.length && texts[next][0].top < one.bottom - 3; next += 1) {
        const [other, second] = texts[next];
        const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        const nested = node === second || getComputedStyle(node.parentElement).position === "sticky";
        if (across > 2 && down > 3 && !nested) wrong.push(`overlap: ${named(node)} | ${named(second)}`);
      }
    });
    return wrong;
  },

  /** Texts of the drawn plot that lie on each other or outside of it, legends and axes among them. */
  async plot() {
    const module = performance.getEntriesByType("resource").find((entry) => entry.name.includes("vendor/echarts"));
    const { getInstanceByDom } = await import(module.name);
    const chart = getInstanceByDom(document.getElementById("plane"));
    const boxes = [];
    for (const item of chart.getZr().storage.getDisplayList(true)) {
      if (!["text", "tspan"].includes(item.type) || item.ignore || item.invisible || !item.style.text) continue;
      const box = item.getBoundingRect().clone();
      box.applyTransform(item.getComputedTransform());
      boxes.push([box, item.style.text]);
    }
    const wrong = boxes.length ? [] : ["no texts were found in the plot"];
    boxes.forEach(([one, text], place) => {
      const [right, bottom] = [one.x + one.width, one.y + one.height];
      if (Math.min(one.x, one.y) < -1 || right > chart.getWidth() + 1 || bottom > chart.getHeight() + 1) {
        wrong.push(`out of the plot: ${text}`);
      }
      for (const [other, second] of boxes.slice(place + 1)) {
        const across = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
        const down = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
        if (across > 2 && down > 2) wrong.push(`overlap: ${text} | ${second}`);
      }
    });
    return wrong;
  },
})
