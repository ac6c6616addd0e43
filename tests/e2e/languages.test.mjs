// languages.test.mjs - every text of the screens comes from the catalogue; German; the lines over the page; installing.
//
// With the language "xx" each text of the catalogue stands in ⟦ ⟧. What stands outside of them must have come from the
// server (names of objects, values, what it says), or be a number, a date, a sign.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { api, e2e, look, serve, step, visit } from './server.mjs';

serve({ people: 60 });

const heard = new Set(); // what the server said, flat
const flat = (s) => s.toLowerCase().replace(/[\s_.]+/g, ' ');
const strings = (v) => (typeof v === 'string' ? [v] : Array.isArray(v) ? v.flatMap(strings) : v && typeof v === 'object' ? Object.entries(v).flatMap(([k, x]) => [k, ...strings(x)]) : []);
const hear = (...said) => { for (const s of strings(said)) heard.add(flat(s)); };
const MONTH = /^(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)/i;
const OWN = /^(am|pm|ago|in|last|next|yesterday|tomorrow|this|minutes?|hours?|days?|weeks?|months?|years?|ms|kb|mb|gb|byte|min|kith|ctrl|enter|esc|home|end|tab|space|shift|alt|f2|deutsch|english)$/i;
const fine = (text, all) => {
  const s = text.replace(/⟦[^⟦⟧]*(⟦[^⟦⟧]*⟧[^⟦⟧]*)*⟧/g, ' ').trim();
  if (!/[a-zà-ÿ]{2}/i.test(s)) return true; // numbers, signs, single letters
  if (all.includes(flat(s))) return true;
  // dates and spans as Intl writes them, amounts, sizes, keys of the keyboard, the product's name, endings of files
  // else piece by piece, each as it was heard; one word may be a date's, or a name of the program's own
  return s.split(/[·:,()"'…→\n]+/).map((x) => x.trim()).filter((x) => /[a-z]{2}/i.test(x)).every((piece) => all.includes(flat(piece)) || all.includes(flat(piece.replace(/\b\d\S*\s*/g, '').trim())) || piece.split(/[\s/]+/).filter((w) => /[a-z]{2}/i.test(w)).every((w) => MONTH.test(w) || OWN.test(w)));
};
async function strays(name) {
  await e2e.page.waitForTimeout(900);
  const shown = await e2e.page.evaluate(() => {
    const out = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let n = walk.nextNode(); n; n = walk.nextNode()) {
      const at = n.parentElement;
      if (n.textContent.trim() && !at.closest('script, style, noscript, code, option[value=""]') && at.checkVisibility()) out.push(n.textContent);
    }
    for (const el of document.querySelectorAll('[aria-label], [placeholder], [title]')) for (const a of ['aria-label', 'placeholder', 'title']) if (el.checkVisibility() && el.getAttribute(a)) out.push(el.getAttribute(a));
    return [...new Set(out)];
  });
  const all = [...heard].join(' | ');
  // examples of how a value is written have no language
  const bad = shown.filter((s) => !fine(s.replace(/kith_\S+|https?:\S+|contacts:read, companies:write/g, ''), all));
  assert.deepEqual(bad, [], `beside the catalogue on ${name}`);
}

step('no text of a screen stands beside the catalogue', async () => {
  const { page } = e2e;
  page.on('response', async (r) => { if (r.url().includes('/api/v1/') && /json/.test(r.headers()['content-type'] ?? '')) hear(await r.json().catch(() => null)); });
  await api('POST', '/tasks', { title: 'Buy rope', status: 'not_started', due: '2026-11-20T10:00:00Z' });
  await page.evaluate(() => localStorage.setItem('kith-language', 'xx'));
  for (const [name, where] of [['home', '/'], ['a list', '/e/contacts'], ['a board', '/e/tasks?kind=board&group=status'], ['a chart', '/e/contacts?kind=chart&group=lifecycle'], ['a calendar', '/e/tasks?kind=calendar&date=due'], ['a funnel', '/e/contacts?kind=chart&group=lifecycle&chart=funnel'], ['a heat map', '/e/contacts?kind=chart&group=lifecycle&chart=heat'], ['a map', '/e/contacts?kind=map'], ['dashboards', '/dashboards'], ['welcome', '/welcome'], ['a record', '/e/contacts/3'], ['import', '/e/contacts/import'],
    ...['appearance', 'account', 'values', 'users', 'teams', 'roles', 'objects', 'choices', 'layouts', 'bin', 'audit', 'health'].map((p) => [p, '/settings/' + p])]) {
    await visit(where, { afresh: name === 'home' }); // the language is read, and what the server says heard, as the application is loaded
    await page.getByText('⟦').first().waitFor();
    await strays(name);
  }
});

step('nor in dialogs, menus, and what comes of a mistake', async () => {
  const { page } = e2e;
  await visit('/e/contacts?new=1');
  await page.getByRole('dialog').waitFor();
  await strays('a new record');
  await visit('/e/contacts');
  await page.getByRole('grid').getByRole('row').nth(3).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await strays('help');
  await page.keyboard.press('Escape');
  await visit('/e/contacts/import');
  const file = path.join(e2e.dir, 'few.csv');
  writeFileSync(file, 'Last name,Email,Born\nSome,some@example.com,1.2.1990\nBad,nothing,\n');
  await page.locator('input[type=file]').setInputFiles(file);
  await page.locator('.maplist').waitFor();
  hear('Born', 'some@example.com · nothing');
  await strays('mapping');
  await visit('/dashboards');
  await page.locator('.dash > .row button').first().click(); // arrange
  await page.locator('.tilehandle').first().waitFor();
  await strays('arranging');
  await page.locator('.dash > .row button').first().click(); // add a tile
  await page.getByRole('dialog').locator('.tilenumber').waitFor();
  await strays('a new tile');
  await page.keyboard.press('Escape');
  await visit('/settings/roles');
  await page.locator('select').last().selectOption({ index: 2 });
  await page.locator('.seeas').waitFor();
  await strays('see as');
  await visit('/nowhere', { afresh: true });
  await page.locator('.centre').waitFor();
  await strays('nowhere');
});

step('German, chosen in the settings', async () => {
  const { page } = e2e;
  await page.evaluate(() => localStorage.removeItem('kith-language'));
  await visit('/settings/appearance', { afresh: true });
  await page.getByLabel('Language').selectOption('de');
  await page.getByRole('heading', { name: 'Aussehen' }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'de');
  await visit('/', { afresh: true });
  await page.getByRole('heading', { name: /^Hallo/ }).waitFor();
  await look('german');
  await visit('/e/contacts/3');
  await page.getByRole('tab', { name: 'Verlauf' }).waitFor();
  // what the server names is German too, and so on any other device: the language is the user's, not the browser's
  await page.getByRole('link', { name: 'Kontakte', exact: true }).first().waitFor();
  await page.getByText('Vorname', { exact: true }).first().waitFor();
  assert.equal((await api('GET', '/me')).body.user.language, 'de');
  await visit('/settings/appearance');
  await page.getByLabel('Sprache').selectOption('en');
  await page.getByRole('heading', { name: 'Appearance' }).waitFor();
});

step('the server away: a line says so, what was typed stays, it goes on by itself', async () => {
  const { page, context } = e2e;
  await visit('/e/contacts?new=1');
  await page.getByRole('dialog').getByLabel('Last name').fill('Afloat');
  await context.setOffline(true);
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText(/^The server cannot be reached. What you typed is kept; this page/).waitFor();
  assert.equal(await page.getByRole('dialog').getByLabel('Last name').inputValue(), 'Afloat');
  await context.setOffline(false);
  await page.getByText(/^The server cannot be reached. What you typed is kept; this page/).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Afloat' }).waitFor();
  // the browser's own words about requests that were meant to fail
  e2e.trouble.splice(0, e2e.trouble.length, ...e2e.trouble.filter((x) => !/ERR_INTERNET_DISCONNECTED/.test(x)));
});

step('another version on the server: a line offers to load it; it can be installed', async () => {
  const { page, url } = e2e;
  await page.addInitScript(() => { const real = Date.now; let late = 0; Date.now = () => real() + late; window.later = (ms) => { late += ms; }; });
  await visit('/', { afresh: true });
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
  await page.route(url + '/', (r) => r.fulfill({ status: 200, contentType: 'text/html', body: '<script src="/assets/index-other.js"></script>' }));
  await page.evaluate(() => { window.later(120_000); document.dispatchEvent(new Event('visibilitychange')); });
  await page.getByText('A new version is ready.').waitFor();
  await page.unroute(url + '/');
  const manifest = await page.evaluate(async () => { const r = await fetch('/manifest.webmanifest'); return { type: r.headers.get('Content-Type'), body: await r.json() }; });
  assert.match(manifest.type, /manifest\+json/);
  for (const i of manifest.body.icons) assert.equal(await page.evaluate(async (src) => (await fetch(src)).status, i.src), 200);
});
