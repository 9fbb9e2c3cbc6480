// Films for uploads, made by ffmpeg: a moving test picture under noise, which no encoder makes small.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
const RATE = 15;

/** A film of some seconds, or of some bytes if they come first. Its index is at its end, as phones leave it. */
export async function film(path, { seconds = 3, bytes, side = "270x480", noise = 8, quality = 30 } = {}) {
  const picture = `testsrc2=s=${side}:r=${RATE},noise=alls=${noise}:allf=t+u`;
  await run("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=f=330:r=44100", "-t", String(seconds),
    "-c:v", "libx264", "-preset", "ultrafast", "-qp", String(quality), "-pix_fmt", "yuv420p", "-g", String(2 * RATE), "-threads", "1",
    "-c:a", "aac", "-b:a", "64k", ...(bytes ? ["-fs", String(bytes)] : []), path]);
  return path;
}
