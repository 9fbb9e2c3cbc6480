// Faces, drawn: a head, hair, eyes and a mouth in colours that follow from the name. Encoded as PNG without a library.
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";

const SIDE = 192;
const SKINS = [[255, 219, 182], [241, 194, 150], [214, 158, 110], [166, 110, 70], [115, 72, 45], [84, 53, 36]];
const HAIR = [[40, 30, 28], [96, 60, 34], [196, 140, 60], [170, 66, 40], [230, 226, 220], [70, 76, 110]];
const GROUNDS = [[0, 109, 111], [255, 122, 102], [255, 210, 94], [88, 120, 190], [127, 227, 214], [150, 98, 170], [60, 70, 82]];

const mix = (a, b, share) => a.map((value, index) => value + (b[index] - value) * share);
const cover = (distance) => Math.min(1, Math.max(0, 0.5 - distance));
const ellipse = (x, y, cx, cy, rx, ry) => (Math.hypot((x - cx) / rx, (y - cy) / ry) - 1) * Math.min(rx, ry);

function pixel(x, y, face) {
  let colour = mix(face.ground, [255, 255, 255], y / SIDE / 4);
  const lay = (paint, distance) => {
    const share = cover(distance);
    if (share > 0) colour = mix(colour, paint, share);
  };
  lay(face.shirt, ellipse(x, y, 96, 205, 78, 60));
  if (face.long) lay(face.hair, ellipse(x, y, 96, 108, 64, 74));
  lay(mix(face.skin, [0, 0, 0], 0.15), ellipse(x, y, 96, 140, 22, 34));
  lay(face.skin, ellipse(x, y, 96, 98, 46, 54));
  lay(face.hair, Math.max(ellipse(x, y, 96, 84, 52, 54), y - 74 - face.fringe * Math.sin((x - 60) / 14)));
  for (const side of [-1, 1]) {
    lay([255, 255, 255], ellipse(x, y, 96 + side * 18, 100, 8, 7));
    lay([30, 34, 38], ellipse(x, y, 96 + side * 18 + face.gaze, 100, 4.5, 5));
    lay(face.hair, ellipse(x, y, 96 + side * 18, 87, 10, 2.6));
    if (face.glasses) lay([30, 34, 38], Math.abs(ellipse(x, y, 96 + side * 18, 100, 14, 13)) - 1.4);
  }
  lay(mix(face.skin, [120, 40, 30], 0.35), ellipse(x, y, 96, 114, 4, 6));
  lay([150, 50, 50], Math.max(Math.abs(Math.hypot(x - 96, y - 120 + face.smile) - 16 - face.smile / 4) - 1.8, 122 + face.smile / 3 - y));
  if (face.beard) lay(face.hair, Math.max(ellipse(x, y, 96, 104, 46, 52), 126 - y, 6 - ellipse(x, y, 96, 130, 13, 7)));
  return colour;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

function crc(bytes) {
  let value = ~0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (0xedb88320 & -(value & 1));
  }
  return ~value >>> 0;
}

/** The face that belongs to a name, as PNG. */
export function face(name) {
  const seed = createHash("sha256").update(name).digest();
  const pick = (list, index) => list[seed[index] % list.length];
  const traits = {
    skin: pick(SKINS, 0), hair: pick(HAIR, 1), ground: pick(GROUNDS, 2), shirt: pick(GROUNDS, 3), long: seed[4] % 2 === 0,
    glasses: seed[5] % 4 === 0, beard: seed[6] % 5 === 0 && seed[4] % 2 === 1, smile: seed[7] % 8, fringe: 3 + (seed[8] % 6), gaze: (seed[9] % 5) - 2,
  };
  const rows = Buffer.alloc(SIDE * (SIDE * 3 + 1));
  for (let y = 0; y < SIDE; y += 1) {
    for (let x = 0; x < SIDE; x += 1) {
      const at = y * (SIDE * 3 + 1) + 1 + x * 3;
      pixel(x + 0.5, y + 0.5, traits).forEach((value, index) => { rows[at + index] = Math.round(Math.min(255, Math.max(0, value))); });
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(SIDE, 0);
  head.writeUInt32BE(SIDE, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}
