// tracker.test.mjs - the script for pages of others, in Chromium, on a page from another origin.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { eventually, world } from '../api/kith.mjs';
import { CHROMIUM, core, missing } from './server.mjs';

const skip = missing || false;
let w, shop, origin, browser, source, secret;

before(async () => {
  if (skip) return;
  w = await world();
  shop = http.createServer((req, res) => {
    const at = new URL(req.url, 'http://x'), attributes = at.searchParams.get('tag') ?? '';
    res.setHeader('content-type', 'text/html').end(`<!doctype html><title>Shop ${at.pathname}</title><script>window.kith = [['track', 'early', {}]]</script>
      <script src="${w.servers[0].url}/v1/kith.js" data-key="${source.key}" ${attributes}></script><a href="/next">next</a>`);
  });
  await new Promise((done) => shop.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${shop.address().port}`;
  source = (await w.api('POST', '/event_sources', { name: 'Shop', kind: 'browser', origins: origin })).body;
  secret = (await w.api('POST', `/event_sources/${source.id}/secret`, {})).body.secret;
  const { chromium } = await import(pathToFileURL(core));
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
});
after(async () => {
  await browser?.close();
  shop?.close();
  await w?.close();
});

const found = async (where) => (await w.api('GET', `/contacts?fields=external_id&where=${encodeURIComponent(where)}`)).body.items.map((p) => p.external_id);
async function open(address) {
  const context = await browser.newContext(), page = await context.newPage(), sent = [], trouble = [];
  page.on('request', (r) => r.url().includes('/v1/batch') && sent.push(JSON.parse(r.postData() ?? '{}')));
  page.on('pageerror', (e) => trouble.push(e.message));
  await page.goto(origin + address);
  return { context, page, sent, trouble };
}
const items = (sent) => sent.flatMap((b) => b.batch);

test('page views, events and a signed user reach the person', { skip }, async () => {
  await w.api('POST', '/contacts', { last_name: 'Ada', external_id: 'ada' });
  const { page, sent, trouble, context } = await open('/pricing?utm_source=news&utm_campaign=may');
  await page.evaluate(() => kith.track('added', { value: 12.5 }));
  await eventually(() => items(sent).length === 3, 10);
  const [view, early] = items(sent);
  assert.deepEqual([view.type, view.properties.utm_source, view.properties.title, early.event], ['page', 'news', 'Shop /pricing', 'early']);
  assert.deepEqual(await found("did('added') > 0"), []);
  const signature = createHmac('sha256', secret).update('ada').digest('hex');
  await page.evaluate(([id, s]) => kith.identify(id, s), ['ada', signature]);
  await eventually(async () => (await found("did('added') = 1 and did('page_view', url like '/pricing%' and prop('utm_campaign') = 'may') = 1")).join() === 'ada', 10);
  // what waits when the page is left goes by a beacon; the next page is the same visitor
  await page.evaluate(() => kith.track('left'));
  await page.getByText('next').click();
  await eventually(async () => (await found("did('left') = 1 and did('page_view', url = '/next' and referrer like '/pricing%') = 1")).length === 1, 10);
  const cookies = await context.cookies();
  const id = cookies.find((k) => k.name === 'kith_id');
  assert.ok(id.expires - Date.now() / 1000 < 34128001 && id.expires - Date.now() / 1000 > 33000000, String(id.expires));
  await page.evaluate(() => kith.reset());
  assert.ok(!(await context.cookies()).some((k) => k.name === 'kith_id'));
  assert.deepEqual(trouble, []);
  await context.close();
});

test('ten wait for no timer', { skip }, async () => {
  const { page, sent, context } = await open('/many?tag=data-pages%3Doff');
  await page.evaluate(() => { for (let i = 0; i < 9; i++) kith.track('many'); });
  await eventually(() => items(sent).length === 10, 1);
  await context.close();
});

test('without consent nothing is kept or sent; with it what waited goes', { skip }, async () => {
  const { page, sent, context } = await open('/?tag=data-consent%3Drequired');
  await page.waitForTimeout(2500);
  assert.equal(await page.evaluate(() => kith.version), 1, 'the script is there');
  assert.deepEqual([sent.length, (await context.cookies()).length], [0, 0]);
  await page.evaluate(() => kith.consent(true));
  await eventually(() => items(sent).length === 2, 10);
  await page.evaluate(() => { kith.consent(false); kith.track('never'); });
  await page.waitForTimeout(2500);
  assert.equal(items(sent).length, 2);
  assert.deepEqual((await context.cookies()).map((k) => k.name), ['kith_consent']);
  await context.close();
});

test('a browser that signals refusal is left alone', { skip }, async () => {
  const context = await browser.newContext(), page = await context.newPage(), sent = [];
  await context.addInitScript(() => Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }));
  page.on('request', (r) => r.url().includes('/v1/batch') && sent.push(r));
  await page.goto(origin + '/');
  await page.waitForTimeout(2500);
  assert.deepEqual([sent.length, (await context.cookies()).length], [0, 0]);
  await context.close();
});
