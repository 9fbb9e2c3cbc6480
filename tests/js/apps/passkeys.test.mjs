// One passkey for both apps, in Chromium with WebAuthn's virtual authenticator: it is registered from Clips, signs in to Guild,
// where the person is somebody else; a second device joins; a recovery phrase brings the person back without any device.
import assert from "node:assert/strict";
import { canister, run } from "./network.mjs";
import { Device, button, heading, inWindow, manage, usePasskey, whoAsks } from "./person.mjs";
import { faults, introduce, scene } from "./visitor.mjs";

const APPS = { clips: "Pat Passkey", guild: "Pat Passkey" };
const handle = `pat_${run}`;
/** The button of an app's sign-in that opens Identity. */
const BY_IDENTITY = /passkey|identity/iu;

async function inspect(visitor, page, what) {
  await visitor.shoot(`identity-${what}`, page);
  assert.deepEqual(await faults(page), [], what);
}

/** Signs in to an app by Identity, where `act` is done; the principal that the app has then. */
async function signIn(visitor, device, act) {
  const { page, app } = visitor;
  const who = whoAsks(page, canister(app));
  await visitor.go("/me");
  await visitor.button("Sign in").first().click();
  const choice = page.getByRole("dialog").getByRole("button", { name: BY_IDENTITY });
  await inWindow(visitor.context, device, () => choice.click(), async (popup, keep) => {
    // it says to whom one is about to be known
    await popup.getByText(visitor.own).first().waitFor();
    await act(popup, keep);
  });
  const isNew = page.getByLabel("Your handle");
  await isNew.or(page.getByRole("heading", { name: APPS[app] })).first().waitFor();
  return { who, isNew: await isNew.isVisible() };
}

/** The same for somebody whom the app does not know yet. */
async function signInAsNew(visitor, device, act) {
  const { who, isNew } = await signIn(visitor, device, act);
  assert.ok(isNew, `${visitor.app} asks who this is`);
  await introduce(visitor, handle, APPS[visitor.app]);
  await visitor.page.getByRole("heading", { name: APPS[visitor.app] }).waitFor();
  return who();
}

/** The same for somebody whom the app knows. */
async function signInAgain(visitor, device, act) {
  const { who, isNew } = await signIn(visitor, device, act);
  assert.ok(!isNew, `${visitor.app} knows who this is`);
  await visitor.says(`@${handle}`);
  return who();
}

async function makePasskey(page) {
  await button(page, "Create an identity").click();
  await heading(page, "Create an identity");
  await button(page, "With a passkey").click();
}

/** A page for looking after the identity shows a device that waits; its code is typed there. */
async function confirm(page, code) {
  await page.getByText("A device waits").waitFor();
  await page.getByLabel("Code").fill(code === "000000" ? "000001" : "000000");
  await button(page, "Add the device").click();
  await page.getByText("That is not the code.").waitFor();
  await page.getByLabel("Code").fill(code);
  await button(page, "Add the device").click();
  await page.getByText("The device was added.").waitFor();
}

/** Writes a recovery phrase down. */
async function writeDown(visitor, page) {
  await button(page, "A recovery phrase").click();
  await heading(page, "Your recovery phrase");
  const words = await page.locator(".words li").allInnerTexts();
  assert.equal(words.length, 24);
  await inspect(visitor, page, "phrase");
  await button(page, "I have written them down").click();
  await heading(page, "To be sure");
  await page.getByLabel("Word 6").fill(words[5]);
  await page.getByLabel("Word 18").fill("wrong");
  await button(page, "Add the phrase").click();
  await page.getByText("Word 18 is another one.").waitFor();
  await page.getByLabel("Word 18").fill(words[17]);
  await button(page, "Add the phrase").click();
  await page.getByText("The recovery phrase was added.").waitFor();
  return words.join(" ");
}

const recover = (words) => async (page) => {
  await button(page, "Recovery phrase").click();
  await page.getByLabel("Your 24 words").fill(words);
  await page.locator("form").getByRole("button", { name: "Sign in" }).click();
};

scene("one passkey is two people in two apps, has a second device, and is recovered without any", async (enter) => {
  const phone = await enter("clips", "phone-dark");
  const device = new Device(phone.context);
  const known = {};
  known.clips = await signInAsNew(phone, device, async (page) => {
    await inspect(phone, page, "sign-in");
    await makePasskey(page);
  });
  assert.equal(device.passkeys.size, 1, "one passkey was made");

  const guild = await phone.beside("guild");
  known.guild = await signInAsNew(guild, device, usePasskey);
  assert.notEqual(known.guild, known.clips, "no two apps know the same principal");
  assert.equal(device.passkeys.size, 1, "the same passkey was used");
  // a session outlives the page
  await phone.go("/me");
  await phone.page.getByRole("heading", { name: APPS.clips }).waitFor();

  const mine = await manage(phone.context, device, usePasskey);
  await inspect(phone, mine.page, "devices");
  await button(mine.page, "Add another device").click();
  await heading(mine.page, "Add another device");
  const number = await mine.page.locator("li", { hasText: "type the number" }).locator("strong").innerText();
  const desk = await enter("clips", "desk-light");
  const second = new Device(desk.context);
  const joined = await signInAgain(desk, second, async (page) => {
    await button(page, "I use another device").click();
    await page.getByLabel("Number of your identity").fill(number);
    await inspect(desk, page, "join");
    await button(page, "With a passkey").click();
    await heading(page, "Type this code on the other device");
    await inspect(desk, page, "code");
    await confirm(mine.page, await page.locator(".code").innerText());
  });
  assert.equal(joined, known.clips, "two devices are one person");
  await mine.page.locator(".devices > li").nth(1).waitFor();
  assert.equal(await mine.page.locator(".devices > li").count(), 2);

  const words = await writeDown(phone, mine.page);
  const lost = await enter("guild", "desk-dark");
  const none = new Device(lost.context);
  assert.equal(await signInAgain(lost, none, recover(words)), known.guild, "the phrase brings the person back");
  const back = await manage(lost.context, none, recover(words));
  await button(back.page, "A passkey here").click();
  await back.page.getByText("The passkey was added.").waitFor();
  await back.keep();
  await back.page.locator(".devices > li").first().getByRole("button", { name: /^Remove/u }).click();
  await button(back.page, "Remove").click();
  await back.page.getByText("was removed.").waitFor();

  // what was lost signs in no more; what was made instead does
  const stranger = await phone.context.newPage();
  await device.plug(stranger);
  await stranger.goto(mine.page.url());
  await heading(stranger, "Your identity");
  await usePasskey(stranger);
  await stranger.getByText("belongs to no identity here").waitFor();
  const anew = await lost.beside("clips");
  assert.equal(await signInAgain(anew, none, usePasskey), known.clips);
});
