// Makes the films of the seed: every picture and every tone is computed by ffmpeg from a formula, so nobody else's work
// is in them. Films are kept in a folder and made once; `node films.mjs [FOLDER]` makes them all.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Processors that no ffmpeg takes, and who waits for one. */
let free = availableParallelism();
const waiting = [];

/** Runs ffmpeg when a processor is free; how it is to be had, where it is not there. */
async function ffmpeg(...words) {
  while (free === 0) await new Promise((resolve) => waiting.push(resolve));
  free -= 1;
  try {
    await execute("ffmpeg", words);
  } catch (error) {
    throw error.code === "ENOENT" ? new Error("ffmpeg is missing: `apt-get install ffmpeg`, or `make setup-apps`") : error;
  } finally {
    free += 1;
    waiting.shift()?.();
  }
}

/** Where they are, unless told: with what else the build makes. */
export const FOLDER = fileURLToPath(new URL("../../dist/films", import.meta.url));
export const [WIDTH, HEIGHT] = [540, 960];
const RATE = 20;
const SIZE = `${WIDTH}x${HEIGHT}`;

// a formula for red, green and blue over X, Y, W, H (of half size) and T; computed coarsely, enlarged smoothly
const coarse = (formula) => formula.replace(/\b[XYWH]\b/g, (name) => `(2*${name})`);
const paint = (...colours) => `color=black:s=${WIDTH / 4}x${HEIGHT / 4}:r=${RATE},format=gbrp,geq=${colours.map((it, index) => `${"rgb"[index]}='clip(${coarse(it)},0,255)'`).join(":")},scale=${WIDTH}:${HEIGHT}:flags=bicubic`;
const toned = (source, filter) => `${source},${filter}`;
const radius = "hypot(X-W/2,Y-H/2)";

// name, seconds, picture, tones (a formula of t), caption
const ALL = [
  ["lagoon", 8, paint("20+30*sin(Y/18+T*2)+20*sin(X/23-T)", "120+60*sin(Y/25+T*1.5+sin(X/30))", "140+70*sin(Y/31+T+cos(X/20))"), [220, 277, 330], "The lagoon at noon, drawn by three sine waves #lagoon #waves #math"],
  ["sunset", 8, paint("255-Y/3+20*sin(T+X/60)", "130-Y/4+40*exp(-pow((hypot(X-W/2,Y-H*0.55-20*sin(T/2)))/40,2))*3", "90+Y/6"), [196, 247, 294], "Sunset over the atoll. The sun is an exponential #sunset #slow"],
  ["rings", 7, paint(`128+120*sin(${radius}/7-T*5)`, `90+80*sin(${radius}/9-T*4)`, `140+100*sin(${radius}/11-T*3)`), [330, 440, 550], "Rings on still water #hypnotic #waves"],
  ["mandelbrot", 9, toned(`mandelbrot=s=270x480:r=${RATE}:end_scale=0.02:end_pts=260:start_x=-0.743643887:start_y=0.131825904:maxiter=250`, `scale=${WIDTH}:${HEIGHT}:flags=bicubic`), [110, 165, 220], "Falling into Seahorse Valley #fractal #math #deep"],
  ["life", 8, toned(`life=s=135x240:mold=12:r=12:ratio=0.28:death_color=#0d3b40:life_color=#7fe3d6:mold_color=#112233`, `scale=${WIDTH}:${HEIGHT}:flags=neighbor,fps=${RATE}`), [262, 330, 392], "A city that follows four rules #life #automata"],
  ["plasma", 7, paint("128+127*sin(X/24+T)", "128+127*sin((X+Y)/32+T*1.3)", `128+127*sin(${radius}/20+T*1.7)`), [147, 220, 294], "Old plasma, like on a demo disk #retro #demoscene"],
  ["aurora", 9, paint("40*exp(-pow((Y-H/3-30*sin(X/40+T))/50,2))", "30+190*exp(-pow((Y-H/3-40*sin(X/50+T*0.7))/60,2))", "50+120*exp(-pow((Y-H/2.2-50*sin(X/35-T*0.5))/80,2))"), [174, 220, 261], "Northern lights from a warm room #aurora #night #slow"],
  ["rule30", 7, toned(`cellauto=s=135x240:rule=30:r=18:scroll=1:start_full=1`, `format=gray,negate,colorchannelmixer=.2:0:0:0:.1:0:0:0:.4,format=yuv420p,scale=${WIDTH}:${HEIGHT}:flags=neighbor,fps=${RATE}`), [98, 147, 196], "Rule 30, and it never repeats #automata #math"],
  ["tunnel", 7, paint(`128+127*sin(600/(${radius}+8)+T*4)`, `80+70*sin(600/(${radius}+8)+T*4+atan2(Y-H/2,X-W/2)*3)`, `150+90*cos(atan2(Y-H/2,X-W/2)*6+T)`), [123, 185, 247], "Through the tunnel #retro #hypnotic"],
  ["sierpinski", 8, toned(`sierpinski=s=${SIZE}:r=${RATE}:type=carpet`, `hue=h=180+20*t:s=1.5`), [233, 311, 392], "A carpet with no area #fractal #math"],
  ["rain", 7, paint("10+20*mod(X*7+Y-T*300\\,61)/61", "30+60*gt(mod(X*13+Y-T*420\\,173)\\,160)", "60+150*gt(mod(X*13+Y-T*420\\,173)\\,160)"), [185, 208, 277], "Rain on the window, all night #rain #calm #night"],
  ["gradients", 8, `gradients=s=${SIZE}:r=${RATE}:speed=0.02:n=5:c0=#ff7a66:c1=#00696b:c2=#7fe3d6:c3=#ffd25e:c4=#123a5a`, [220, 293, 370], "Five colours that cannot decide #colour #slow"],
  ["heartbeat", 6, paint("120+120*lt(pow((X-W/2)/(70+14*sin(T*6))\\,2)+pow((Y-H/2)/(70+14*sin(T*6))+0.6*sqrt(abs((X-W/2)/90))\\,2)\\,1)", "40+20*sin(Y/40)", "60+20*cos(X/40)"), [98, 130, 196], "For whoever needs it today #heart #love"],
  ["moire", 7, paint(`128+127*sin(hypot(X-W/2-60*sin(T),Y-H/2)/4)*sin(hypot(X-W/2+60*sin(T),Y-H/2)/4)`, `60+60*sin(hypot(X-W/2,Y-H/2-80*cos(T))/5)`, `120+60*sin(hypot(X-W/2,Y-H/2+80*cos(T))/5)`), [311, 415, 466], "Two combs meet #moire #hypnotic"],
  ["dunes", 8, paint("190+40*sin(Y/14+6*sin(X/90+T*0.4))", "140+35*sin(Y/14+6*sin(X/90+T*0.4)+0.4)", "90+25*sin(Y/16+5*sin(X/80+T*0.3))"), [165, 196, 247], "Dunes that walk #sand #slow"],
  ["checker", 6, paint("230*eq(mod(floor((X-W/2)*120/(Y+20)/30+100)+floor(4000/(Y+20)+T*3)\\,2)\\,0)", "80+Y/4", "140+60*sin(T)"), [262, 392, 523], "Runway to nowhere #retro #demoscene"],
  ["cells", 8, paint("60+90*abs(sin(X/22+sin(Y/17+T)))", "120+100*abs(sin(Y/19+sin(X/25-T)))*abs(sin(X/22))", "90+60*sin(X/30+Y/30+T)"), [138, 207, 277], "Under a microscope that does not exist #micro #green"],
  ["comet", 7, paint("20+235*exp(-hypot(X-W/2-90*cos(T*1.5),Y-H/2-150*sin(T*1.5))/14)", "20+200*exp(-hypot(X-W/2-90*cos(T*1.5-0.2),Y-H/2-150*sin(T*1.5-0.2))/22)", "50+190*exp(-hypot(X-W/2-90*cos(T*1.5-0.4),Y-H/2-150*sin(T*1.5-0.4))/34)"), [349, 440, 523], "It comes back every four seconds #space #night"],
  ["kelp", 8, paint("10+30*sin(Y/60)", "60+110*pow(abs(cos((X+22*sin(Y/40+T*1.2))/16))\\,4)", "70+50*sin(Y/80+T/2)"), [130, 174, 220], "Kelp, swaying #lagoon #calm #green"],
  ["neon", 7, paint(`255*exp(-abs(${radius}-90-20*sin(T*3+atan2(Y-H/2,X-W/2)*5))/9)`, `120*exp(-abs(${radius}-60-20*cos(T*2+atan2(Y-H/2,X-W/2)*4))/9)`, `255*exp(-abs(${radius}-120-20*sin(T*2.5+atan2(Y-H/2,X-W/2)*6))/12)`), [294, 370, 440], "Three loops of neon #neon #night"],
  ["snow", 7, paint("150+90*gt(mod(X*37+floor(Y/3)*91+floor(T*20)*3\\,211)\\,205)", "165+80*gt(mod(X*37+floor(Y/3)*91+floor(T*20)*3\\,211)\\,205)", "190+60*gt(mod(X*37+floor(Y/3)*91+floor(T*20)*3\\,211)\\,205)"), [247, 330, 494], "First snow on Atoll. There will be no second #snow #calm"],
  ["quilt", 8, paint("128+100*sin(X/12)*sin(Y/12+T)", "90+80*sin(X/24+T)*sin(Y/24)", "130+90*sin((X+Y)/36-T)"), [155, 233, 311], "Grandmother's quilt, animated #quilt #colour"],
  ["pulse", 6, paint(`200*exp(-pow(mod(${radius}-T*90+900\\,120)/30,2))`, `160*exp(-pow(mod(${radius}-T*90+870\\,120)/30,2))`, `120+100*exp(-pow(mod(${radius}-T*90+840\\,120)/40,2))`), [87, 174, 261], "Sonar #deep #night"],
  ["horizon", 9, paint("30+180*exp(-pow((Y-H*0.6)/30\\,2))+60*gt(Y\\,H*0.6)*abs(sin(Y*Y/900-T*3))", "20+90*exp(-pow((Y-H*0.6)/50\\,2))", "70+80*exp(-pow((Y-H*0.6)/90\\,2))+30*sin(T/2)"), [110, 138, 220], "Six in the morning, nobody else here #sunrise #slow"],
];

/** All films; or the first few of them, as CLIPS_FILMS says: tests need not many. */
export const FILMS = ALL.slice(0, Number(process.env.CLIPS_FILMS ?? ALL.length));

const chord = (tones) => tones.map((tone, index) => `0.08*sin(2*PI*${tone}*t)*(0.6+0.4*sin(t*${1 + index * 0.7}))`).join("+");

/** The film's video and poster, made if they are not there. */
export async function film(folder, [name, seconds, picture, tones]) {
  mkdirSync(folder, { recursive: true });
  const [video, poster] = [join(folder, `${name}.mp4`), join(folder, `${name}.jpg`)];
  if (!existsSync(video)) {
    await ffmpeg("-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", `aevalsrc=${chord(tones)}:s=44100`,
      "-t", String(seconds), "-r", String(RATE), "-vf", "format=yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-crf", "27", "-maxrate", "1400k",
      "-bufsize", "2800k", "-g", "48", "-c:a", "aac", "-b:a", "64k", "-af", `afade=t=in:d=0.4,afade=t=out:st=${seconds - 0.6}:d=0.6`,
      "-threads", "1", "-movflags", "+faststart", `${video}.part.mp4`);
    renameSync(`${video}.part.mp4`, video);
  }
  if (!existsSync(poster)) {
    await ffmpeg("-v", "error", "-y", "-ss", "1", "-i", video, "-frames:v", "1", "-q:v", "5", `${poster}.part.jpg`);
    renameSync(`${poster}.part.jpg`, poster);
  }
  return { video, poster, seconds };
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const folder = process.argv[2] ?? FOLDER;
  const missing = FILMS.filter(([name]) => !existsSync(join(folder, `${name}.jpg`)));
  if (missing.length > 0) console.log(`clips: ${missing.length} films are made`);
  await Promise.all(missing.map((one) => film(folder, one)));
}
