// Faces, drawn: a head, hair, eyes and a mouth in colours that follow from the name; and drawings for posts.
import { createHash } from "node:crypto";
import { png } from "./png.mjs";

const SIDE = 192;
const SKINS = [[255, 219, 182], [241, 194, 150], [214, 158, 110], [166, 110, 70], [115, 72, 45], [84, 53, 36]];
const HAIR = [[40, 30, 28], [96, 60, 34], [196, 140, 60], [170, 66, 40], [230, 226, 220], [70, 76, 110]];
const GROUNDS = [[51, 52, 142], [196, 96, 70], [214, 160, 70], [88, 120, 190], [90, 150, 140], [150, 98, 170], [60, 70, 82]];

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

/** The face that belongs to a name, as PNG. */
export function face(name) {
  const seed = createHash("sha256").update(name).digest();
  const pick = (list, index) => list[seed[index] % list.length];
  const traits = {
    skin: pick(SKINS, 0), hair: pick(HAIR, 1), ground: pick(GROUNDS, 2), shirt: pick(GROUNDS, 3), long: seed[4] % 2 === 0,
    glasses: seed[5] % 4 === 0, beard: seed[6] % 5 === 0 && seed[4] % 2 === 1, smile: seed[7] % 8, fringe: 3 + (seed[8] % 6), gaze: (seed[9] % 5) - 2,
  };
  return png(SIDE, SIDE, (x, y) => pixel(x, y, traits));
}

/** A drawing for a post: hills under a sun, in colours that follow from its name. */
export function drawing(name) {
  const [width, height] = [480, 270];
  const seed = createHash("sha256").update(name).digest();
  const [sky, near] = [GROUNDS[seed[0] % GROUNDS.length], GROUNDS[(seed[0] + 1 + (seed[1] % 5)) % GROUNDS.length]];
  const sun = [90 + seed[2], 60 + (seed[3] % 50)];
  const hills = [0, 1, 2, 3].map((hill) => mix(mix(near, [255, 255, 255], 0.5), near, hill / 3));
  return png(width, height, (x, y) => {
    let colour = mix([255, 244, 224], sky, y / height);
    colour = mix(colour, [255, 214, 120], cover(Math.hypot(x - sun[0], y - sun[1]) - 34));
    for (let hill = 0; hill < 4; hill += 1) {
      const edge = 130 + hill * 34 + 22 * Math.sin(x / (38 + hill * 9) + seed[4 + hill]) + 12 * Math.sin(x / 17 + seed[8 + hill]);
      if (edge - y < 0.5) colour = mix(colour, hills[hill], cover(edge - y));
    }
    return colour;
  });
}
