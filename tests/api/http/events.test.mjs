// Behaviour: what sites and programs send, whose it is, and who is in which segment because of it.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { eventually, world } from '../kith.mjs';

let w, server, site, secret;
const made = async (path, body) => {
  const r = await w.api('POST', path, body);
  assert.ok(r.status < 300, JSON.stringify(r.body));
  return r.body;
};
// as a server of the business, or as a page of its shop
const send = (name, body, source = server, headers = {}) => w.request('POST', '/v1/' + name, { writeKey: source.key, ...body }, headers);
const page = (name, body, headers = {}) => send(name, body, site, { origin: 'https://shop.example', ...headers });
const sign = (id) => createHmac('sha256', secret).update(id).digest('hex');
const contacts = async (where) => {
  const r = await w.api('GET', `/contacts?fields=external_id&limit=200&where=${encodeURIComponent(where)}`);
  assert.equal(r.status, 200, JSON.stringify(r.body));
  return r.body.items.map((p) => p.external_id).sort();
};
const person = (id, more = {}) => made('/contacts', { last_name: id, external_id: id, ...more });

before(async () => {
  w = await world();
  server = await made('/event_sources', { name: 'Shop system', kind: 'server', creates: true });
  site = await made('/event_sources', { name: 'Shop', kind: 'browser', origins: 'https://shop.example' });
  secret = (await made(`/event_sources/${site.id}/secret`, {})).secret;
});
after(() => w.close());

test('one event and a batch are taken, and expressions count them', async () => {
  await person('ada');
  let r = await send('track', { userId: 'ada', event: 'signed_up', properties: { plan: 'pro', price: 12.5 } });
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(r.body, { success: true, accepted: 1 });
  const batch = [1, 2, 3].map((i) => ({ type: 'page', userId: 'ada', properties: { url: `/pricing/${i}`, title: 'Prices' } }));
  r = await send('batch', { batch: [...batch, { type: 'track', userId: 'ada' }, 7, { type: 'track', event: 'x' }] });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.body.accepted, 3);
  assert.deepEqual(r.body.errors.map((e) => e.index), [3, 4, 5]);
  assert.deepEqual(await contacts("did('page_view') = 3"), ['ada']);
  assert.deepEqual(await contacts("did('page_view', url like '/pricing%', 7d) >= 3"), ['ada']);
  assert.deepEqual(await contacts("did('page_view', url = '/pricing/2' and title = 'Prices') = 1"), ['ada']);
  assert.deepEqual(await contacts("did('signed_up', prop('plan') = 'pro' and prop_number('price') > 12.4) = 1"), ['ada']);
  assert.deepEqual(await contacts("did('signed_up', prop_number('price') > 12.5) > 0"), []);
  assert.deepEqual(await contacts("last_did('signed_up') > now - 1h"), ['ada']);
  assert.deepEqual(await contacts("did('never') > 0"), []);
});

test('what a person did is shown by day and one by one, and the script is there', async () => {
  const id = (await w.api('GET', `/contacts?where=${encodeURIComponent("external_id = 'ada'")}`)).body.items[0].id;
  const seen = await made(`/contacts/${id}/events`, {});
  assert.deepEqual(seen.days.map((d) => [d.name, d.count]).sort(), [['page_view', 3], ['signed_up', 1]]);
  assert.deepEqual(seen.events.at(-1).properties, { plan: 'pro', price: 12.5 });
  const older = await made(`/contacts/${id}/events`, { before: seen.events[0].at });
  assert.equal(older.events.length, seen.events.length - 1);
  const names = (await made('/event_sources/names', {})).items;
  assert.deepEqual(names.find((n) => n.name === 'signed_up').properties.sort(), ['plan', 'price']);
  const script = await w.request('GET', '/v1/kith.js');
  assert.match(script.headers.get('content-type'), /javascript/);
  assert.match(script.text, /sendBeacon/);
});

test('who sets a source up sees what came, and what was refused and why', async () => {
  const fresh = await made('/event_sources', { name: 'New', kind: 'server' });
  assert.deepEqual((await made(`/event_sources/${fresh.id}/recent`, {})).items, []);
  await send('track', { userId: 'ada', event: 'tried' }, fresh);
  await send('batch', { batch: [{ type: 'track', userId: 'somebody', event: 'tried too' }, { type: 'track', event: 'x' }] }, fresh);
  const { items } = await made(`/event_sources/${fresh.id}/recent`, {});
  const seen = items.map((i) => [i.name, i.known, i.accepted, i.refused, i.why]);
  assert.deepEqual(seen.at(0), ['tried too', false, 1, 1, 'a userId or an anonymousId']);
  if (seen.length > 1) assert.deepEqual(seen.at(1), ['tried', true, 1, 0, '']); // one may take the other's place
  for (let i = 0; i < 100; i++) await send('track', { userId: 'ada', event: 'again' }, fresh);
  assert.equal((await made(`/event_sources/${fresh.id}/recent`, {})).items.length, 30);
});

test('what is wrong in an expression is said', async () => {
  for (const [text, says] of [["did('x', 500d) > 0", /400 days/], ["did(page_view) > 0", /takes a name in quotes: did\('page_view'\)/], ["last_did(page_view) > now", /last_did\('page_view'\)/], ["in_segment(loyal)", /in_segment\('loyal'\)/], ["did('x', prop(plan) = 'pro') > 0", /prop\('plan'\)/], ["prop('x') = 'y'", /inside did/],
    ["did('x', at > now) > 0", /Unknown field "at"/], ["did('x', now > 2026-01-01) > 0", /does not look at the clock/], ["did('x', last_name = 'a') > 0", /Unknown field "last_name"/], ["did('x', prop('a\"b') = 'c') > 0", /propert/]]) {
    const r = await w.api('GET', `/contacts?where=${encodeURIComponent(text)}`);
    assert.ok(r.status === 400 || r.status === 422, text);
    assert.match(r.body.detail, says);
  }
});

test('a message that comes again is taken once, through whichever server', async () => {
  await person('bob');
  const item = { userId: 'bob', event: 'paid', messageId: randomUUID() };
  for (let i = 0; i < 4; i++) assert.equal((await send('track', item)).status, 200);
  const r = await send('batch', { batch: [{ type: 'track', ...item }, { type: 'track', ...item, messageId: randomUUID() }] });
  assert.deepEqual([r.body.accepted, r.body.repeated], [1, 1]);
  assert.deepEqual(await contacts("did('paid') = 2"), ['bob']);
});

test('segments follow, and time takes people out again', async () => {
  const cem = await person('cem');
  const s = await made('/segments', { name: 'Looked at prices', where: "did('looked', url like '/pricing%', 7d) >= 2" });
  await eventually(async () => (await w.api('GET', `/segments/${s.id}`)).body.state === 'live', 20);
  for (const i of [1, 2]) await send('track', { userId: 'cem', event: 'looked', context: { page: { url: `/pricing?${i}` } } });
  const started = Date.now();
  await eventually(async () => (await contacts("in_segment('looked_at_prices')")).length === 1, 10);
  assert.ok(Date.now() - started < 3000);
  const why = await made(`/segments/${s.id}/explain`, { person: cem.id });
  assert.equal(why.in, true);
  assert.ok(Math.abs(Date.parse(why.next) - Date.now() - 7 * 86400000) < 60000, why.next);
});

test('a segment that is made afterwards finds who did something, and whom time brings in', async () => {
  await person('late1');
  await person('late2');
  for (const [who, ago] of [['late1', 2], ['late2', 40]]) assert.equal((await send('track', { userId: who, event: 'fair_visited', timestamp: new Date(Date.now() - ago * 86400_000).toISOString() })).status, 200);
  const built = async (name, where) => {
    const s = await made('/segments', { name, where });
    await eventually(async () => (await w.api('GET', `/segments/${s.id}`)).body.state === 'live', 20);
    return contacts(`in_segment('${s.code}')`);
  };
  await eventually(async () => (await contacts("did('fair_visited') >= 1")).length === 2);
  assert.deepEqual(await built('Fair', "did('fair_visited', 30d) >= 1"), ['late1']);
  assert.deepEqual(await built('Fair more', "did('fair_visited', 60d) > 0 and last_name starts with 'late'"), ['late1', 'late2']);
  assert.deepEqual(await built('Fair not', "did('fair_visited', 30d) = 0 and last_name starts with 'late'"), ['late2']);
});

test('a visitor is nobody until a signature, or a server, says who', async () => {
  const eve = await person('eve', { first_name: 'Eve' });
  const anonymousId = randomUUID();
  // the key of the page and a guessed id give nothing
  let r = await page('track', { anonymousId, userId: 'eve', event: 'browsed' });
  assert.equal(r.status, 200);
  assert.deepEqual(await contacts("did('browsed') > 0"), []);
  for (const more of [{}, { signature: 'f'.repeat(64) }, { signature: sign('ada') }]) {
    r = await page('identify', { anonymousId, userId: 'eve', traits: { firstName: 'Mallory' }, ...more });
    assert.equal(r.status, 422, r.text);
  }
  assert.equal((await page('track', { userId: 'eve', event: 'browsed' })).status, 422);
  assert.equal((await page('alias', { previousId: anonymousId, userId: 'eve' })).status, 422);
  assert.deepEqual(await contacts("did('browsed') > 0"), []);
  // the signature does, for what was before too; what a page says about him is not believed
  r = await page('identify', { anonymousId, userId: 'eve', signature: sign('eve'), traits: { firstName: 'Mallory' } });
  assert.equal(r.status, 200, r.text);
  await eventually(async () => (await contacts("did('browsed') = 1")).length === 1, 10);
  assert.equal((await w.api('GET', `/contacts/${eve.id}`)).body.first_name, 'Eve');
  await page('track', { anonymousId, event: 'browsed' });
  assert.deepEqual(await contacts("did('browsed') = 2"), ['eve']);
  // a server may describe
  r = await send('identify', { userId: 'eve', traits: { firstName: 'Eva', email: 'eva@mail.example' } });
  assert.equal(r.status, 200, r.text);
  const now = (await w.api('GET', `/contacts/${eve.id}`)).body;
  assert.deepEqual([now.first_name, now.email], ['Eva', 'eva@mail.example']);
});

test('a merge brings the events along, and undoing it parts them', async () => {
  const a = await person('fay'), b = await person('gus');
  for (let i = 0; i < 3; i++) await send('track', { userId: 'fay', event: 'clicked', timestamp: '2026-01-01T00:00:00Z' });
  for (let i = 0; i < 2; i++) await send('track', { userId: 'gus', event: 'clicked', timestamp: '2026-01-01T00:00:00Z' });
  await made('/contacts/merge', { ids: [a.id, b.id] });
  await eventually(async () => (await contacts("did('clicked') = 5")).length === 1, 10);
  await send('track', { userId: 'gus', event: 'clicked' });
  const sets = (await w.api('GET', '/change_sets?all&limit=50')).body.items;
  await made('/undo', { change_set: sets.find((s) => s.kind === 'merge').id });
  await eventually(async () => (await contacts("did('clicked') = 2")).join() === 'gus', 10);
  assert.deepEqual(await contacts("did('clicked', url is empty) >= 3"), ['fay']);
});

test('CORS: pages of the source may send and read, others may not', async () => {
  const body = { anonymousId: 'a1', event: 'x' };
  let r = await page('track', body);
  assert.equal(r.headers.get('access-control-allow-origin'), 'https://shop.example');
  r = await send('track', body, site, { origin: 'https://evil.example' });
  assert.equal(r.status, 403);
  r = await send('track', { userId: 'ada', event: 'x' }, server, { origin: 'https://shop.example' });
  assert.equal(r.status, 403);
  r = await w.request('OPTIONS', '/v1/batch', undefined, { origin: 'https://shop.example', 'access-control-request-method': 'POST' });
  assert.equal(r.status, 204);
  assert.match(r.headers.get('access-control-allow-methods'), /POST/);
  // a beacon says text/plain; libraries sign in with the key as a user
  r = await w.request('POST', '/v1/track', JSON.stringify({ writeKey: site.key, ...body }), { 'content-type': 'text/plain', origin: 'https://shop.example' });
  assert.equal(r.status, 200, r.text);
  r = await w.request('POST', '/v1/track', { userId: 'ada', event: 'x' }, { authorization: 'Basic ' + Buffer.from(server.key + ':').toString('base64') });
  assert.equal(r.status, 200, r.text);
  assert.equal((await w.request('POST', '/v1/track', { writeKey: 'ek_none', ...body })).status, 401);
  assert.equal((await w.request('POST', '/v1/track', body)).status, 401);
  await w.api('PATCH', `/event_sources/${site.id}`, { active: false });
  assert.equal((await page('track', body)).status, 401);
  await w.api('PATCH', `/event_sources/${site.id}`, { active: true });
});

test('what is hostile is refused or made harmless', async () => {
  await person('hal');
  const now = Date.now();
  const many = (n, f) => Array.from({ length: n }, (_, i) => f(i));
  assert.equal((await send('batch', { batch: many(501, () => ({})) })).status, 413);
  assert.equal((await send('batch', { batch: 7 })).status, 422);
  assert.equal((await send('track', { userId: 'hal', event: 'x'.repeat(101) })).status, 422);
  assert.equal((await send('track', { userId: 'h'.repeat(300), event: 'x' })).status, 422);
  assert.equal((await send('track', { userId: 'hal', event: 'x', properties: [] })).status, 422);
  // 200 properties of one name, 2,000 bytes of a text, 8,000 of the whole
  let r = await send('track', { userId: 'hal', event: 'wide', properties: Object.fromEntries(many(300, (i) => ['p' + i, 1])) });
  assert.deepEqual([r.body.accepted, r.body.properties_left_out], [1, 100]);
  r = await send('track', { userId: 'hal', event: 'long', properties: Object.fromEntries(many(10, (i) => ['p' + i, 'é'.repeat(4000)])) });
  assert.equal(r.status, 200, r.text);
  assert.ok(r.body.properties_left_out > 0);
  // clocks that are off: two years back counts as now, a client's own error is taken off
  await send('track', { userId: 'hal', event: 'off', timestamp: new Date(now - 800 * 86400000).toISOString() });
  await send('track', { userId: 'hal', event: 'off', timestamp: new Date(now + 800 * 86400000).toISOString() });
  await send('track', { userId: 'hal', event: 'off', timestamp: new Date(now + 86400000 - 5000).toISOString(), sentAt: new Date(now + 86400000).toISOString() });
  assert.deepEqual(await contacts("did('off', 1h) = 3"), ['hal']);
  await send('track', { userId: 'hal', event: 'late', timestamp: new Date(now - 100 * 86400000).toISOString() });
  assert.deepEqual(await contacts("did('late', 99d) = 0 and did('late', 101d) = 1"), ['hal']);
});

test('more than 5,000 names are not taken', { timeout: 120000 }, async () => {
  await person('ivy');
  let refused = 0;
  for (let k = 0; k < 11; k++) {
    const r = await send('batch', { batch: Array.from({ length: 500 }, (_, i) => ({ type: 'track', userId: 'ivy', event: `name ${k} ${i}` })) });
    assert.equal(r.status, 200, r.text);
    refused += r.body.refused ?? 0;
  }
  assert.ok(refused >= 500, String(refused));
  assert.equal((await send('track', { userId: 'ivy', event: 'signed_up' })).status, 200);
});

test('a request whose write runs again is counted once, and in a bucket of its own', async () => {
  const slow = await made('/event_sources', { name: 'Till', kind: 'server', creates: true, per_minute: 60 });
  const batch = (n) => Array.from({ length: n }, () => ({ type: 'track', userId: 'ada', event: 'signed_up' }));
  const one = w.servers[0]; // each has buckets of its own
  const take = (n) => w.request('POST', '/v1/batch', { writeKey: slow.key, batch: batch(n) }, {}, one);
  await w.request('PUT', '/test/twice', { on: true }, {}, one);
  try {
    assert.equal((await take(40)).status, 200); // of 60: counted twice there would be no more
    assert.equal((await take(30)).status, 200);
    assert.equal((await take(1)).status, 429);
  } finally {
    await w.request('PUT', '/test/twice', { on: false }, {}, one);
  }
});

test('one address has a limit', async () => {
  await w.api('PUT', '/settings', { name: 'event.address_per_minute', scope: 'organisation', scope_id: 0, value: 60 });
  const codes = [];
  for (let i = 0; i < 200 && !codes.includes(429); i++) codes.push((await page('track', { anonymousId: 'a1', event: 'x' })).status);
  assert.ok(codes.includes(429));
  assert.equal((await send('track', { userId: 'ivy', event: 'signed_up' })).status, 200);
});
