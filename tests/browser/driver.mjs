// Drives Chromium for the tests: a JSON request a line on stdin, a JSON answer a line on stdout.
// The first answer, to no request, says which browser was started, or why none could be.
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { inflate } from "@sparticuz/chromium";
import { chromium } from "playwright-core";

const OF_THE_MACHINE = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const require = createRequire(import.meta.url);

/** The Chromium that npm has brought, with its own fonts and libraries: of the machine it needs no more than glibc. */
async function fromNpm() {
  if (process.arch !== "x64" || process.platform !== "linux") throw new Error("the one from npm is for Linux on x64");
  const packed = join(dirname(require.resolve("@sparticuz/chromium")), "..", "bin");
  const folder = join(packed, "..", "unpacked");
  if (!existsSync(folder)) {
    // The package unpacks into the folder for temporary files; it is given one that nobody else writes to, and what is
    // whole is put in place at once, so that neither an interruption nor a second run leaves half of it there.
    const making = await mkdtemp(`${folder}-`);
    const before = process.env.TMPDIR;
    process.env.TMPDIR = making;
    const files = ["chromium.br", "al2023.tar.br", "fonts.tar.br", "swiftshader.tar.br"];
    await Promise.all(files.map((file) => inflate(join(packed, file))));
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    await rename(making, folder).catch((error) => {
      if (!existsSync(folder)) throw error;
      return rm(making, { recursive: true });
    });
  }
  // Where no font is found, Chromium crashes; the configuration that the package brings looks for them elsewhere.
  const fonts = join(folder, "fonts.conf");
  const places = [join(folder, "fonts"), "/usr/share/fonts"].map((place) => `<dir>${place}</dir>`).join("");
  await writeFile(fonts, `<fontconfig>${places}<cachedir>${join(folder, "font-cache")}</cachedir></fontconfig>`);
  const env = { ...process.env, LD_LIBRARY_PATH: join(folder, "al2023", "lib"), FONTCONFIG_FILE: fonts };
  return { executablePath: join(folder, "chromium"), env };
}

/** The browser that CHROMIUM names (a path, or npm), else the first that starts: the machine's, then the one from npm. */
async function launch() {
  const named = process.env.CHROMIUM;
  const candidates = !named ? [...OF_THE_MACHINE.filter(existsSync), "npm"] : [named];
  const reasons = [];
  for (const name of candidates) {
    try {
      const options = name === "npm" ? await fromNpm() : { executablePath: name };
      return [await chromium.launch({ ...options, timeout: 30_000 }), name];
    } catch (error) {
      reasons.push(`${name}: ${error.message.split("\n")[0].replace("browserType.launch: ", "")}`);
    }
  }
  throw new Error(
    `no Chromium could be started (${reasons.join("; ")}); install one, on Debian by apt-get install chromium, ` +
      "or name the path of one in the environment variable CHROMIUM",
  );
}

let context, page, scripted, requested, complaints;

const handlers = {
  /** Opens a page in a fresh profile and gives the milliseconds until it was ready. */
  async open({ url, width, height, scheme, script }) {
    await context?.close();
    context = await browser.newContext({
      viewport: { width, height }, colorScheme: scheme, javaScriptEnabled: script, reducedMotion: "reduce",
    });
    [scripted, requested, complaints] = [script, [], []];
    // Whatever the page asks for is noted, and nothing but the page itself is let through.
    await context.route("**/*", (route) => {
      requested.push(route.request().url());
      return route.request().url().startsWith(url) ? route.continue() : route.abort();
    });
    page = await context.newPage();
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url);
    return page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd");
  },
  /** Presses a key until the focus is on what a selector finds; gives false where so many times do not lead there. */
  async lead({ key, selector, most }) {
    for (let times = 0; times < most; times++) {
      await page.keyboard.press(key);
      if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return true;
    }
    return false;
  },
  async press({ key }) {
    await page.keyboard.press(key);
    // what the page does about it may begin a moment later
    if (scripted) await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))");
  },
  type: ({ text }) => page.keyboard.type(text),
  run: ({ expression }) => page.evaluate(expression),
  requested: () => requested,
  complaints: () => complaints,
  async axe() {
    await page.evaluate(require("axe-core").source);
    const { violations, passes } = await page.evaluate("axe.run({ resultTypes: ['violations'], preload: false })");
    return {
      violations: violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, at: nodes.map((node) => node.target.join(" ")) })),
      passes: passes.map(({ id }) => id),
    };
  },
};

const answer = (content) => process.stdout.write(`${JSON.stringify(content)}\n`);

let browser, name;
try {
  [browser, name] = await launch();
} catch (error) {
  answer({ error: error.message });
  process.exit(1);
}
answer({ value: `${name}, ${browser.version()}` });
for await (const line of createInterface({ input: process.stdin })) {
  const { ask, ...given } = JSON.parse(line);
  try {
    answer({ value: (await handlers[ask](given)) ?? null });
  } catch (error) {
    answer({ error: error.message });
  }
}
await browser.close();
