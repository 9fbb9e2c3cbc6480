// Pictures that a user chose, made small enough before they are sent.
import type { Picture } from "./types";

const BYTES = 256 * 1024;
const QUALITIES = [0.85, 0.7, 0.5, 0.3];

/** Told to people in the form where it happened. */
class Problem extends Error {
  name = "Problem";
}

const blobOf = (canvas: HTMLCanvasElement, quality: number) =>
  new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));

/** A JPEG whose longer side, or for a `square` both sides, have at most `side` pixels. */
export async function small(file: File, side: number, square = false): Promise<Picture> {
  const image = await createImageBitmap(file).catch(() => { throw new Problem("This file is no picture that the browser can read."); });
  const edge = Math.min(image.width, image.height);
  const [width, height] = square ? [edge, edge] : [image.width, image.height];
  const scale = Math.min(1, side / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d")!;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, (image.width - width) / 2, (image.height - height) / 2, width, height, 0, 0, canvas.width, canvas.height);
  for (const quality of QUALITIES) {
    const blob = await blobOf(canvas, quality);
    if (blob && blob.size <= BYTES) return { kind: "Jpeg", bytes: new Uint8Array(await blob.arrayBuffer()) };
  }
  throw new Problem("The picture cannot be made small enough.");
}
