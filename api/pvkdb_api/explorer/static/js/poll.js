// Asking again and again, while the tab is seen, and less often where the service does not answer.

const SLOWEST_MS = 60000;

/** Call `ask` every `every()` ms until it gives false. */
export function poll(ask, every) {
  let timer = 0;
  let failures = 0;

  function plan() {
    clearTimeout(timer);
    const wait = every() * 2 ** Math.min(failures, 5);
    timer = setTimeout(step, Math.min(Math.max(wait, every()), Math.max(SLOWEST_MS, every())));
  }

  async function step() {
    if (document.hidden) return; // goes on when the tab is seen again
    try {
      if (!(await ask())) return;
      failures = 0;
    } catch {
      failures += 1;
    }
    plan();
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) plan();
  });
  plan();
}
