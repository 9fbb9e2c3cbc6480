// Sign-in: by the passkey that Identity asks for, or by a key of this browser.
import { Sessions } from "../../../identity/client/session";
import { announce } from "./app";

export const sessions = new Sessions("guild", () => announce("session-ended"));
