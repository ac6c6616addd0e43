// Consent: the ledger and the state that follows, expressions, the preference page, one-click unsubscription, merges,
// and the list of addresses that are never written to.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, where, words, world } from '../kith.mjs';

let w, newsletter, service;
const { get } = words(() => w);
const person = async (name, fields = {}) => {
  const r = await w.api('POST', '/contacts', { last_name: name, emails: [{ address: `${name.toLowerCase()}@mail.example` }], ...fields });
  assert.equal(r.status, 201, r.text);
  return r.body.id;
};
const say = (contact, state, more = {}) => w.api('POST', '/consent_entries', { contact, purpose: newsletter, channel: 'email', state, ...more });
const state = async (contact) => (await get(`/consents?where=${where(`contact = ${contact} and channel = 'email' and purpose = ${newsletter}`)}`)).items.map((s) => s.state);
const given = async (code, channel = 'email') => (await get(`/contacts?where=${where(`has_consent('${code}', '${channel}')`)}&sort=id&fields=id&limit=200`)).items.map((p) => p.id);
const page = (path, method = 'GET', form, headers = {}) => w.request(method, path, form, { ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }), ...headers });
const link = async (contact) => new URL((await w.api('POST', `/contacts/${contact}/preference_link`, {})).body.url, 'http://x').pathname;

before(async () => {
  w = await world();
  const purposes = (await get('/consent_purposes?sort=position')).items;
  assert.deepEqual(purposes.map((p) => p.code), ['newsletter', 'service', 'profiling', 'tracking']);
  [newsletter, service] = purposes.map((p) => p.id);
});
after(() => w.close());

test('the newest entry is the state; the ledger keeps all and is changed by nobody', async () => {
  const p = await person('Ledger');
  assert.deepEqual(await state(p), []);
  const nobody = await say(999999, 'granted');
  assert.deepEqual([nobody.status, nobody.body.errors?.[0]?.field], [422, 'contact'], nobody.text);
  assert.equal((await say(p, 'granted', { source: 'paper form', basis: 'consent', proof: 'form-17.pdf' })).status, 201);
  assert.deepEqual(await state(p), ['granted']);
  await say(p, 'withdrawn');
  assert.deepEqual(await state(p), ['withdrawn']);
  const old = await say(p, 'granted', { at: '2020-01-01T00:00:00Z', source: 'found later' });
  assert.equal(old.status, 201);
  assert.deepEqual(await state(p), ['withdrawn'], 'what is older than the state changes nothing');
  assert.equal((await w.api('PATCH', `/consent_entries/${old.body.id}`, { state: 'denied' })).status >= 400, true);
  assert.equal((await say(p, 'granted', { at: '2999-01-01T00:00:00Z' })).status, 422);
  assert.equal((await get(`/consent_entries?where=${where(`contact = ${p}`)}`)).items.length, 3);
  const s = (await get(`/consents?where=${where(`contact = ${p}`)}`)).items[0];
  const r = await w.api('POST', '/consents', { contact: p, purpose: service, channel: 'sms', state: 'granted' });
  assert.equal(r.status, 403, 'the state follows from the ledger');
  assert.equal((await w.api('PATCH', `/consents/${s.id}`, { tags: ['x'] })).status, 403);
  assert.ok(s.since > '2026');
});

test('expressions know who may be written to; a segment follows what people say', async () => {
  const a = await person('Yes'), b = await person('Never');
  await say(a, 'granted');
  await w.api('POST', '/consent_entries', { contact: b, purpose: service, channel: 'email', state: 'denied' });
  assert.deepEqual(await given('newsletter'), [a]);
  assert.ok((await given('service')).includes(a), 'it takes no refusal');
  assert.ok(!(await given('service')).includes(b));
  assert.ok((await given('service', 'sms')).includes(b), 'of another channel nothing was said');
  const wrong = await w.api('GET', `/contacts?where=${where("has_consent('newsletter', 'telegram')")}`);
  assert.equal(wrong.status, 422, wrong.text);
  const s = await w.api('POST', '/segments', { name: 'Readers', where: "has_consent('newsletter', 'email')" });
  const members = async () => (await get(`/contacts?where=${where("in_segment('readers')")}&sort=id&fields=id`)).items.map((p) => p.id);
  await eventually(async () => (await get(`/segments/${s.body.id}`)).state === 'live', 10);
  assert.deepEqual(await members(), [a]);
  await say(b, 'granted');
  await eventually(async () => JSON.stringify(await members()) === JSON.stringify([a, b]), 5);
  await say(a, 'withdrawn');
  await eventually(async () => JSON.stringify(await members()) === JSON.stringify([b]), 5);
});

test('the preference page shows what was said, and only its button changes it', async () => {
  const p = await person('Page', { language: 'de' });
  await say(p, 'granted');
  const path = await link(p);
  assert.match(path, /^\/p\/preferences\/[\w-]{20,80}$/);
  const shown = await page(path);
  assert.equal(shown.status, 200, shown.text);
  assert.match(shown.text, /<html lang="de">/);
  assert.match(shown.text, /Neues und Angebote/);
  assert.match(shown.text, /value="newsletter" checked/);
  assert.match(shown.text, /pa…@mail\.example/, 'the address is veiled');
  assert.match(shown.headers.get('content-security-policy'), /default-src 'none'/);
  assert.equal(shown.headers.get('referrer-policy'), 'no-referrer');
  assert.equal((await page(path, 'HEAD')).status, 200);
  assert.deepEqual(await state(p), ['granted'], 'looking changes nothing');
  const saved = await page(path, 'POST', 'p=profiling&do=save');
  assert.equal(saved.status, 200, saved.text);
  assert.match(saved.text, /Ihre Wahl ist gespeichert/);
  assert.deepEqual(await state(p), ['withdrawn']);
  assert.ok((await given('profiling')).includes(p));
  const entry = (await get(`/consent_entries?where=${where(`contact = ${p} and state = 'withdrawn' and purpose = ${newsletter}`)}`)).items[0];
  assert.equal(entry.source, 'preference page');
  assert.match(entry.proof, /127\.0\.0\.1/);
  assert.match((await page(path, 'POST', 'do=none')).text, /nicht mehr schreiben/);
  assert.ok(!(await given('profiling')).includes(p));
  assert.ok(!(await given('service')).includes(p));
  assert.match((await page('/p/style.css')).headers.get('content-type'), /css/);
});

test('nothing at all is one fact: it holds for purposes that come later, and choosing again brings back no more than is chosen', async () => {
  const p = await person('Silent');
  await say(p, 'granted');
  const path = await link(p), entries = async () => (await get(`/consent_entries?where=${where(`contact = ${p}`)}`)).items.length;
  const s = await w.api('POST', '/segments', { name: 'Hearers', where: "has_consent('newsletter', 'email')" });
  const hears = async () => (await get(`/contacts?where=${where(`in_segment('hearers') and id = ${p}`)}`)).items.length === 1;
  await eventually(async () => (await get(`/segments/${s.body.id}`)).state === 'live' && await hears(), 10);
  assert.match((await page(path, 'POST', 'p=newsletter&do=none')).text, /will not write/);
  assert.equal((await get(`/contacts/${p}`)).do_not_email, true);
  assert.equal(await entries(), 1);
  await eventually(async () => !await hears(), 10);
  const later = await w.api('POST', '/consent_purposes', { code: 'surveys', name: 'Surveys', rule: 'opt_out', on_page: true, position: 9 });
  assert.equal(later.status, 201, later.text);
  assert.ok(!(await given('surveys')).includes(p));
  assert.ok((await given('surveys', 'sms')).includes(p), 'of other channels nothing was said');
  assert.doesNotMatch((await page(path)).text, / checked/);
  assert.match((await page(path, 'POST', 'do=save')).text, /will not write/, 'nothing was chosen');
  assert.equal((await get(`/contacts/${p}`)).do_not_email, true);
  assert.match((await page(path, 'POST', 'p=surveys&do=save')).text, /saved/);
  assert.equal((await get(`/contacts/${p}`)).do_not_email, false);
  assert.deepEqual([(await given('surveys')).includes(p), (await given('newsletter')).includes(p), (await given('service')).includes(p)], [true, false, false]);
  assert.deepEqual(await state(p), ['withdrawn'], 'what was granted once is not granted anew');
  await w.api('DELETE', `/consent_purposes/${later.body.id}`);
});

test('what is said twice at the same moment is one state, and the ledger has all of it', async () => {
  for (let round = 0; round < 5; round++) {
    const p = await person(`Both${round}`);
    const said = await Promise.all(Array.from({ length: 8 }, (_, i) => say(p, i % 2 ? 'granted' : 'denied')));
    assert.deepEqual(said.map((r) => r.status), Array(8).fill(201));
    assert.equal((await state(p)).length, 1);
    assert.equal((await get(`/consent_entries?where=${where(`contact = ${p}`)}`)).items.length, 8);
  }
});

test('the code of a purpose can be said in an expression', async () => {
  for (const [code, status] of [["it's", 422], ['two words', 422], ['Big', 422], ['x.', 422], ['größe', 422], ['good_one-2', 201]]) {
    const r = await w.api('POST', '/consent_purposes', { code, name: 'Named', rule: 'opt_in' });
    assert.equal(r.status, status, `${code}: ${r.text}`);
    if (status === 422) assert.equal(r.body.errors[0].field, 'code');
    else assert.equal((await w.api('GET', `/contacts?where=${where(`has_consent('${code}', 'email')`)}`)).status, 200);
  }
});

test('the ledger goes into the bin with its person, and comes back with him', async () => {
  const p = await person('Binned');
  await say(p, 'granted');
  assert.equal((await w.api('DELETE', `/contacts/${p}`)).status, 204);
  assert.deepEqual(await state(p), []);
  assert.equal((await w.api('POST', `/contacts/${p}/restore`, {})).status, 200);
  assert.deepEqual(await state(p), ['granted']);
  assert.equal((await get(`/consent_entries?where=${where(`contact = ${p}`)}`)).items.length, 1);
  const entry = (await get(`/consent_entries?where=${where(`contact = ${p}`)}`)).items[0];
  assert.equal((await w.api('DELETE', `/consent_entries/${entry.id}`)).status, 409);
});

test('links that were not made here lead nowhere', async () => {
  const p = await person('Forged'), path = await link(p), token = path.split('/').pop();
  for (const bad of [token.slice(0, -1), token + 'A', (token[0] === 'A' ? 'B' : 'A') + token.slice(1), token.slice(0, 10), 'x', 'A'.repeat(500), '%00']) {
    const r = await page(`/p/preferences/${bad}`);
    assert.ok([400, 404].includes(r.status), `${bad}: ${r.status}`);
    assert.ok(!r.text.includes('Forged') && !/stack|sqlite/i.test(r.text));
    assert.ok([400, 404].includes((await page(`/p/preferences/${bad}`, 'POST', 'do=none')).status));
  }
  assert.equal((await page(`/p/unsubscribe/${token}`)).status, 404, 'a link of another kind');
  assert.equal((await page('/p/nothing/x')).status, 404);
  assert.equal((await page(path, 'POST', 'a='.repeat(40000))).status, 413);
  assert.equal((await page(path, 'POST', 'do=none', { origin: 'https://evil.example' })).status, 403, 'no other site sends this form');
});

test('an address on the list is known by its hash alone', async () => {
  const r = await w.api('POST', '/suppressions/add', { address: 'Gone@Mail.example', reason: 'hard_bounce', detail: '550 no such user' });
  assert.equal(r.status, 200, r.text);
  assert.equal((await w.api('POST', '/suppressions/add', { address: 'gone@mail.example' })).body.id, r.body.id, 'once');
  assert.equal((await w.api('POST', '/suppressions/check', { address: 'GONE@mail.example' })).body.suppressed, true);
  assert.equal((await w.api('POST', '/suppressions/check', { address: 'here@mail.example' })).body.suppressed, false);
  const kept = await get(`/suppressions/${r.body.id}`);
  assert.match(kept.address_hash, /^[0-9a-f]{64}$/);
  assert.ok(!JSON.stringify(kept).includes('mail.example'));
  assert.equal((await w.api('POST', '/suppressions', { address_hash: 'x' })).status, 403);
  assert.equal((await w.api('POST', '/suppressions/add', { address: 'no address' })).status, 422);
  assert.equal((await w.api('DELETE', `/suppressions/${r.body.id}`)).status, 403);
  assert.equal((await w.api('POST', `/suppressions/${r.body.id}/remove`, {})).status, 200);
  assert.equal((await w.api('POST', '/suppressions/check', { address: 'gone@mail.example' })).body.suppressed, false);
});

test('of two people who become one the stricter word counts, and undo gives each his own back', async () => {
  for (const [mine, other, want] of [['granted', 'withdrawn', 'withdrawn'], ['withdrawn', 'granted', 'withdrawn'], ['granted', 'granted', 'granted']]) {
    const a = await person('Twin'), b = await person('Twin');
    await say(a, mine);
    await say(b, other);
    const merged = await w.api('POST', '/contacts/merge', { ids: [a, b] });
    assert.equal(merged.status, 200, merged.text);
    assert.deepEqual(await state(a), [want], `${mine} and ${other}`);
    assert.equal((await get(`/consent_entries?where=${where(`contact = ${a}`)}`)).items.length, 2);
    const set = (await get('/change_sets?all&limit=10')).items.find((s) => s.kind === 'merge');
    assert.equal((await w.api('POST', '/undo', { change_set: set.id })).status, 200);
    assert.deepEqual([await state(a), await state(b)], [[mine], [other]]);
  }
});

test('what people said is taken back by undo, with its state', async () => {
  const p = await person('Undone');
  await say(p, 'granted');
  await say(p, 'denied');
  const set = (await get('/change_sets?all&limit=1')).items[0];
  const r = await w.api('POST', '/undo', { change_set: set.id });
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(await state(p), ['granted']);
  // its state is kept by the program: who may write down what people say takes that back without more rights
  const clerk = await w.user('clerk@kith.example', [{ entity: 'contact', read: 'all' }, { entity: 'consent_entry', read: 'all', create: 'all' }, { entity: 'consent_purpose', read: 'all' }]);
  const entry = (await get(`/consent_entries?where=${encodeURIComponent(`contact = ${p}`)}&limit=1`)).items[0];
  const made = await clerk.api('POST', '/consent_entries', { contact: p, purpose: entry.purpose.id, channel: entry.channel, state: 'denied' });
  assert.equal(made.status, 201, made.text);
  assert.deepEqual(await state(p), ['denied']);
  const back = await clerk.api('POST', '/undo', { change_set: (await clerk.api('GET', '/change_sets?limit=1')).body.items[0].id });
  assert.equal(back.status, 200, back.text);
  assert.deepEqual(await state(p), ['granted']);
});
