// Paths of the app. Every one can be opened directly: the canister answers with this page wherever it has nothing else.
type Show = (path: string, query: URLSearchParams) => void;
let show: Show = () => {};

export function go(path: string, replace = false): void {
  if (path !== location.pathname + location.search) history[replace ? "replaceState" : "pushState"]({}, "", path);
  show(location.pathname, new URLSearchParams(location.search));
}

export function start(work: Show): void {
  show = work;
  addEventListener("popstate", () => show(location.pathname, new URLSearchParams(location.search)));
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a");
    if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (link.origin !== location.origin || link.target) return;
    event.preventDefault();
    document.querySelectorAll("dialog[open]").forEach((it) => (it as HTMLDialogElement).close());
    go(link.pathname + link.search);
  });
  show(location.pathname, new URLSearchParams(location.search));
}
