// Two pages in one: an app that opened this window is answered; otherwise somebody looks after their identity.
import { authorize, nobodyAsked, waiting } from "./authorize";
import { Backend } from "./backend";
import { failed, manage } from "./manage";
import { listen, type AppRequest } from "./protocol";

const opener = window.opener as Window | null;
const isAsked = location.pathname === "/authorize" || location.hash === "#authorize";
const backend = Backend.open();

const go = (work: (backend: Backend) => Promise<void> | void) => {
  backend.then(work).catch((error) => failed(error, () => location.reload()));
};
const look = () => go(manage);
const answer = (request: AppRequest) => go((it) => authorize(it, request));

// a link in an app may open this page too: then nobody asks, and it is the page for looking after one's identity
if (opener) listen(window, opener, answer);
if (!isAsked) look();
else if (opener) waiting();
else nobodyAsked(() => { history.replaceState(null, "", "/"); look(); });
