// The feed: one clip fills the screen, the next snaps in. Only the clip that is seen and its neighbours hold a video.
import { announce, app, backend, keep, listen, media, reason } from "./app";
import { h, replace } from "./dom";
import { rail } from "./rail";
import { avatar, button, empty, failed, followButton, loading, rich } from "./ui";
import { icon } from "./dom";
import type { Clip, Cursor } from "./types";

const SOUND = "clips.sound";
/** How long a clip is watched before it counts as seen. */
const VIEW_MS = 2_000;
/** Clips left before the next page is asked for. */
const AHEAD = 3;

export type Source = { tab: "ForYou" | "Following"; first?: bigint };

let sound = localStorage.getItem(SOUND) === "on";

class Slide {
  readonly element: HTMLElement;
  private video?: HTMLVideoElement;
  private readonly stage: HTMLElement;
  private readonly bar = h("progress", { class: "seek", max: 1000, value: 0, "aria-hidden": "true" });
  private seen?: number;

  constructor(readonly clip: Clip) {
    this.stage = h("div", { class: "stage" });
    if (clip.poster !== undefined) this.stage.append(h("img", { class: "poster", src: media(clip.poster), alt: "" }));
    const about = h("div", { class: "about" });
    this.element = h("article", { class: "slide", tabindex: "-1", "aria-label": `${clip.author.display}: ${clip.caption || "clip"}`, "data-clip": clip.id },
      h("div", { class: "frame" }, this.stage,
        h("button", { type: "button", class: "tap", "aria-label": "Play or pause", onclick: () => this.toggle() }),
        about, this.bar),
      rail(clip));
    const describe = () => replace(about,
      h("div", { class: "by" }, h("a", { href: `/@${clip.author.name}` }, avatar(clip.author), h("strong", {}, clip.author.display)), followButton(clip.author)),
      h("p", { class: "caption" }, rich(clip.caption)),
      h("p", { class: "facts" }, clip.viral && h("span", { class: "viral" }, icon("flame"), "Viral"),
        !clip.partial && `${clip.views} ${clip.views === 1 ? "view" : "views"}`, clip.tips > 0n && ` · ${clip.tips} points in tips`));
    describe();
    listen(`clip:${clip.id}`, about, describe);
    listen("me", about, describe);
  }

  /** Makes the video, so that it is there when the clip comes. */
  prepare(): void {
    if (this.video) return;
    const video = h("video", { src: media(this.clip.video), playsinline: true, loop: true, preload: "auto", "aria-label": this.clip.caption || "Clip" });
    video.muted = !sound;
    video.addEventListener("playing", () => this.element.classList.add("playing"));
    video.addEventListener("pause", () => this.element.classList.remove("playing"));
    video.addEventListener("timeupdate", () => { this.bar.value = video.duration ? (video.currentTime / video.duration) * 1000 : 0; });
    video.addEventListener("waiting", () => this.element.classList.add("waiting"));
    video.addEventListener("canplay", () => this.element.classList.remove("waiting"));
    video.addEventListener("error", () => this.broken(), { once: true });
    this.video = video;
    this.stage.append(video);
  }

  private broken(): void {
    if (!this.video?.getAttribute("src")) return;
    this.stage.append(h("div", { class: "broken" }, h("p", {}, "This clip could not be played."),
      h("button", { type: "button", onclick: (event: Event) => { (event.target as Element).closest(".broken")!.remove(); this.release(); this.play(); } }, "Try again")));
  }

  play(): void {
    this.prepare();
    const video = this.video!;
    video.muted = !sound;
    video.play().catch(() => {
      // browsers refuse sound before a gesture
      video.muted = true;
      video.play().catch(() => this.element.classList.remove("playing"));
    });
    this.seen ??= window.setTimeout(() => this.count(), VIEW_MS);
  }

  private async count(): Promise<void> {
    if (!app.me || this.clip.mine.own) return;
    await (await backend()).viewed(this.clip.id).catch(() => undefined);
  }

  pause(): void {
    this.video?.pause();
    window.clearTimeout(this.seen);
    this.seen = undefined;
  }

  toggle(): void {
    if (!this.video || this.video.paused) this.play();
    else this.video.pause();
  }

  setSound(): void {
    if (this.video) this.video.muted = !sound;
  }

  /** Gives the decoder and the buffer back. */
  release(): void {
    this.pause();
    this.video?.removeAttribute("src");
    this.video?.load();
    this.video?.remove();
    this.video = undefined;
  }
}

export class Feed {
  readonly element: HTMLElement;
  private readonly list = h("div", { class: "snap", tabindex: "0", role: "group", "aria-label": "Clips" });
  private readonly end = h("div", { class: "slide end-slide" });
  private readonly slides: Slide[] = [];
  private readonly shown = new Set<string>();
  private readonly watcher: IntersectionObserver;
  private current = -1;
  private after?: Cursor;
  private busy = false;
  private done = false;

  constructor(private readonly source: Source) {
    const tab = (name: string, path: string, on: boolean) => h("a", { href: path, "aria-current": on ? "page" : undefined }, name);
    const volume = button("mute", "Sound", () => this.switchSound(), { class: "icon volume" });
    const showSound = () => {
      replace(volume, icon(sound ? "sound" : "mute"));
      volume.setAttribute("aria-pressed", String(sound));
      volume.setAttribute("aria-label", sound ? "Turn sound off" : "Turn sound on");
    };
    showSound();
    listen("sound", volume, showSound);
    this.element = h("section", { class: "feed" },
      h("nav", { class: "tabs", "aria-label": "Feed" }, tab("Following", "/following", source.tab === "Following"), tab("For You", "/", source.tab === "ForYou")),
      volume, this.list,
      h("div", { class: "steps" }, button("back", "Previous clip", () => this.step(-1), { class: "icon up" }), button("back", "Next clip", () => this.step(1), { class: "icon down" })));
    this.list.append(this.end);
    replace(this.end, loading());
    // what was loaded for a guest does not know what the user likes
    listen("signed-in", this.list, () => this.ask(this.slides.slice(Math.max(0, this.current - 1), this.current + AHEAD)));
    this.watcher = new IntersectionObserver((entries) => this.seen(entries), { root: this.list, threshold: 0.6 });
  }

  async start(): Promise<void> {
    if (this.source.first !== undefined) await this.linked(this.source.first);
    else if (this.source.tab === "ForYou") await this.quick();
    await this.more();
  }

  /** The first clips from the canister's certified file, before the agent is there. */
  private async quick(): Promise<void> {
    try {
      const response = await fetch("/first.json");
      if (response.ok) (await response.json() as any[]).forEach((raw) => this.add(partial(raw)));
    } catch {
      // the agent's feed will say what is wrong
    }
  }

  private async linked(id: bigint): Promise<void> {
    try {
      this.add(await (await backend()).clip(id));
    } catch (error) {
      this.list.insertBefore(h("div", { class: "slide end-slide" }, empty(`${reason(error)} Here are other clips.`)), this.end);
    }
  }

  private add(clip: Clip): void {
    const id = String(clip.id);
    const known = keep(clip);
    if (this.shown.has(id)) return;
    this.shown.add(id);
    const slide = new Slide(known);
    // snapping holds on to what is seen: whoever waits at the end is taken to what has come
    const waits = this.list.scrollTop + this.list.clientHeight / 2 > this.end.offsetTop;
    this.slides.push(slide);
    this.list.insertBefore(slide.element, this.end);
    this.watcher.observe(slide.element);
    if (waits) slide.element.scrollIntoView({ behavior: "instant", block: "start" });
    if (this.slides.length === 1) this.activate(0);
  }

  private async more(): Promise<void> {
    if (this.busy || this.done) return;
    this.busy = true;
    try {
      const page = await (await backend()).feed(this.source.tab, this.after);
      page.items.forEach((clip) => this.add(clip));
      this.after = page.next;
      this.done = page.next === undefined;
      if (this.done) this.finish();
      if (this.current >= 0) this.prefetch();
      this.complete();
    } catch (error) {
      replace(this.end, failed(error, () => void this.more()));
    } finally {
      this.busy = false;
    }
    if (!this.done && this.slides.length < 2) await this.more();
  }

  /** Asks for the counts of first clips that the page did not have. */
  private complete(): void {
    this.ask(this.slides.filter((slide) => slide.clip.partial));
  }

  private ask(slides: Slide[]): void {
    slides.forEach(async ({ clip }) => keep(await (await backend()).clip(clip.id).catch(() => clip)));
  }

  private finish(): void {
    const nothing = this.source.tab === "Following"
      ? "Clips of the people you follow appear here."
      : this.slides.length ? "You have seen everything. Publish something!" : "No clips yet. Publish the first one!";
    replace(this.end, empty(nothing, h("a", { class: "button primary", href: this.source.tab === "Following" ? "/search" : "/upload" },
      this.source.tab === "Following" ? "Find people" : "Publish")));
    if (this.source.tab === "ForYou" && this.slides.length) {
      this.end.append(h("button", { type: "button", onclick: () => this.slides[0]?.element.scrollIntoView() }, "Back to the first"));
    }
  }

  private seen(entries: IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      if (entry.isIntersecting) this.activate(this.slides.findIndex((slide) => slide.element === entry.target));
    }
  }

  private activate(index: number): void {
    if (index < 0 || index === this.current) return;
    this.slides[this.current]?.pause();
    this.current = index;
    this.slides[index]!.play();
    this.prefetch();
    this.slides.forEach((slide, at) => Math.abs(at - index) > 1 && slide.release());
    if (index + AHEAD >= this.slides.length) void this.more();
  }

  private prefetch(): void {
    // not before the clip that is seen has something to show
    const next = () => this.slides[this.current + 1]?.prepare();
    if ("requestIdleCallback" in window) requestIdleCallback(next, { timeout: 800 });
    else setTimeout(next, 300);
  }

  get clip(): Clip | undefined {
    return this.slides[this.current]?.clip;
  }

  step(by: number): void {
    const target = this.slides[this.current + by]?.element ?? (by > 0 ? this.end : undefined);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    target?.scrollIntoView({ behavior: still ? "instant" : "smooth", block: "start" });
  }

  toggle(): void {
    this.slides[this.current]?.toggle();
  }

  switchSound(): void {
    sound = !sound;
    localStorage.setItem(SOUND, sound ? "on" : "off");
    this.slides.forEach((slide) => slide.setSound());
    announce("sound");
  }

  press(name: string): void {
    this.slides[this.current]?.element.querySelector<HTMLButtonElement>(`[data-do="${name}"]`)?.click();
  }

  stop(): void {
    this.watcher.disconnect();
    this.slides.forEach((slide) => slide.release());
  }
}

/** A clip of the first page, which has no counts. */
function partial(raw: any): Clip {
  const big = (text?: string | null) => (text == null ? undefined : BigInt(text));
  return {
    ...raw, id: BigInt(raw.id), video: BigInt(raw.video), poster: big(raw.poster),
    author: { ...raw.author, picture: big(raw.author.picture), followers: 0, followed: false },
    duration: raw.duration_ms, created: Number(BigInt(raw.created) / 1_000_000n),
    likes: 0, superlikes: 0, comments: 0, views: 0, tips: 0n, viral: false, hidden: false,
    mine: { own: false, liked: false, superliked: false, bookmarked: false }, partial: true,
  };
}
