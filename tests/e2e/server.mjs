// server.mjs - what every test of the web application begins with: a server of its own, signed in, watched.
//
// A page fails on a console error, a violation of the content policy, a request that leaves the origin,
// and a serious finding of axe, in light and in dark. PICTURES=folder writes screenshots. With KITH_TEST_PG the same on
// PostgreSQL; the set-up page is SQLite's alone.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { copyTemplate, init, KITH, newDatabase, PASSWORD, POSTGRES, templateOf } from '../template.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
// the same engine without the window around it takes a fifth less; Chromium itself serves as well
export const CHROMIUM = process.env.CHROMIUM ?? ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find(existsSync) ?? '/usr/bin/chromium';
export const core = path.join(root, 'web/node_modules/playwright-core/index.mjs');
const dist = path.join(root, 'web/dist');
const pictures = process.env.PICTURES;
export { PASSWORD };
export const missing = !existsSync(CHROMIUM) ? `no Chromium at ${CHROMIUM}`
  : !existsSync(core) ? 'playwright-core is not installed in web/' : !existsSync(path.join(dist, 'index.html')) ? 'web/dist is not built' : '';

/** Everything of one test file; fields are filled before its first step. */
export const e2e = { dir: '', data: '', url: '', context: null, page: null, cdp: null, trouble: [], clicks: 0 };
let server, browser, database;
let broken = false;

async function begin(people, signedIn, setup) {
  const { trouble } = e2e;
  e2e.dir = mkdtempSync(path.join(tmpdir(), 'kith-e2e-'));
  e2e.data = path.join(e2e.dir, 'data');
  const template = people === 300 ? templateOf('shop') : undefined;
  if (setup) mkdirSync(e2e.data);
  else database = await newDatabase(template);
  if (template && !setup) copyTemplate(template, e2e.data, database);
  else if (!setup) await init(e2e.data, { admin: 'ada@example.com', people }, database);
  // --web-root: what web/dist holds now, also with a binary built before it; EMBEDDED=1 takes what is built in
  server = spawn(KITH, ['serve', '--data', e2e.data, '--listen', '127.0.0.1:0', ...(process.env.EMBEDDED ? [] : ['--web-root', dist])], { stdio: ['ignore', 'pipe', 'inherit'] });
  e2e.url = await new Promise((done, failed) => {
    let out = '';
    server.stdout.on('data', (d) => { out += d; const m = (setup ? /open (http:\/\/\S+)/ : /at (http:\/\/\S+)/).exec(out); if (m) done(m[1]); });
    server.on('exit', () => failed(new Error('the server ended')));
  });
  const { chromium } = await import(pathToFileURL(core));
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  e2e.context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce' });
  const page = e2e.page = await e2e.context.newPage();
  page.setDefaultTimeout(60_000); // a step may take three times as long on a busy machine
  await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`)));
  page.on('console', (m) => {
    // the browser itself writes one for every answer of 400 and above; those a step asks for are not errors
    if (m.type() === 'error' && !/Failed to load resource.*status of (401|412|422)/.test(m.text())) trouble.push(`console: ${m.text()} ${m.location().url}`);
  });
  page.on('pageerror', (e) => trouble.push('error: ' + e.message));
  page.on('request', (r) => { if (!r.url().startsWith(e2e.url) && !r.url().startsWith('data:') && !r.url().startsWith('blob:')) trouble.push('left the origin: ' + r.url()); });
  e2e.cdp = await e2e.context.newCDPSession(page);
  // what is served first is the set-up page: its address has a token
  if (setup) [e2e.setup, e2e.url] = [e2e.url, new URL(e2e.url).origin];
  else if (signedIn) await signIn();
}

/** At the top of a test file. */
export function serve({ people = 300, signedIn = true, setup = false } = {}) {
  before(async () => { if (!missing) await begin(people, signedIn, setup); });
  after(async () => {
    await browser?.close();
    if (server) { const ended = new Promise((done) => server.on('exit', done)); server.kill(); await ended; }
    await database?.drop();
    if (e2e.dir) rmSync(e2e.dir, { recursive: true, force: true });
  });
}

export async function signIn(email = 'ada@example.com') {
  const { page } = e2e;
  await page.goto(e2e.url);
  await page.getByLabel('E-mail').fill(email);
  await page.locator('input[name=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
}

/** Goes there as a link does, over a page of nothing, so that nothing of the last page is taken for the new one. A load of the
 *  whole application takes seven times as long: `afresh` where that is meant, as by an address that is opened. */
export async function visit(where, { afresh = false } = {}) {
  const { page, url } = e2e;
  if (afresh || !page.url().startsWith(url + '/')) await page.goto(url + where);
  else await page.evaluate(async (to) => {
    history.pushState(null, '', '/-');
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    history.replaceState(null, '', to);
  }, where);
}

/** A call of the API as the page's user, beside its screens. */
export const api = (method, address, body) => e2e.page.evaluate(async ([m, a, b]) => {
  const me = await (await fetch('/api/v1/me')).json();
  const r = await fetch('/api/v1' + a, { method: m, headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': me.csrf }, body: b === undefined ? undefined : JSON.stringify(b) });
  const text = await r.text();
  return { status: r.status, body: text ? JSON.parse(text) : null };
}, [method, address, body]);

/** The id of what was made. */
export async function made(plural, fields) {
  const r = await api('POST', `/${plural}`, fields);
  assert.equal(r.status, 201, JSON.stringify(r.body));
  return r.body.id;
}

/** What is on the screen at once may reach the server a moment later. */
export async function until(holds) {
  for (let i = 0; i < 400; i++) {
    if (await holds()) return;
    await e2e.page.waitForTimeout(50);
  }
  assert.fail('it did not come to pass: ' + holds);
}

async function evaluate(expression) {
  const r = await e2e.cdp.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
  if (r.exceptionDetails) throw new Error(r.exceptionDetails.exception?.description ?? r.exceptionDetails.text);
  return r.result.value;
}
const axe = () => readFileSync(path.join(root, 'web/node_modules/axe-core/axe.min.js'), 'utf8');
const scheme = (s) => e2e.page.evaluate((v) => document.documentElement.setAttribute('data-mantine-color-scheme', v), s);

/** axe in light, its colours in dark too; on PostgreSQL the screens are the same. With PICTURES also the page at three widths. */
export async function look(name) {
  const { page } = e2e;
  if (POSTGRES && !pictures) return;
  for (const s of ['light', 'dark']) {
    await scheme(s);
    if (!(await page.evaluate(() => 'axe' in window))) await evaluate(axe() + '; 0');
    const found = await evaluate(`axe.run(document, { resultTypes: ['violations']${s === 'dark' ? ", runOnly: ['color-contrast']" : ''} }).then((r) => r.violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => v.id + ' x' + v.nodes.length + ': ' + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')).join(' | ')))`);
    for (const f of found) e2e.trouble.push(`axe on ${name} (${s}): ${f}`);
    if (pictures) {
      mkdirSync(pictures, { recursive: true });
      for (const width of [1440, 1024, 360]) {
        await page.setViewportSize({ width, height: width === 360 ? 740 : 900 });
        await page.waitForTimeout(150);
        await page.screenshot({ path: path.join(pictures, `${name}-${width}-${s}.png`) });
      }
      await page.setViewportSize({ width: 1440, height: 900 });
    }
  }
  await scheme('light');
}

/** One test; those after a failed one of the same file fail at once, since they go on from where it stood. */
export const step = (name, work, options = {}) => test(name, { ...options, skip: missing || options.skip || false }, async (t) => {
  assert.ok(!broken, 'a step before this one failed');
  e2e.trouble.length = 0;
  try {
    await work(t);
  } catch (e) {
    broken = true;
    if (e2e.trouble.length) e.message += '\n' + e2e.trouble.join('\n');
    if (pictures) { mkdirSync(pictures, { recursive: true }); await e2e.page.screenshot({ path: path.join(pictures, 'failed.png') }); }
    throw e;
  }
  assert.deepEqual(e2e.trouble, []);
});

/** Counts what a person does beyond typing: `click` and `press` count one each, `type` nothing. */
export function hands() {
  const h = {
    n: 0,
    click: async (locator, options) => { h.n++; await locator.click(options); },
    press: async (key) => { h.n++; await e2e.page.keyboard.press(key); },
    type: async (text) => { await e2e.page.keyboard.type(text); },
  };
  return h;
}
