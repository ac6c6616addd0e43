// web.mjs - how long a person waits in the browser: the first row on a slow phone, and from a click to painted data in a large
// list. Called by bench.py; prints one line of JSON. web.mjs URL E-MAIL PASSWORD ROUNDS
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { firstRow } from './phone.mjs';

const [url, email, password, rounds] = [process.argv[2], process.argv[3], process.argv[4], Number(process.argv[5])];
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const { chromium } = await import(pathToFileURL(path.join(root, 'web/node_modules/playwright-core/index.mjs')));
const at = (list, q) => { const s = [...list].sort((a, b) => a - b); return Math.round(s[Math.min(s.length - 1, Math.ceil(q * s.length) - 1)]); };
const sum = (list) => ({ p50: at(list, 0.5), p95: at(list, 0.95), most: at(list, 1), n: list.length });

const chrome = process.env.CHROMIUM ?? '/usr/bin/chromium';
const phone = sum(await firstRow(chrome, url, email, password, Math.max(5, Math.round(rounds / 3))));
const browser = await chromium.launch({ executablePath: chrome, args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });

// in the page: from the event of a hand to the frame in which what was asked for stands on the screen
function watch() {
  window.kith = {
    ready(condition, events) {
      return new Promise((finish, failed) => {
        const done = (span) => { window.kith.armed = false; finish(span); };
        setTimeout(() => failed(new Error(`${condition}: from ${from}, first ${window.kith.first()}, ${window.kith.rows().length} rows, waiting ${window.kith.waiting()}`)), 15_000);
        let from = 0;
        const holds = new Function('return ' + condition);
        const begin = (ev) => { from ||= ev.timeStamp; };
        for (const e of events) addEventListener(e, begin, { capture: true, once: true });
        window.kith.armed = true;
        const frame = () => (from && holds() ? requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = () => done(performance.now() - from); c.port2.postMessage(0); }) : requestAnimationFrame(frame));
        requestAnimationFrame(frame);
      });
    },
    rows: () => [...document.querySelectorAll('[role=grid] .tbody [role=row]')].filter((r) => r.querySelector('a.rowlink')),
    first: () => window.kith.rows().map((r) => Number(r.getAttribute('aria-rowindex'))).sort((a, b) => a - b)[0] ?? 0,
    // what is inside the list's window and not there yet
    waiting: () => { const g = document.querySelector('[role=grid]').getBoundingClientRect(); return [...document.querySelectorAll('[role=grid] .mantine-Skeleton-root')].some((s) => { const b = s.getBoundingClientRect(); return b.bottom > g.top && b.top < g.bottom; }); },
  };
}

async function signedIn(options) {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', ...options });
  const page = await context.newPage();
  await page.addInitScript(watch);
  await page.goto(url);
  await page.getByLabel('E-mail').fill(email);
  await page.locator('input[name=password]').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
  return { context, page };
}

const CITIES = ['Berlin', 'Hamburg', 'London', 'Paris', 'Vienna', 'Rome', 'Madrid', 'Warsaw', 'Tokyo', 'Mumbai', 'Curitiba', 'Ankara', 'Osaka', 'Lyon', 'Leeds', 'Chennai'];

async function desk() {
  const { context, page } = await signedIn({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
  const grid = page.getByRole('grid');
  const times = { open: [], filter: [], scroll: [], end: [], record: [] };
  let nodes = 0;
  const measure = async (what, condition, events, work) => {
    const span = page.evaluate(([c, e]) => window.kith.ready(c, e), [condition, events]);
    await page.waitForFunction(() => window.kith.armed);
    await work();
    times[what].push(await span);
    if (process.env.VERBOSE) console.error(what, Math.round(times[what].at(-1)));
    nodes = Math.max(nodes, await page.evaluate(() => document.querySelectorAll('*').length));
  };
  const home = page.getByRole('navigation', { name: 'Main navigation' }).getByRole('link', { name: 'Home', exact: true });
  const list = `${url}/e/contacts?cols=name,email,city,lifecycle,company&sort=last_name`;
  // lists that nobody has looked at yet, one for each round: what is kept from before must not answer
  const views = await page.evaluate(async (n) => {
    const me = await (await fetch('/api/v1/me')).json(), all = [];
    const call = async (m, p, b) => (await fetch('/api/v1' + p, { method: m, headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': me.csrf }, body: b && JSON.stringify(b) })).json();
    for (const old of (await call('GET', '/views?limit=200&where=' + encodeURIComponent("name starts with 'Bench '"))).items) await fetch('/api/v1/views/' + old.id, { method: 'DELETE', headers: { 'X-CSRF-Token': me.csrf } });
    for (let i = 0; i < n; i++) all.push((await call('POST', '/views', { name: `Bench ${i}`, entity: 'contact', kind: 'list', where: `score is empty and id > ${i}`, sort: i % 2 ? 'last_name' : '-created_at', pinned: true })).name);
    return all;
  }, rounds);
  await page.goto(list);
  await grid.getByRole('row').nth(12).waitFor();
  await page.waitForTimeout(4000); // the code of the next pages is fetched when there is nothing else to do
  for (let i = 0; i < rounds; i++) {
    await home.click();
    await page.getByRole('heading', { name: /Hello/ }).waitFor();
    await page.waitForTimeout(400);
    const view = page.getByRole('navigation', { name: 'Main navigation' }).getByRole('link', { name: views[i], exact: true });
    await view.scrollIntoViewIfNeeded();
    await measure('open', 'kith.rows().length > 10', ['pointerdown'], () => view.click());
    const link = grid.getByRole('row').nth(3 + (i % 8)).getByRole('link').first();
    const name = await link.innerText();
    await measure('record', `document.querySelector('h1')?.textContent === ${JSON.stringify(name)} && document.querySelectorAll('.record .field .value').length > 5`, ['pointerdown'], () => link.click());
  }
  for (let i = 0; i < rounds; i++) {
    await page.goto(list);
    await grid.getByRole('row').nth(12).waitFor();
    await page.waitForTimeout(300);
    const city = CITIES[i % CITIES.length];
    await page.getByRole('button', { name: '+ Filter' }).click();
    await page.getByRole('combobox', { name: 'Add a filter' }).and(page.locator(':focus')).waitFor();
    await page.keyboard.type('city ' + city);
    await page.getByRole('option').first().waitFor();
    await measure('filter', `/where=/.test(location.search) && kith.rows().length > 0 && kith.rows().slice(0, 5).every((r) => r.textContent.includes('${city}'))`, ['keydown'], () => page.keyboard.press('Enter'));
    await page.goto(list);
    await grid.getByRole('row').nth(12).waitFor();
    const box = await grid.boundingBox();
    await page.mouse.move(box.x + 400, box.y + 300);
    for (let k = 0; k < 6; k++) await measure('scroll', `kith.first() > ${await page.evaluate(() => window.kith.first()) + 12} && !kith.waiting()`, ['wheel'], () => page.mouse.wheel(0, 30 * 42));
    await page.goto(list);
    await grid.getByRole('row').nth(12).waitFor();
    await page.locator('[role=gridcell][tabindex="0"]').focus();
    const before = await page.evaluate(() => window.kith.rows()[0]?.textContent);
    await measure('end', `kith.rows().length > 10 && !kith.waiting() && kith.rows()[0].textContent !== ${JSON.stringify(before)} && [...document.querySelectorAll('.notes button')].length > 0`, ['keydown'], () => page.keyboard.press('End'));
  }
  await context.close();
  return { ...Object.fromEntries(Object.entries(times).map(([k, v]) => [k, sum(v)])), nodes };
}

console.log(JSON.stringify({ phone, ...(await desk()) }));
await browser.close();
