// Signing in: sessions with CSRF, tokens with scopes, the second factor, throttling.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { cookiesOf, eventually, PASSWORD, world } from '../kith.mjs';

let w;
before(async () => { w = await world({ conf: 'trusted_proxies = 127.0.0.1' }); });
after(() => w.close());

const login = (email, password, more = {}, headers = {}) =>
  w.request('POST', '/api/v1/login', { email, password, ...more }, headers);

async function session(email = 'admin@kith.example', password = PASSWORD, more = {}) {
  const r = await login(email, password, more);
  assert.equal(r.status, 200, r.text);
  const cookie = r.headers.get('set-cookie').split(';')[0];
  return {
    cookie,
    csrf: r.body.csrf,
    call: (method, target, body, headers = {}) => w.request(method, '/api/v1' + target, body, { cookie, ...headers }),
  };
}

test('nobody is nobody', async () => {
  const r = await w.request('GET', '/api/v1/contacts');
  assert.equal(r.status, 401);
  assert.equal(r.headers.get('www-authenticate'), 'Bearer');
  assert.equal((await w.request('GET', '/api/v1/contacts', undefined, { authorization: 'Bearer kith_wrong' })).status, 401);
  assert.equal((await w.request('GET', '/api/v1/contacts', undefined, { cookie: 'kith_session=wrong' })).status, 401);
  assert.equal((await w.request('POST', '/api/v1/contacts', { last_name: 'X' })).status, 401);
  assert.equal((await w.request('GET', '/api/v1/contacts', undefined, { 'x-kith-shell': '1' })).status, 401);
});

test('a session reads with the cookie and changes with the CSRF token', async () => {
  const r = await login('ADMIN@kith.example', PASSWORD);
  assert.match(cookiesOf(r)[0], /^kith_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
  assert.equal(r.body.user.email, 'admin@kith.example');
  const s = await session();
  assert.equal((await s.call('GET', '/me')).body.user.admin, true);
  assert.equal((await s.call('GET', '/me')).body.csrf, s.csrf);
  const without = await s.call('POST', '/contacts', { last_name: 'C' });
  assert.equal(without.status, 403);
  assert.equal(without.body.errors[0].field, 'X-CSRF-Token');
  assert.equal((await s.call('POST', '/contacts', { last_name: 'C' }, { 'x-csrf-token': s.csrf.slice(1) + 'A' })).status, 403);
  const made = await s.call('POST', '/contacts', { last_name: 'C' }, { 'x-csrf-token': s.csrf });
  assert.equal(made.status, 201);
  assert.equal(made.body.created_via, 'ui');
  const foreign = await s.call('POST', '/contacts', { last_name: 'C' }, { 'x-csrf-token': s.csrf, origin: 'https://evil.example' });
  assert.equal(foreign.status, 403);
  assert.equal((await login('admin@kith.example', PASSWORD, {}, { origin: 'https://evil.example' })).status, 403);
  const out = await s.call('POST', '/logout', undefined, { 'x-csrf-token': s.csrf });
  assert.equal(out.status, 204);
  for (let i = 0; i < 4; i++) assert.equal((await s.call('GET', '/me')).status, 401);
});

test('a wrong password and an unknown user get the same answer', async () => {
  const wrong = await login('admin@kith.example', 'not the password');
  const unknown = await login('nobody@kith.example', 'not the password');
  assert.equal(wrong.status, 401);
  assert.equal(wrong.body.detail, unknown.body.detail);
  assert.equal(unknown.status, 401);
  assert.equal((await login('admin@kith.example', '')).status, 422);
  assert.equal((await login(5, {})).status, 422);
});

test('tokens: made once, listed without the secret, scoped, revoked at once on every server', async () => {
  const made = await w.api('POST', '/tokens', { name: 'reader', scopes: 'contacts:read' });
  assert.equal(made.status, 201);
  assert.match(made.body.token, /^kith_[\w-]{43}$/);
  const list = await w.api('GET', '/tokens');
  assert.ok(list.body.items.some((t) => t.id === made.body.id));
  assert.ok(!list.text.includes(made.body.token));
  const reader = w.as(made.body.token);
  assert.equal((await reader('GET', '/contacts')).status, 200);
  assert.equal((await reader('GET', '/companies')).status, 403);
  assert.equal((await reader('POST', '/contacts', { last_name: 'S' })).status, 403);
  assert.equal((await reader('POST', '/tokens', { name: 'more' })).status, 403);
  assert.equal((await reader('GET', '/metrics')).status, 404);
  assert.equal((await w.api('DELETE', `/tokens/${made.body.id}`)).status, 204);
  for (let i = 0; i < 4; i++) assert.equal((await reader('GET', '/contacts')).status, 401);
  assert.equal((await w.api('POST', '/tokens', { name: 'x', scopes: 'unicorns:read' })).status, 422);
  assert.equal((await w.api('POST', '/tokens', { name: 'x', expires_at: '2001-01-01T00:00:00Z' })).status, 422);
  assert.equal((await w.api('POST', '/tokens', {})).status, 422);
});

test('a token that runs out', async () => {
  const at = new Date(Date.now() + 1500).toISOString();
  const made = await w.api('POST', '/tokens', { name: 'short', expires_at: at });
  assert.equal((await w.as(made.body.token)('GET', '/me')).status, 200);
  await eventually(async () => (await w.as(made.body.token)('GET', '/me')).status === 401);
});

test('others: no right, no sight', async () => {
  const plain = await w.user('plain@kith.example');
  const one = await w.api('POST', '/contacts', { last_name: 'Hidden' });
  assert.equal((await plain.api('GET', `/contacts/${one.body.id}`)).status, 404);
  assert.equal((await plain.api('POST', '/contacts', { last_name: 'P' })).status, 403);
  assert.equal((await plain.api('GET', '/tokens?all')).status, 403);
  assert.equal((await plain.api('GET', '/change_sets?all')).status, 403);
  assert.equal((await plain.api('POST', '/tokens', { name: 'x', user: 1 })).status, 403);
  assert.equal((await plain.api('POST', '/me/password', { user: 1, password: 'long enough now' })).status, 403);
  const own = await w.user('own@kith.example', [{ entity: 'contact', read: 'own', create: 'all', update: 'own' }]);
  const mine = await own.api('POST', '/contacts', { last_name: 'Mine' });
  assert.equal(mine.status, 201, mine.text);
  assert.equal((await own.api('GET', `/contacts/${one.body.id}`)).status, 404);
  const list = await own.api('GET', '/contacts?fields=id');
  assert.deepEqual(list.body.items, [{ id: mine.body.id }]);
  assert.equal((await own.api('PATCH', `/contacts/${one.body.id}`, { last_name: 'x' })).status, 404);
  assert.equal((await own.api('DELETE', `/contacts/${mine.body.id}`)).status, 403);
  const meta = await own.api('GET', '/meta');
  assert.equal(meta.body.entities.find((e) => e.name === 'contact').rights.read, 'own');
  assert.ok(!meta.body.entities.some((e) => e.name === 'company'));
});

test('one sets his password, and the administrator that of others', async () => {
  const u = await w.user('pw@kith.example');
  assert.equal((await w.api('POST', '/me/password', { user: u.id, password: 'first password' })).status, 204);
  const s = await session('pw@kith.example', 'first password');
  const h = { 'x-csrf-token': s.csrf };
  assert.equal((await s.call('POST', '/me/password', { password: 'second password', old_password: 'wrong' }, h)).status, 403);
  assert.equal((await s.call('POST', '/me/password', { password: 'short', old_password: 'first password' }, h)).status, 422);
  assert.equal((await s.call('POST', '/me/password', { password: 'second password', old_password: 'first password' }, h)).status, 204);
  assert.equal((await s.call('GET', '/me')).status, 200);
  assert.equal((await login('pw@kith.example', 'first password')).status, 401);
  await session('pw@kith.example', 'second password');
  const list = await s.call('GET', '/sessions');
  assert.equal(list.body.items.filter((i) => i.current).length, 1);
  const other = list.body.items.find((i) => !i.current);
  assert.equal((await s.call('DELETE', `/sessions/${other.id}`, undefined, h)).status, 204);
});

function code(secret, at = Date.now()) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30000)));
  const mac = createHmac('sha1', key).update(step).digest();
  const n = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(n % 1000000).padStart(6, '0');
}

test('the second factor: set up, asked for, each code once, removed', async () => {
  const u = await w.user('totp@kith.example');
  await w.api('POST', '/me/password', { user: u.id, password: 'totp password' });
  const s = await session('totp@kith.example', 'totp password');
  const h = { 'x-csrf-token': s.csrf };
  const begun = await s.call('POST', '/me/totp', undefined, h);
  assert.equal(begun.status, 201);
  assert.match(begun.body.uri, /^otpauth:\/\/totp\/Kith:/);
  assert.equal((await s.call('PUT', '/me/totp', { code: '000000' === code(begun.body.secret) ? '000001' : '000000' }, h)).status, 422);
  assert.equal((await s.call('PUT', '/me/totp', { code: code(begun.body.secret, Date.now() - 30000) }, h)).status, 204);
  const asked = await login('totp@kith.example', 'totp password');
  assert.equal(asked.status, 401);
  assert.equal(asked.body.errors[0].field, 'totp');
  const now = code(begun.body.secret);
  assert.equal((await login('totp@kith.example', 'totp password', { totp: now })).status, 200);
  assert.equal((await login('totp@kith.example', 'totp password', { totp: now })).status, 401);
  assert.equal((await s.call('DELETE', '/me/totp', { password: 'wrong wrong wrong' }, h)).status, 403);
  assert.equal((await s.call('DELETE', '/me/totp', { password: 'totp password' }, h)).status, 204);
  assert.equal((await login('totp@kith.example', 'totp password')).status, 200);
});

test('codes are guessed ten times by devices that are not known, from wherever', async () => {
  const u = await w.user('guessed@kith.example');
  await w.api('POST', '/me/password', { user: u.id, password: 'totp password' });
  const device = cookiesOf(await login('guessed@kith.example', 'totp password'))[1].split(';')[0];
  const s = await session('guessed@kith.example', 'totp password');
  const { secret } = (await s.call('POST', '/me/totp', undefined, { 'x-csrf-token': s.csrf })).body;
  assert.equal((await s.call('PUT', '/me/totp', { code: code(secret, Date.now() - 30000) }, { 'x-csrf-token': s.csrf })).status, 204);
  const near = [-1, 0, 1, 2].map((i) => code(secret, Date.now() + i * 30000));
  const wrong = ['000000', '000001', '000002', '000003', '000004'].find((c) => !near.includes(c));
  const guess = (net, totp, cookie) => login('guessed@kith.example', 'totp password', { totp }, { 'x-forwarded-for': `198.18.${net}.1`, ...(cookie && { cookie }) });
  for (let i = 0; i < 10; i++) assert.equal((await guess(i, wrong)).status, 401);
  assert.equal((await guess(20, code(secret))).status, 429);
  assert.equal((await guess(20, code(secret), device)).status, 200);
  assert.equal((await guess(21, code(secret, Date.now() + 30000))).status, 200);
});

test('a user who is deactivated is out at once', async () => {
  const u = await w.user('gone@kith.example');
  assert.equal((await u.api('GET', '/me')).status, 200);
  assert.equal((await w.api('PATCH', `/users/${u.id}`, { active: false })).status, 200);
  for (let i = 0; i < 4; i++) assert.equal((await u.api('GET', '/me')).status, 401);
});

// last: it closes this machine's address for signing in
test('ten failures close the door for a while', async () => {
  const u = await w.user('slow@kith.example');
  await w.api('POST', '/me/password', { user: u.id, password: 'right password' });
  let status;
  for (let i = 0; i < 12; i++) status = (await login('slow@kith.example', 'wrong password')).status;
  assert.equal(status, 429);
  const r = await login('slow@kith.example', 'right password');
  assert.equal(r.status, 429);
  assert.equal(r.body.code, 'rate_limited');
  assert.equal((await u.api('GET', '/me')).status, 200);
});

test('all that the model says of itself is in every catalogue', async () => {
  const catalogues = readdirSync(new URL('../../../locale/', import.meta.url)).map((f) => [f, JSON.parse(readFileSync(new URL(`../../../locale/${f}`, import.meta.url), 'utf8'))]);
  assert.ok(catalogues.length >= 1);
  const meta = (await w.api('GET', '/meta')).body;
  const missing = new Set();
  const walk = (x, key) => {
    if (x && typeof x === 'object') for (const [k, v] of Object.entries(x)) walk(v, k);
    // names of one's own stay as they are
    else if (['label', 'label_plural', 'help', 'area', 'group'].includes(key) && /[a-z]{3}/.test(x)) for (const [f, c] of catalogues) if (!(x in c)) missing.add(`${f}: ${x}`);
  };
  walk({ ...meta, entities: meta.entities.filter((e) => !e.name.startsWith('x_')).map((e) => ({ ...e, fields: e.fields.filter((f) => !f.name.startsWith('x_')) })), lists: Object.fromEntries(Object.entries(meta.lists).filter(([name]) => !name.includes('x_'))) }, '');
  assert.deepEqual([...missing], []);
});

test('one changes one\'s own name, language and time zone, and nothing else of oneself', async () => {
  const u = await w.user('self@kith.example', [{ entity: 'contact', read: 'all' }]);
  assert.equal((await u.api('PATCH', '/me', { name: 'Myself', language: 'de', zone: 'Europe/Vienna' })).status, 204);
  const me = await eventually(async () => { const m = (await u.api('GET', '/me')).body.user; return m.name === 'Myself' && m; });
  assert.deepEqual([me.language, me.zone, me.admin], ['de', 'Europe/Vienna', false]);
  assert.equal((await u.api('GET', '/meta')).body.entities.find((e) => e.name === 'contact').label, 'Kontakt');
  for (const wrong of [{ admin: true }, { email: 'x@kith.example' }, { roles: [] }, { name: 'A', active: false }]) assert.equal((await u.api('PATCH', '/me', wrong)).status, 422, JSON.stringify(wrong));
  for (const [field, value] of [['language', 'Klingon'], ['zone', 'Mars/Base'], ['name', '']]) {
    const r = await u.api('PATCH', '/me', { [field]: value });
    assert.deepEqual([r.status, r.body.errors?.[0].field], [422, field], r.text);
  }
  const narrow = w.as(await w.tokenOf('self@kith.example', '--scopes', 'read'));
  assert.equal((await narrow('PATCH', '/me', { name: 'Narrow' })).status, 403);
  assert.equal((await u.api('PATCH', '/me', { language: null })).status, 204);
  await eventually(async () => (await u.api('GET', '/me')).body.user.language === 'en');
  assert.equal((await w.api('GET', `/users/${u.id}`)).body.admin, false);
});

test('no undo takes the last administrator away', async () => {
  const fresh = await world({ single: true });
  try {
    const r = await fresh.api('POST', '/undo', { change_set: 1 }); // made by the shell: the first user
    assert.deepEqual([r.status, r.body.detail], [409, 'the last administrator cannot be taken away'], r.text);
    // nor by taking back what made somebody else one, when he who did it has stepped down since
    const other = (await fresh.api('POST', '/users', { email: 'b@kith.example', name: 'B', admin: true })).body;
    const made = (await fresh.api('GET', '/change_sets?limit=1')).body.items[0];
    assert.equal((await fresh.api('PATCH', '/users/1', { admin: false })).status, 200);
    const b = fresh.as(await fresh.tokenOf('b@kith.example'));
    assert.equal((await b('POST', '/undo', { change_set: made.id })).status, 409);
    assert.equal((await b('GET', `/users/${other.id}`)).body.admin, true);
    // nor does deleting him, one by one or many at once
    assert.equal((await b('DELETE', `/users/${other.id}`)).status, 409);
    assert.equal((await b('POST', '/batch', { operations: [{ method: 'DELETE', path: `/users/${other.id}` }] })).status, 409);
    const bulk = (await b('POST', '/users/bulk', { ids: [other.id], do: 'delete' })).body;
    if (bulk.job) await eventually(async () => ['done', 'failed'].includes((await b('GET', `/jobs/${bulk.job}`)).body.state), 20);
    assert.equal((await b('GET', '/me')).status, 200);
    // and who stepped down does not undo that
    const stepped = (await b('GET', '/change_sets?user=1&limit=1')).body.items[0];
    assert.equal((await fresh.api('POST', '/undo', { change_set: stepped.id })).status, 403);
    assert.equal((await fresh.api('GET', '/me')).body.user.admin, false);
  } finally { await fresh.close(); }
});

test('who may change users gives no roles, and neither changes nor deletes an administrator', async () => {
  const hr = await w.user('hr@kith.example', [{ entity: 'user', read: 'all', create: 'all', update: 'all', delete: 'all' }]);
  const boss = (await w.api('POST', '/users', { email: 'boss@kith.example', name: 'Boss', admin: true })).body;
  const plain = (await w.api('POST', '/users', { email: 'plain2@kith.example', name: 'Plain' })).body;
  const role = (await w.api('POST', '/roles', { name: 'Much' })).body;
  assert.equal((await hr.api('PATCH', `/users/${plain.id}`, { title: 'Clerk' })).status, 200);
  assert.equal((await hr.api('PATCH', `/users/${plain.id}`, { roles: [{ id: role.id }] })).status, 403);
  assert.equal((await hr.api('POST', '/users', { email: 'made@kith.example', name: 'Made', roles: [{ id: role.id }] })).status, 403);
  assert.equal((await hr.api('POST', '/user_roles_links', { from: hr.id, to: role.id })).status, 403);
  const own = (await w.api('GET', `/user_roles_links?where=${encodeURIComponent(`from = ${hr.id}`)}`)).body.items[0].id;
  assert.equal((await hr.api('DELETE', `/user_roles_links/${own}`)).status, 403);
  assert.equal((await hr.api('PATCH', `/users/${boss.id}`, { email: 'mine@kith.example' })).status, 403);
  assert.equal((await hr.api('DELETE', `/users/${boss.id}`)).status, 403);
  assert.equal((await hr.api('DELETE', `/users/${plain.id}`)).status, 204);
  assert.equal((await w.api('DELETE', `/users/${boss.id}`)).status, 204);
});

test('a row that links two records goes only with who may change the first', async () => {
  const weak = await w.user('weak@kith.example', [{ entity: 'contact', read: 'all', update: 'own' }]);
  const company = (await w.api('POST', '/companies', { name: 'Linked' })).body;
  const person = (await w.api('POST', '/contacts', { last_name: 'Linked', companies: [{ id: company.id }] })).body;
  const link = (await w.api('GET', `/contact_companies_links?where=${encodeURIComponent(`from = ${person.id}`)}`)).body.items[0].id;
  assert.ok([403, 404].includes((await weak.api('DELETE', `/contact_companies_links/${link}`)).status));
  const role = (await w.api('GET', `/user_roles_links?where=${encodeURIComponent(`from = ${weak.id}`)}`)).body.items[0].id;
  assert.ok([403, 404].includes((await weak.api('DELETE', `/user_roles_links/${role}`)).status));
  assert.equal((await w.api('GET', `/contacts/${person.id}?fields=companies`)).body.companies.length, 1);
  assert.equal((await w.api('DELETE', `/contact_companies_links/${link}`)).status, 204);
  assert.ok([403, 404].includes((await weak.api('POST', `/contact_companies_links/${link}/restore`)).status));
  assert.equal((await w.api('POST', `/contact_companies_links/${link}/restore`)).status, 200);
});

test('undo asks for the rights of now', async () => {
  const u = await w.user('undoer@kith.example', [{ entity: 'contact', read: 'own', create: 'own', update: 'own', delete: 'none' }]);
  const made = (await u.api('POST', '/contacts', { last_name: 'Handed', job_title: 'old' })).body;
  assert.equal((await u.api('PATCH', `/contacts/${made.id}`, { job_title: 'new' })).status, 200);
  const set = (await u.api('GET', '/change_sets?limit=1')).body.items[0].id;
  assert.equal((await w.api('PATCH', `/contacts/${made.id}`, { owner: 1 })).status, 200);
  assert.equal((await u.api('GET', `/contacts/${made.id}`)).status, 404);
  assert.equal((await u.api('POST', '/undo', { change_set: set })).status, 403);
  assert.equal((await w.api('GET', `/contacts/${made.id}`)).body.job_title, 'new');
  assert.equal((await w.api('PATCH', `/contacts/${made.id}`, { owner: u.id })).status, 200);
  assert.equal((await u.api('POST', '/undo', { change_set: set })).status, 200);
  assert.equal((await w.api('GET', `/contacts/${made.id}`)).body.job_title, 'old');
  // what one has made oneself one takes away again, without a right to delete; of oneself nothing is offered
  const mistake = (await u.api('POST', '/contacts', { last_name: 'Mistake' })).body;
  assert.equal((await u.api('DELETE', `/contacts/${mistake.id}`)).status, 403);
  assert.equal((await u.api('POST', '/undo', { change_set: (await u.api('GET', '/change_sets?limit=1')).body.items[0].id })).status, 200);
  await u.api('PATCH', '/me', { name: 'Undoer' });
  assert.equal((await u.api('GET', '/change_sets?limit=1')).body.items[0].can_undo, false);
});

test('labels and sentences come in the language of who asks', async () => {
  const de = await w.user('deutsch@kith.example', [{ entity: 'contact', read: 'all', create: 'all', update: 'all' }]);
  const english = await de.api('GET', '/meta');
  assert.equal((await w.api('PATCH', `/users/${de.id}`, { language: 'de' })).status, 200);
  const meta = await eventually(async () => {
    const r = await de.api('GET', '/meta', undefined, { 'if-none-match': english.headers.get('etag') });
    return r.status === 200 ? r : null;
  });
  const contact = meta.body.entities.find((e) => e.name === 'contact');
  assert.deepEqual([contact.label, contact.label_plural], ['Kontakt', 'Kontakte']);
  assert.equal(contact.fields.find((f) => f.name === 'first_name').label, 'Vorname');
  const gone = await de.api('GET', '/contacts/999999');
  assert.deepEqual([gone.body.title, gone.body.code, gone.body.detail], ['Nicht gefunden', 'not_found', 'es gibt keinen Datensatz contact mit der Nummer 999999']);
  assert.equal((await w.api('GET', '/contacts/999999')).body.title, 'Not found');
  // sentences that are made where nobody knows the reader, with what stands in their places
  const wrong = await de.api('GET', '/contacts?where=' + encodeURIComponent("first_nam = 'x'"));
  assert.equal(wrong.body.detail, 'In Spalte 1: Unbekanntes Feld „first_nam“ von contact; meinten Sie „first_name“?');
  const parts = await de.api('POST', '/contacts', { last_name: 'T', emails: ['no at'], phones: ['+999 1234567'] });
  assert.deepEqual(parts.body.errors.map((e) => e.message), ['in einer E-Mail-Adresse stehen weder Leerzeichen noch ( ) < > , ; : \\ " [ ]', 'kein Land hat diese Vorwahl']);
  const own = await w.api('POST', '/fields', { entity: 'contact', name: 'x_wunsch', kind: 'text', label: 'Wish' });
  assert.equal(own.status, 201);
  await eventually(async () => (await de.api('GET', '/meta')).body.entities.find((e) => e.name === 'contact').fields.find((f) => f.name === 'x_wunsch')?.label === 'Wish');
});
