// The periodic table of the compositions: its links follow the filters that the form changes.

const links = [...document.querySelectorAll("#elements [data-filter]")];

document.addEventListener("pvkdb:results", ({ detail }) => {
  for (const link of links) {
    const { filter, value } = link.dataset;
    const address = new URL(detail.address, location.href);
    const chosen = (address.searchParams.get(filter) ?? "").split(",").filter(Boolean);
    const there = chosen.includes(value);
    const left = there ? chosen.filter((each) => each !== value) : [...chosen, value];
    if (left.length) address.searchParams.set(filter, left.join(","));
    else address.searchParams.delete(filter);
    address.hash = "elements";
    link.href = address.href;
    if (there) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
});
