// Two windows that talk by messages, as browsers let them: the app's, which is `globalThis.window`, and the page that it opens.
export const APP = "https://app.example";
export const PAGE = "https://identity.example";

class Listeners {
  all = [];
  addEventListener(type, listener, capture) { this.all.push({ type, listener, capture }); }
  removeEventListener(type, listener) { this.all = this.all.filter((it) => it.type !== type || it.listener !== listener); }
  hear(type, event) { for (const it of [...this.all]) if (it.type === type) it.listener(event); }
}

/** The app's window becomes the global one. `load` is called for each page that it opens, with that page's window and opener. */
export function windows({ app = APP, page = PAGE, load }) {
  const here = new Listeners();
  const opened = [];
  const open = (url, name) => {
    const inside = new Listeners();
    const outside = { closed: false, close() { this.closed = true; }, focus() {}, url, name };
    const opener = {
      postMessage: (data, target) => { if (target === "*" || target === app) deliver(here, data, page, outside); },
    };
    outside.postMessage = (data, target) => { if (target === "*" || target === page) deliver(inside, data, app, opener); };
    opened.push(outside);
    setTimeout(() => load(inside, opener, url), 5);
    return outside;
  };
  const deliver = (listeners, data, origin, source) => {
    const copy = structuredClone(data);
    setTimeout(() => listeners.hear("message", { data: copy, origin, source }), 1);
  };
  globalThis.window = Object.assign(here, { open, location: { origin: app, href: `${app}/` }, focus() {}, crypto: globalThis.crypto });
  // what a browser does around a click's handlers
  const click = () => here.all.filter((it) => it.type === "click" && it.capture).forEach((it) => it.listener({}));
  return { opened, click, page };
}

/** What browsers have and Node 20 has not. */
export function modern() {
  Promise.withResolvers ??= function withResolvers() {
    let resolve, reject;
    const promise = new Promise((yes, no) => { resolve = yes; reject = no; });
    return { promise, resolve, reject };
  };
  const kept = new Map();
  globalThis.localStorage ??= { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
}

/** Storage as the clients want it. */
export function storage() {
  const kept = new Map();
  return { get: async (key) => kept.get(key) ?? null, set: async (key, value) => void kept.set(key, value), remove: async (key) => void kept.delete(key) };
}
