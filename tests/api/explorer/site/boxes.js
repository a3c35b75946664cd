// What is wrong with the boxes of a page; an expression that a test evaluates in the browser.
({
  /** Everything, after details are opened and plots are drawn at the width of the window. */
  async all() {
    const folded = [...document.querySelectorAll("body details:not([open])")];
    for (const details of folded.slice(0, 12)) details.open = true;
    for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
    const wrong = this.page();
    for (const plot of document.querySelectorAll(".plot[data-drawn]")) wrong.push(...(await this.plot(plot)));
    return wrong;
  },

  /** Text that is cut off, columns out of sight, and texts that lie on each other. */
  page() {
    const wrong = [];
    const named = (node) => `${node.textContent.trim().slice(0, 60)}`;
    if (document.documentElement.scrollWidth > innerWidth) wrong.push("the page is wider than the window");
    // The strip of all energies scrolls on a phone: smaller, its marks could not be hit. The table of
    // a report's candidates scrolls under its head and beside its first column.
    for (const box of document.querySelectorAll(".scroll:not(.strip *, .tall, .tall *), .wide")) {
      if (box.checkVisibility() && box.scrollWidth > box.clientWidth + 1) {
        wrong.push(`clipped columns: ${box.getAttribute("aria-label")} ${box.scrollWidth} > ${box.clientWidth}`);
      }
    }
    const boxes = new Map();
    /** What an element's scrolled ancestors show of it, from top to bottom. */
    const shown = (element) => {
      if (!element) return [-Infinity, Infinity];
      if (!boxes.has(element)) {
        const [above, below] = shown(element.parentElement);
        const { top, bottom } = element.getBoundingClientRect();
        const scrolls = getComputedStyle(element).overflowY !== "visible";
        boxes.set(element, scrolls ? [Math.max(above, top), Math.min(below, bottom)] : [above, below]);
      }
      return boxes.get(element);
    };
    const texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const owner = node.parentElement;
      if (!node.textContent.trim() || !owner.checkVisibility() || owner.closest(".hidden, .skip, select, script, title")) continue;
      const style = getComputedStyle(owner);
      if (style.overflowX === "hidden" && owner.scrollWidth > owner.clientWidth + 1) wrong.push(`cut: ${named(node)}`);
      const [top, bottom] = shown(owner);
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const rect of range.getClientRects()) {
        if (rect.width > 1 && rect.height > 1 && rect.top > top - 1 && rect.bottom < bottom + 1) texts.push([rect, node]);
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

  /** Texts of a drawn plot that lie on each other or outside of it, legends and axes among them. */
  async plot(element) {
    const module = performance.getEntriesByType("resource").find((entry) => entry.name.includes("vendor/echarts"));
    const { getInstanceByDom } = await import(module.name);
    const chart = getInstanceByDom(element);
    const boxes = [];
    for (const item of chart.getZr().storage.getDisplayList(true)) {
      if (!["text", "tspan"].includes(item.type) || item.ignore || item.invisible || !item.style.text) continue;
      const box = item.getBoundingRect().clone();
      box.applyTransform(item.getComputedTransform());
      // Pages of a legend are clipped; labels without a free place are far away.
      const seen = (item.__clipPaths ?? []).every((clip) => {
        const rect = clip.getBoundingRect().clone();
        const frame = clip.getComputedTransform();
        if (frame) rect.applyTransform(frame);
        return rect.intersect(box);
      });
      if (seen && box.x > -1000) boxes.push([box, item.style.text]);
    }
    const wrong = boxes.length ? [] : [`no texts were found in the plot ${element.id}`];
    boxes.forEach(([one, text], place) => {
      const [right, bottom] = [one.x + one.width, one.y + one.height];
      if (Math.min(one.x, one.y) < -1 || right > chart.getWidth() + 1 || bottom > chart.getHeight() + 1) {
        wrong.push(`out of the plot: ${text}`);
      }
      for (const [other, second] of boxes.slice(place + 1)) {
        const across = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
        const down = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
        if (across > 2 && down > 2) wrong.push(`overlap in ${element.id}: ${text} | ${second}`);
      }
    });
    return wrong;
  },
})
