// Every address of the API, for every level of rights, against a naive model of who may do what.
//
// The addresses are taken from the OpenAPI description, which is written from the table of routes. One that has
// no entry here fails the test: whoever adds an address says who may use it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, listen, world } from '../kith.mjs';

const LEVELS = ['none', 'own', 'team', 'below', 'all'];
const SECRET = 'Sekretariat'; // a value of a field that is hidden from all of them

let w, users, people, owners;

// owner -> who sees it at which level, by the words of the manual
const sees = (level, owner) => ({ none: [], own: ['me'], team: ['me', 'colleague'], below: ['me', 'colleague', 'junior'], all: ['me', 'colleague', 'junior', 'stranger'] })[level].includes(owner);

before(async () => {
  w = await world();
  const team = async (name, parent) => (await w.api('POST', '/teams', { name, ...(parent && { parent }) })).body.id;
  const north = await team('North'), young = await team('Young', north), south = await team('South');
  const put = (u, t) => w.api('PATCH', `/users/${u.id}`, { team: t });
  owners = {};
  for (const [name, t] of [['colleague', north], ['junior', young], ['stranger', south]]) {
    owners[name] = await w.user(`${name}@walk.example`);
    assert.equal((await put(owners[name], t)).status, 200);
  }
  users = {};
  for (const level of LEVELS) {
    const rights = Object.fromEntries(['read', 'create', 'update', 'delete', 'export', 'import', 'bulk'].map((r) => [r, level]));
    const u = await w.user(`${level}@walk.example`, [{ entity: 'contact', ...rights }, { entity: 'task', ...rights }]);
    assert.equal((await put(u, north)).status, 200);
    const role = (await w.api('GET', `/roles?where=${encodeURIComponent(`name = 'role of ${level}@walk.example'`)}`)).body.items[0];
    assert.equal((await w.api('POST', '/field_grants', { role: role.id, entity: 'contact', field: 'job_title', level: 'hidden' })).status, 201);
    users[level] = u;
  }
});
after(() => w.close());

// A fresh set of four people for one user, so that changes of one step are not in the way of the next.
async function set(user, tag) {
  const made = {};
  for (const owner of ['me', 'colleague', 'junior', 'stranger']) {
    const r = await w.api('POST', '/contacts', { first_name: tag, last_name: `Walk ${owner}`, job_title: SECRET, external_id: `${tag}-${owner}`,
      emails: [`${tag}-${owner}@walk.example`], owner: owner === 'me' ? user.id : owners[owner].id });
    assert.equal(r.status, 201, r.text);
    made[owner] = r.body.id;
  }
  return made;
}

const only = (tag) => `where=${encodeURIComponent(`first_name = '${tag}'`)}`;
const expected = (level, people) => Object.entries(people).filter(([owner]) => sees(level, owner)).map(([, id]) => id).sort((a, b) => a - b);
const ids = (items) => items.map((i) => i.id).sort((a, b) => a - b);

// Per record: 404 for what is not seen, else `good`. Where nothing may be seen at all the whole entity is refused.
async function each(level, people, call, good) {
  for (const [owner, id] of Object.entries(people)) {
    const r = await call(id, owner);
    const want = level === 'none' ? [403, 404] : sees(level, owner) ? [good] : [404];
    assert.ok(want.includes(r.status), `${level}, ${owner}: ${r.status} instead of ${want}: ${r.text}`);
  }
}

const hidden = async (api, method, path, body) => {
  const r = await api(method, path, body);
  assert.ok([422, 403].includes(r.status), `${path}: ${r.status} ${r.text}`);
  assert.ok(!r.text.includes(SECRET));
};

// One entry per route. Gets (level, user, tag): asserts by itself.
const MODEL = {
  'GET /healthz': async (level, u) => assert.equal((await w.request('GET', '/healthz', undefined, {})).status, 200),
  'GET /metrics': async () => { /* for this machine and administrators; server.test.mjs */ },
  'PUT /test/clock': async () => { /* of test builds only */ },
  'PUT /test/twice': async () => { /* of test builds only */ },
  'POST /login': async (level, u) => assert.equal((await w.request('POST', '/api/v1/login', { email: `${level}@walk.example`, password: 'wrong wrong wrong' })).status, 401),
  'POST /logout': async () => { /* of sessions; account.test.mjs */ },
  'GET /me': async (level, u) => assert.match((await u.api('GET', '/me')).text, new RegExp(`"${level}@walk.example"`)),
  'PATCH /me': async (level, u) => assert.deepEqual([(await u.api('PATCH', '/me', { zone: 'UTC' })).status, (await u.api('PATCH', '/me', { admin: true })).status], [204, 422]),
  'POST /me/password': async (level, u) => assert.equal((await u.api('POST', '/me/password', { old: 'x', new: 'y' })).status >= 400, true),
  'POST /me/totp': async () => { /* account.test.mjs */ },
  'PUT /me/totp': async (level, u) => assert.ok((await u.api('PUT', '/me/totp', { code: '000000' })).status >= 400),
  'DELETE /me/totp': async (level, u) => assert.ok((await u.api('DELETE', '/me/totp', { password: 'x' })).status >= 400),
  'GET /tokens': async (level, u) => {
    const r = await u.api('GET', '/tokens?all=true');
    assert.ok(r.status === 403 || r.body.items.every((t) => (t.user?.id ?? t.user ?? u.id) === u.id), r.text);
  },
  'POST /tokens': async (level, u) => {
    const r = await u.api('POST', '/tokens', { name: 'of another', user: owners.stranger.id });
    assert.ok([403, 404, 422].includes(r.status), r.text);
  },
  'DELETE /tokens/{id}': async (level, u) => {
    const theirs = (await w.api('GET', '/tokens?all=true')).body.items.find((t) => (t.user?.id ?? t.user) === owners.stranger.id);
    if (theirs) assert.equal((await u.api('DELETE', `/tokens/${theirs.id}`)).status, 404);
  },
  'GET /sessions': async (level, u) => assert.ok([200, 403].includes((await u.api('GET', '/sessions')).status)),
  'DELETE /sessions/{id}': async (level, u) => assert.equal((await u.api('DELETE', '/sessions/999999')).status, 404),
  'POST /batch': async (level, u, tag) => {
    const people = await set(u, tag);
    await each(level, people, (id) => u.api('POST', '/batch', { operations: [{ method: 'PATCH', path: `/contacts/${id}`, body: { nickname: 'x' } }] }), 200);
  },
  'POST /undo': async (level, u) => {
    await w.api('POST', '/companies', { name: 'Not yours' });
    const sets = (await w.api('GET', '/change_sets?limit=1')).body.items;
    assert.equal((await u.api('POST', '/undo', { change_set: sets[0].id })).status, 404);
  },
  'GET /change_sets': async (level, u) => {
    const r = await u.api('GET', '/change_sets');
    assert.ok(r.body.items.every((s) => (s.user?.id ?? s.user) === u.id), r.text);
    assert.ok((await u.api('GET', '/change_sets?all=true')).body.items?.every((s) => (s.user?.id ?? s.user) === u.id) ?? true);
  },
  'GET /jobs': async (level, u) => assert.ok((await u.api('GET', '/jobs')).body.items.every((j) => j.user === u.id)),
  'GET /jobs/{id}': async (level, u) => {
    const theirs = (await w.api('GET', '/jobs')).body.items.find((j) => j.user !== u.id);
    assert.equal((await u.api('GET', `/jobs/${theirs.id}`)).status, 404);
  },
  'POST /jobs/{id}/cancel': async (level, u) => {
    const theirs = (await w.api('GET', '/jobs')).body.items.find((j) => j.user !== u.id);
    assert.equal((await u.api('POST', `/jobs/${theirs.id}/cancel`, {})).status, 404);
  },
  'GET /search': async (level, u, tag) => {
    const people = await set(u, tag);
    await eventually(async () => (await w.api('GET', `/search?q=${tag}`)).body.items.length >= 4);
    assert.deepEqual(ids((await u.api('GET', `/search?q=${tag}`)).body.items ?? []), expected(level, people));
    const found = await u.api('GET', `/search?q=${SECRET}`);
    assert.deepEqual(found.body.items ?? [], [], 'a hidden value finds nobody');
  },
  'GET /meta': async (level, u) => {
    const contact = (await u.api('GET', '/meta')).body.entities.find((e) => e.name === 'contact');
    assert.ok(!contact?.fields.some((f) => f.name === 'job_title'));
  },
  'GET /openapi.json': async (level, u) => assert.ok(!JSON.stringify((await u.api('GET', '/openapi.json')).body.components.schemas.contact ?? {}).includes('job_title')),
  'GET /access': async (level, u) => assert.equal((await u.api('GET', '/access')).status, 403),
  'GET /explain': async (level, u, tag) => {
    const people = await set(u, tag);
    await each(level, people, (id) => u.api('GET', `/explain?entity=contact&id=${id}&where=${encodeURIComponent("first_name = 'x'")}`), 200);
    if (level !== 'none') await hidden(u.api, 'GET', `/explain?entity=contact&id=${people.me}&where=${encodeURIComponent("job_title = 'x'")}`);
  },
  'GET /changes': async (level, u, tag) => {
    const stream = listen(w.servers[0], u.token);
    await eventually(() => stream.status === 200);
    const people = await set(u, tag);
    const want = expected(level, people);
    await w.api('POST', '/teams', { name: `Mark ${tag}` }); // everybody may see teams: the end of what is looked at
    await eventually(() => stream.events.some((e) => e.data?.entity === 'team' || JSON.stringify(e).includes('"team"')));
    const seen = stream.events.map((e) => (typeof e.data === 'string' ? JSON.parse(e.data) : e.data ?? e)).filter((d) => d?.entity === 'contact');
    stream.request.destroy();
    assert.deepEqual([...new Set(seen.map((d) => d.id))].filter((id) => Object.values(people).includes(id)).sort((a, b) => a - b), want);
    assert.ok(!JSON.stringify(seen).includes('job_title'));
  },
  'GET /settings': async (level, u) => assert.equal((await u.api('GET', '/settings')).status, 200),
  'PUT /settings': async (level, u) => assert.equal((await u.api('PUT', '/settings', { name: 'company.name', scope: 'organisation', value: 'Mine' })).status, 403),
  'GET /package': async (level, u) => assert.equal((await u.api('GET', '/package?name=x')).status, 403),
  'POST /package': async (level, u) => assert.equal((await u.api('POST', '/package', { kith_package: 1 })).status, 403),
  'POST /backup': async (level, u) => assert.equal((await u.api('POST', '/backup', {})).status, 403),
  'GET /check': async (level, u) => assert.equal((await u.api('GET', '/check')).status, 403),
  'POST /files': async (level, u) => assert.equal((await u.api('POST', '/files?name=a.txt', Buffer.from('x'), { 'content-type': 'text/plain' })).status, 403),
  'GET /files/{id}/content': async (level, u) => {
    const f = await w.request('POST', '/api/v1/files?name=theirs.txt', Buffer.from('theirs'), { authorization: `Bearer ${w.token}`, 'content-type': 'text/plain' });
    assert.equal((await u.api('GET', `/files/${f.body.id}/content`)).status, 404);
  },
  'GET /imports/{id}/rows': async (level, u) => assert.equal((await u.api('GET', `/imports/${await foreignImport()}/rows`)).status, 404),
  'GET /imports/{id}/rejects': async (level, u) => assert.equal((await u.api('GET', `/imports/${await foreignImport()}/rejects`)).status, 404),
  'GET /{entity}': async (level, u, tag) => {
    const people = await set(u, tag);
    for (const more of ['', '&sort=last_name', '&sort=-created_at,first_name', '&count=true', '&limit=1', '&fields=id,last_name', '&q=' + tag]) {
      if (more.startsWith('&q')) await eventually(async () => (await w.api('GET', `/contacts?q=${tag}`)).body.items.length === 4);
      const r = await u.api('GET', `/contacts?${only(tag)}${more}`);
      assert.equal(r.status, 200, r.text);
      const want = expected(level, people);
      if (more === '&limit=1') assert.equal(r.body.items.length, Math.min(1, want.length));
      else assert.deepEqual(ids(r.body.items), want, more);
      if (more === '&count=true') assert.equal(r.body.count, want.length);
      assert.ok(!r.text.includes(SECRET));
    }
    if (level === 'none') return;
    for (const bad of [`where=${encodeURIComponent(`job_title = '${SECRET}'`)}`, 'sort=job_title', 'fields=job_title', 'sort=job_title&from=A']) await hidden(u.api, 'GET', `/contacts?${bad}`);
  },
  'POST /{entity}': async (level, u, tag) => assert.equal((await u.api('POST', '/contacts', { last_name: tag })).status, level === 'none' ? 403 : 201),
  'GET /{entity}/aggregate': async (level, u, tag) => {
    const people = await set(u, tag);
    const r = await u.api('GET', `/contacts/aggregate?measure=count()&${only(tag)}`);
    assert.equal(r.body.rows[0]?.['count()'] ?? 0, expected(level, people).length);
    await hidden(u.api, 'GET', '/contacts/aggregate?measure=count()&group=job_title');
    await hidden(u.api, 'GET', '/contacts/aggregate?measure=max(job_title)');
  },
  'GET /{entity}/export': async (level, u, tag) => {
    const people = await set(u, tag);
    for (const format of ['csv', 'jsonl']) {
      const r = await u.api('GET', `/contacts/export?format=${format}&${only(tag)}`);
      if (level === 'none') { assert.equal(r.status, 403); continue; }
      assert.equal(r.text.trimEnd().split('\n').length - (format === 'csv'), expected(level, people).length, r.text);
      assert.ok(!r.text.includes(SECRET) && !r.text.includes('job_title'));
    }
  },
  'POST /{entity}/query': async (level, u, tag) => {
    const people = await set(u, tag);
    const r = await u.api('POST', '/contacts/query', { where: `first_name = '${tag}'` });
    assert.deepEqual(ids(r.body.items), expected(level, people));
    await hidden(u.api, 'POST', '/contacts/query', { where: "job_title = 'x'" });
  },
  'POST /{entity}/bulk': async (level, u, tag) => {
    const people = await set(u, tag);
    await hiddenBulk(level, u);
    const r = await u.api('POST', '/contacts/bulk', { ids: Object.values(people), set: { nickname: 'bulk' } });
    if (level === 'none') return assert.equal(r.status, 403);
    const job = await eventually(async () => {
      const j = (await u.api('GET', `/jobs/${r.body.job}`)).body;
      return ['done', 'failed', 'refused'].includes(j.state) ? j : null;
    });
    assert.equal(job.result.changed, expected(level, people).length);
    for (const [owner, id] of Object.entries(people)) assert.equal((await w.api('GET', `/contacts/${id}`)).body.nickname, sees(level, owner) ? 'bulk' : null);
  },
  'GET /{entity}/merge': async (level, u, tag) => {
    const { me, ...others } = await set(u, tag);
    for (const [owner, id] of Object.entries(others)) {
      const r = await u.api('GET', `/contacts/merge?ids=${me},${id}`);
      const want = level === 'none' ? [403, 404] : sees(level, owner) ? [200] : [404];
      assert.ok(want.includes(r.status), `${level}, ${owner}: ${r.status} instead of ${want}: ${r.text}`);
      assert.ok(!r.text.includes(SECRET));
    }
  },
  'POST /{entity}/merge': async (level, u, tag) => {
    const { me, ...others } = await set(u, tag);
    for (const [owner, id] of Object.entries(others)) {
      if (sees(level, owner)) await hidden(u.api, 'POST', '/contacts/merge', { ids: [me, id], fields: { job_title: id } });
      const r = await u.api('POST', '/contacts/merge', { ids: [me, id] });
      const want = level === 'none' ? [403, 404] : sees(level, owner) ? [200] : [404];
      assert.ok(want.includes(r.status), `${level}, ${owner}: ${r.status} instead of ${want}: ${r.text}`);
      assert.ok(!r.text.includes(SECRET));
      assert.equal((await w.api('GET', `/contacts?where=id=${id}`)).body.items.length, sees(level, owner) ? 0 : 1);
    }
  },
  'POST /{entity}/duplicates': async (level, u, tag) => {
    const people = await set(u, tag);
    const typed = { first_name: tag, last_name: 'Walk stranger', emails: [`${tag}-stranger@walk.example`] };
    await eventually(async () => (await w.api('POST', '/contacts/duplicates?limit=50', typed)).body.items.some((i) => i.id === people.stranger));
    const r = await u.api('POST', '/contacts/duplicates?limit=50', { ...typed, job_title: SECRET.slice(0, 3) });
    assert.ok(level === 'none' ? [200, 403].includes(r.status) : r.status === 200, r.text);
    assert.ok(!r.text.includes(SECRET));
    assert.equal((r.body.items ?? []).some((i) => i.id === people.stranger), sees(level, 'stranger'));
  },
  'POST /{entity}/import': async (level, u, tag) => {
    const r = await u.api('POST', '/contacts/import', { columns: ['last_name', 'job_title'], rows: [[tag, SECRET]] });
    if (level === 'none') return assert.equal(r.status, 403);
    assert.equal(r.status, 200, r.text);
    assert.equal(r.body.columns[1].field, null, 'a hidden field cannot be written');
  },
  'POST /{entity}/upsert': async (level, u, tag) => {
    const people = await set(u, tag);
    for (const owner of Object.keys(people)) {
      const r = await u.api('POST', '/contacts/upsert?key=external_id', { external_id: `${tag}-${owner}`, nickname: 'up', last_name: 'Up' });
      const want = level === 'none' ? [403] : sees(level, owner) ? [200] : [201, 409];
      assert.ok(want.includes(r.status), `${level}, ${owner}: ${r.status} ${r.text}`);
      assert.equal((await w.api('GET', `/contacts/${people[owner]}`)).body.nickname, sees(level, owner) ? 'up' : null);
    }
  },
  'GET /{entity}/{id}': async (level, u, tag) => {
    await each(level, await set(u, tag), async (id) => {
      const r = await u.api('GET', `/contacts/${id}`);
      assert.ok(!r.text.includes(SECRET));
      return r;
    }, 200);
  },
  'PATCH /{entity}/{id}': async (level, u, tag) => {
    const people = await set(u, tag);
    await each(level, people, (id) => u.api('PATCH', `/contacts/${id}`, { nickname: 'changed' }), 200);
    for (const [owner, id] of Object.entries(people)) assert.equal((await w.api('GET', `/contacts/${id}`)).body.nickname, sees(level, owner) ? 'changed' : null);
    if (level !== 'none') await hidden(u.api, 'PATCH', `/contacts/${people.me}`, { job_title: 'x' });
  },
  'DELETE /{entity}/{id}': async (level, u, tag) => {
    const people = await set(u, tag);
    await each(level, people, (id) => u.api('DELETE', `/contacts/${id}`), 204);
    for (const [owner, id] of Object.entries(people)) assert.equal((await w.api('GET', `/contacts/${id}`)).status, sees(level, owner) ? 404 : 200);
  },
  'POST /{entity}/{name}': async (level, u, tag) => {
    const task = (await w.api('POST', '/tasks', { title: tag, owner: owners.stranger.id })).body.id;
    const r = await u.api('POST', '/tasks/complete', { ids: [task] });
    if (level === 'none') return assert.equal(r.status, 403);
    assert.equal(!!(await w.api('GET', `/tasks/${task}`)).body.completed_at, level === 'all', r.text);
  },
  'POST /{entity}/{id}/restore': async (level, u, tag) => {
    const people = await set(u, tag);
    for (const id of Object.values(people)) await w.api('DELETE', `/contacts/${id}`);
    await each(level, people, (id) => u.api('POST', `/contacts/${id}/restore`), 200);
  },
  'GET /{entity}/{id}/history': async (level, u, tag) => {
    const people = await set(u, tag);
    for (const id of Object.values(people)) await w.api('PATCH', `/contacts/${id}`, { job_title: 'Other', nickname: 'n' });
    await each(level, people, async (id) => {
      const r = await u.api('GET', `/contacts/${id}/history`);
      assert.ok(!r.text.includes(SECRET) && !r.text.includes('job_title'));
      return r;
    }, 200);
  },
  'GET /{entity}/{id}/timeline': async (level, u, tag) => {
    const people = await set(u, tag);
    await each(level, people, (id) => u.api('GET', `/contacts/${id}/timeline`), 200);
    await w.api('POST', '/notes', { body: SECRET, about: `contact:${people.me}` });
    assert.ok(!(await u.api('GET', `/contacts/${people.me}/timeline`)).text.includes(SECRET), 'notes are not theirs to read');
  },
  'GET /{entity}/{id}/access': async (level, u, tag) => each(level, await set(u, tag), (id) => u.api('GET', `/contacts/${id}/access?right=update`), 200),
  'POST /{entity}/{id}/{name}': async (level, u, tag) => {
    for (const owner of ['me', 'stranger']) {
      const task = (await w.api('POST', '/tasks', { title: tag, owner: owner === 'me' ? u.id : owners.stranger.id })).body.id;
      const r = await u.api('POST', `/tasks/${task}/complete`, {});
      const want = level === 'none' ? [403, 404] : sees(level, owner) ? [200] : [404];
      assert.ok(want.includes(r.status), `${level}, ${owner}: ${r.status} ${r.text}`);
    }
  },
};

async function hiddenBulk(level, u) {
  if (level !== 'none') await hidden(u.api, 'POST', '/contacts/bulk', { where: '', set: { job_title: 'x' } });
}

let foreign;
async function foreignImport() {
  if (!foreign) {
    const f = await w.request('POST', '/api/v1/files?name=a.csv', Buffer.from('Last name\nX\n'), { authorization: `Bearer ${w.token}`, 'content-type': 'text/csv' });
    foreign = (await w.api('POST', '/imports', { entity: 'contacts', file: f.body.id })).body.id;
  }
  return foreign;
}

test('every address has an entry, and each level finds there what the model says', async () => {
  const api = (await w.api('GET', '/openapi.json')).body;
  const plurals = new Set((await w.api('GET', '/meta')).body.entities.map((e) => e.plural));
  const routes = new Set();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const method of Object.keys(methods)) {
      let parts = path.replace(/^\/api\/v1/, '').split('/');
      const exact = `${method.toUpperCase()} ${parts.join('/')}`;
      if (!MODEL[exact] && plurals.has(parts[1])) parts[1] = '{entity}';
      if (parts[1] === '{entity}' && !MODEL[`${method.toUpperCase()} ${parts.join('/')}`]) parts[parts.length - 1] = '{name}';
      routes.add(MODEL[exact] ? exact : `${method.toUpperCase()} ${parts.join('/')}`);
    }
  }
  const unknown = [...routes].filter((r) => !MODEL[r]);
  assert.deepEqual(unknown, [], 'addresses that nobody has said who may use');
  const wrong = [];
  let n = 0;
  await w.api('POST', '/contacts/bulk', { where: "last_name = 'nobody'", set: { nickname: 'x' } }); // a job of somebody else
  for (const route of routes) {
    for (const level of LEVELS) {
      n++;
      await MODEL[route](level, users[level], `w${n}x`).catch((e) => wrong.push(`${route} as ${level}: ${e.message} (${/walk.test.mjs:\d+/.exec(e.stack)?.[0]})`));
    }
  }
  assert.equal(wrong.join('\n'), '');
  console.log(`# ${routes.size} addresses, ${n} walks`);
});
