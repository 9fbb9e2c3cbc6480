// Publishing: a video from this device goes up in chunks, with progress; an interrupted upload goes on where it stopped.
import { app, backend, isRefusal, reason, refreshMe } from "./app";
import { h, replace } from "./dom";
import { go } from "./router";
import { notice } from "./ui";
import type { MediaKind, Upload } from "./types";

const VIDEO_BYTES = 64 * 1024 * 1024;
const IMAGE_BYTES = 256 * 1024;
const AT_ONCE = 2;
const TRIES = 6;
const CAPTION = 300;
const FINGERPRINTED = 256 * 1024;
const REMEMBERED = "clips.upload";

interface Film { file: File; kind: MediaKind; width: number; height: number; duration: number; poster?: Blob }

async function kindOf(file: File): Promise<MediaKind | undefined> {
  const start = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const text = String.fromCharCode(...start);
  if (text.slice(4, 8) === "ftyp") return "Mp4";
  if (start[0] === 0x1a && start[1] === 0x45 && start[2] === 0xdf && start[3] === 0xa3) return "Webm";
  return undefined;
}

const until = (target: EventTarget, event: string) => new Promise<void>((resolve, reject) => {
  target.addEventListener(event, () => resolve(), { once: true });
  target.addEventListener("error", () => reject(new Error("this browser cannot play it")), { once: true });
});

async function jpeg(source: CanvasImageSource, width: number, height: number, side: number): Promise<Blob | undefined> {
  const scale = Math.min(1, side / Math.max(width, height));
  const canvas = h("canvas", { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) });
  canvas.getContext("2d")!.drawImage(source, 0, 0, canvas.width, canvas.height);
  for (const quality of [0.8, 0.6, 0.4]) {
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
    if (blob && blob.size <= IMAGE_BYTES) return blob;
  }
  return undefined;
}

async function examine(file: File, video: HTMLVideoElement): Promise<Film> {
  const kind = await kindOf(file);
  if (!kind) throw new Error("Only MP4 and WebM videos can be published.");
  if (file.size > VIDEO_BYTES) throw new Error(`A video has at most ${VIDEO_BYTES / 1024 / 1024} MB; this one has ${Math.ceil(file.size / 1024 / 1024)} MB.`);
  const ready = until(video, "loadeddata");
  video.src = URL.createObjectURL(file);
  await ready.catch(() => { throw new Error("This browser cannot play the video, so others could not either."); });
  const { videoWidth: width, videoHeight: height, duration } = video;
  const poster = await jpeg(video, width, height, 720).catch(() => undefined);
  return { file, kind, width, height, duration: Math.round(duration * 1000) || 0, poster };
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Sends what is missing of a file, a few chunks at once, each until it arrived or was refused. */
async function send(file: Blob, upload: Upload, progress: (share: number) => void): Promise<void> {
  const server = await backend();
  const total = Math.ceil(upload.bytes / upload.chunkBytes);
  const waiting = [...upload.missing];
  let left = waiting.length;
  progress((total - left) / total);
  const worker = async () => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
      const bytes = new Uint8Array(await file.slice(index * upload.chunkBytes, (index + 1) * upload.chunkBytes).arrayBuffer());
      for (let attempt = 1; ; attempt += 1) {
        try {
          await server.putChunk(upload.id, index, bytes);
          break;
        } catch (error) {
          if (isRefusal(error) || attempt >= TRIES) throw error;
          await wait(500 * 2 ** attempt);
        }
      }
      left -= 1;
      progress((total - left) / total);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function sendImage(blob: Blob): Promise<bigint> {
  const upload = await (await backend()).beginUpload("Jpeg", blob.size);
  await send(blob, upload, () => {});
  return upload.id;
}

/** A picture, made small, as a finished upload. */
export async function uploadPicture(file: File, side: number): Promise<bigint> {
  const image = await createImageBitmap(file);
  const blob = await jpeg(image, image.width, image.height, side);
  if (!blob) throw new Error("The picture cannot be made small enough.");
  return sendImage(blob);
}

/** Names a file by what is in it: phones give the same film another name and date each time it is chosen. */
async function fingerprint(file: File): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await file.slice(0, FINGERPRINTED).arrayBuffer());
  return `${file.size}:${[...new Uint8Array(digest).slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** The unfinished upload of this very file, or a new one. */
async function uploadOf(film: Film): Promise<Upload> {
  const server = await backend();
  const [print, id] = (localStorage.getItem(REMEMBERED) ?? "").split("|");
  const now = await fingerprint(film.file);
  if (print === now) {
    const known = (await server.uploads()).find((it) => String(it.id) === id && it.bytes === film.file.size);
    if (known) return known;
  }
  const upload = await server.beginUpload(film.kind, film.file.size);
  localStorage.setItem(REMEMBERED, `${now}|${upload.id}`);
  return upload;
}

export function uploadPage(): HTMLElement {
  let film: Film | undefined;
  let poster: bigint | undefined;
  const problem = h("p", { class: "problem", role: "alert" });
  const video = h("video", { class: "preview", muted: true, playsinline: true, loop: true, controls: true, hidden: true, "aria-label": "Your video" });
  const input = h("input", { type: "file", accept: "video/mp4,video/webm,video/quicktime", id: "film" });
  const pick = h("label", { class: "pick", for: "film" }, h("strong", {}, "Choose a video"), h("span", {}, "MP4 or WebM, up to 64 MB. Upright looks best."), input);
  const left = h("small", {}, `${CAPTION}`);
  const caption = h("textarea", { rows: 3, maxlength: CAPTION, placeholder: "What is it? Use #hashtags." });
  caption.addEventListener("input", () => { left.textContent = String(CAPTION - [...caption.value].length); });
  const bar = h("progress", { max: 1, value: 0, hidden: true, "aria-label": "Upload" });
  const told = h("p", { class: "soft", role: "status" });
  const press = h("button", { class: "primary wide", disabled: true }, "Publish");
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    if (!file) return;
    problem.textContent = "";
    try {
      film = await examine(file, video);
      poster = undefined;
      video.hidden = false;
      void video.play().catch(() => undefined);
      press.disabled = false;
      const known = (localStorage.getItem(REMEMBERED) ?? "").startsWith(`${await fingerprint(file)}|`);
      told.textContent = known ? "This video was being uploaded: it goes on where it stopped." : "";
    } catch (error) {
      film = undefined;
      press.disabled = true;
      video.hidden = true;
      problem.textContent = error instanceof Error ? error.message : String(error);
    }
  });
  const publish = async (event: Event) => {
    event.preventDefault();
    if (!film) return;
    press.disabled = true;
    problem.textContent = "";
    bar.hidden = false;
    try {
      const server = await backend();
      const upload = await uploadOf(film);
      await send(film.file, upload, (share) => {
        bar.value = share;
        told.textContent = share < 1 ? `Uploading, ${Math.round(share * 100)} %. You may close this page: choosing the same video again goes on.` : "Publishing…";
      });
      poster ??= film.poster && await sendImage(film.poster);
      const clip = await server.publish(upload.id, poster, caption.value, film.width, film.height, film.duration);
      localStorage.removeItem(REMEMBERED);
      notice("Published.");
      void refreshMe();
      go(`/c/${clip.id}`);
    } catch (error) {
      problem.textContent = `${reason(error)} What has arrived stays: press Publish to go on.`;
      press.disabled = false;
    }
  };
  const form = h("form", { class: "publish-form", onsubmit: publish }, pick, video, h("label", {}, h("span", { class: "between" }, "Caption", left), caption), bar, told, problem, press);
  const page = h("section", { class: "page" }, h("h1", {}, "Publish"), form);
  if (app.me?.profile.suspended) replace(form, h("p", { class: "problem" }, "Your account is suspended."));
  return page;
}
