// Repeated requests while the tab is visible, less frequent if the service does not respond.

const SLOWEST_MS = 60000;

/** Call `ask` every `every()` ms until it returns false. */
export function poll(ask, every) {
  let timer = 0;
  let failures = 0;

  function plan() {
    clearTimeout(timer);
    const wait = every() * 2 ** Math.min(failures, 5);
    timer = setTimeout(step, Math.min(Math.max(wait, every()), Math.max(SLOWEST_MS, every())));
  }

  async function step() {
    if (document.hidden) return; // continues when the tab is visible again
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
