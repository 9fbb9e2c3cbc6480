// What a visitor does with Clips' feed.
import { isPhone, swipe } from "./visitor.mjs";

/** The clip on the screen that is not `other`, once it plays: its number. */
export async function playing({ page }, other) {
  const handle = await page.waitForFunction((not) => {
    const middle = innerHeight / 2;
    for (const slide of document.querySelectorAll("[data-clip]")) {
      const { top, bottom } = slide.getBoundingClientRect();
      const video = slide.querySelector("video");
      const plays = video && !video.paused && video.currentTime > 0.05;
      if (top < middle && bottom > middle && slide.dataset.clip !== not && plays) return slide.dataset.clip;
    }
    return undefined;
  }, other);
  return handle.jsonValue();
}

/** Seconds of the clip that were played, over and over. */
export const played = ({ page }, id) => page.locator(`[data-clip="${id}"] video`).evaluate((video) => video.currentTime);

/** A button beside a clip, by what it does. */
export const act = ({ page }, id, what) => page.locator(`[data-clip="${id}"] [data-do="${what}"]`);

/** Waits until the canister's counts are shown; how many like it. */
export async function likes({ page }, id) {
  const handle = await page.waitForFunction((clip) => {
    const button = document.querySelector(`[data-clip="${clip}"] [data-do=like]`);
    // without a number before the canister has answered
    return button?.textContent !== "–" && button?.getAttribute("aria-label");
  }, id);
  return Number((await handle.jsonValue()).match(/\d+/u)[0]);
}

export const isLiked = ({ page }, id) => page.locator(`[data-clip="${id}"] [data-do=like][aria-pressed=true]`).waitFor();

/** Waits until the feed has come to rest: a finger on it while it moves would go another way. */
const still = ({ page }) => page.waitForFunction(() => {
  const { scrollTop } = document.querySelector(".snap");
  const rests = globalThis.wasAt === scrollTop;
  globalThis.wasAt = scrollTop;
  return rests;
}, undefined, { polling: 100 });

/** To the next clip (or back), as one does on this device: by a finger or an arrow key. The clip that plays then. */
export async function step(visitor, from, back = false) {
  await still(visitor);
  if (isPhone(visitor.look)) await swipe(visitor, back ? "down" : "up");
  else await visitor.page.keyboard.press(back ? "ArrowUp" : "ArrowDown");
  return playing(visitor, from);
}

/** Goes through the feed until this clip plays. */
export async function find(visitor, id, most = 60) {
  let here = await playing(visitor);
  for (let steps = 0; here !== id; steps += 1) {
    if (steps === most) throw new Error(`clip ${id} is not among the first ${most} of the feed`);
    here = await step(visitor, here);
  }
}

/** Says something about the clip; it stands there before the subnet knows it, and as text. */
export async function comment(visitor, id, text) {
  const { page } = visitor;
  await act(visitor, id, "comment").click();
  await page.getByRole("textbox", { name: "Add a comment" }).fill(text);
  await visitor.atOnce(() => page.keyboard.press("Enter"), () => page.getByText(text).waitFor());
  await page.waitForFunction(() => !document.body.textContent.includes("sending…"));
}
