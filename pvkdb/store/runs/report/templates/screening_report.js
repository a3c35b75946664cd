// The table is complete without this; with it, columns sort and rows filter.
(() => {
  const table = document.getElementById("candidates-table");
  const form = document.getElementById("candidates-filter");
  if (!table) return;
  const ranked = [...table.tBodies];
  const heads = [...table.tHead.rows[0].cells];
  const words = new Intl.Collator("en", { numeric: true });
  // Of a number, without the error behind it.
  const text = (body, column) => {
    const cell = body.rows[0].cells[column];
    return ((cell.className === "number" ? cell.firstChild : cell)?.textContent ?? "").trim().replace("−", "-");
  };

  // Unknown values stay at the end, whichever way the column is sorted.
  function sort(column, direction) {
    const keyed = ranked.map((body) => [text(body, column), body]);
    keyed.sort(([a], [b]) => {
      if (!a || !b) return !a - !b;
      const numbers = Number(a) - Number(b);
      return direction * (Number.isNaN(numbers) ? words.compare(a, b) : numbers);
    });
    table.append(...(direction ? keyed.map(([, body]) => body) : ranked));
  }

  // A click sorts, the better end first; the second turns it round; the third undoes it.
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const first = "high" in head.dataset ? -1 : 1;
    let direction = 0;
    button.addEventListener("click", () => {
      if (!head.ariaSort) direction = 0;
      direction = direction === 0 ? first : direction === first ? -first : 0;
      for (const other of heads) other.ariaSort = null;
      if (direction) head.ariaSort = direction > 0 ? "ascending" : "descending";
      sort(column, direction);
    });
  });

  const lines = ranked.map((body) => `${body.dataset.name} ${body.rows[0].textContent}`.toLowerCase());
  function filter() {
    const wanted = form.elements.text.value.toLowerCase().split(/\s+/);
    const family = form.elements.family.value;
    const [what, which] = form.elements.outcome.value.split(/:(.*)/s);
    const leadFree = form.elements["lead-free"].checked;
    let shown = 0;
    ranked.forEach((body, index) => {
      const fits =
        wanted.every((word) => lines[index].includes(word)) &&
        (!family || body.dataset.family === family) &&
        (!what || body.dataset[what] === which) &&
        (!leadFree || "leadFree" in body.dataset);
      body.hidden = !fits;
      shown += fits;
    });
    form.querySelector("output").value = `${shown} of ${ranked.length}`;
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();
})();
