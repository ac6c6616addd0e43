// Records over the API: made, read, changed, listed, removed, for any entity.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, world } from '../kith.mjs';

let w;
before(async () => { w = await world(); });
after(() => w.close());

test('a record is made, read, changed, removed and restored', async () => {
  const made = await w.api('POST', '/contacts', { first_name: 'Ada', last_name: 'Lovelace', emails: [{ address: 'Ada@X.example' }] });
  assert.equal(made.status, 201);
  assert.equal(made.headers.get('location'), `/api/v1/contacts/${made.body.id}`);
  assert.equal(made.headers.get('etag'), '"1"');
  assert.equal(made.body.version, 1);
  assert.equal(made.body.emails[0].address, 'Ada@X.example');

  const got = await w.api('GET', `/contacts/${made.body.id}`);
  assert.equal(got.status, 200);
  assert.equal(got.headers.get('etag'), '"1"');
  assert.deepEqual(got.body, made.body);

  const changed = await w.api('PATCH', `/contacts/${made.body.id}`, { first_name: 'Augusta' }, { 'if-match': '"1"' });
  assert.equal(changed.status, 200);
  assert.equal(changed.body.version, 2);
  assert.equal(changed.body.last_name, 'Lovelace');

  const gone = await w.api('DELETE', `/contacts/${made.body.id}`);
  assert.equal(gone.status, 204);
  assert.equal(gone.text, '');
  assert.equal((await w.api('GET', `/contacts/${made.body.id}`)).status, 404);
  const bin = await w.api('GET', '/contacts?bin=true&fields=id');
  assert.ok(bin.body.items.some((c) => c.id === made.body.id));

  const back = await w.api('POST', `/contacts/${made.body.id}/restore`);
  assert.equal(back.status, 200);
  assert.equal(back.body.first_name, 'Augusta');

  const history = await w.api('GET', `/contacts/${made.body.id}/history`);
  assert.equal(history.status, 200);
  assert.ok(history.body.items.length >= 3);
  assert.equal((await w.api('GET', `/contacts/${made.body.id}/timeline`)).status, 200);
  const why = await w.api('GET', `/contacts/${made.body.id}/access?right=update`);
  assert.equal(why.body.allowed, true);
});

test('null clears, a list replaces', async () => {
  const made = await w.api('POST', '/contacts', { last_name: 'N', nickname: 'x', tags: ['a', 'b'] });
  const changed = await w.api('PATCH', `/contacts/${made.body.id}`, { nickname: null, tags: ['c'] });
  assert.equal(changed.body.nickname, null);
  assert.deepEqual(changed.body.tags.map((t) => t.code ?? t), ['c']);
});

test('a stale version is refused', async () => {
  const made = await w.api('POST', '/companies', { name: 'Stale Ltd' });
  assert.equal((await w.api('PATCH', `/companies/${made.body.id}`, { name: 'One' }, { 'if-match': '"1"' })).status, 200);
  const late = await w.api('PATCH', `/companies/${made.body.id}`, { name: 'Two' }, { 'if-match': '"1"' });
  assert.equal(late.status, 412);
  assert.equal(late.body.code, 'stale');
  assert.equal((await w.api('DELETE', `/companies/${made.body.id}`, undefined, { 'if-match': '"1"' })).status, 412);
  assert.equal((await w.api('PATCH', `/companies/${made.body.id}`, { name: 'x' }, { 'if-match': 'abc' })).status, 422);
  assert.equal((await w.api('PATCH', `/companies/${made.body.id}`, { name: 'x' }, { 'if-match': '*' })).status, 200);
});

test('lists page by cursor to their end', async () => {
  for (let i = 0; i < 25; i++) await w.api('POST', '/companies', { name: `Page ${String(i).padStart(2, '0')}`, external_id: `page-${i}` });
  const seen = [];
  let next = '';
  do {
    const page = await w.api('GET', `/companies?where=${encodeURIComponent("name like 'Page %'")}&sort=name&fields=id,name&limit=10&after=${encodeURIComponent(next)}`);
    assert.equal(page.status, 200, page.text);
    assert.deepEqual(Object.keys(page.body), ['items', 'next']);
    seen.push(...page.body.items.map((c) => c.name));
    next = page.body.next;
  } while (next);
  assert.equal(seen.length, 25);
  assert.deepEqual(seen, [...seen].sort());
  const jump = await w.api('GET', '/companies?sort=name&from=Page%2020&limit=1&fields=name');
  assert.equal(jump.body.items[0].name, 'Page 20');
});

test('a request that outgrows the address goes as a body', async () => {
  const page = await w.api('POST', '/companies/query', { where: "name = 'Page 03'", fields: 'name', limit: 5 });
  assert.equal(page.status, 200, page.text);
  assert.deepEqual(page.body.items, [{ name: 'Page 03' }]);
  const bad = await w.api('POST', '/companies/query', { were: 'x' });
  assert.equal(bad.status, 422);
  assert.equal(bad.body.errors[0].field, 'were');
  assert.equal((await w.api('POST', '/companies/query', { limit: 'many' })).status, 422);
});

test('references go out with a name, come in by id or external id, and are filled in place', async () => {
  const company = await w.api('POST', '/companies', { name: 'Acme', external_id: 'acme' });
  const one = await w.api('POST', '/contacts', { last_name: 'Ref', company: company.body.id });
  assert.deepEqual(one.body.company, { id: company.body.id, name: 'Acme' });
  const two = await w.api('POST', '/contacts', { last_name: 'Ref', company: { external_id: 'acme' } });
  assert.equal(two.body.company.id, company.body.id);
  const filled = await w.api('GET', `/contacts/${one.body.id}?expand=company&fields=id,company`);
  assert.equal(filled.body.company.external_id, 'acme');
});

test('counts and sums', async () => {
  const rows = await w.api('GET', `/companies/aggregate?measure=count()&where=${encodeURIComponent("name like 'Page %'")}`);
  assert.deepEqual(rows.body, { rows: [{ 'count()': 25 }] });
});

test('a known e-mail is told, or refused when so asked', async () => {
  const first = await w.api('POST', '/contacts', { last_name: 'Dup', emails: [{ address: 'dup@x.example' }] });
  assert.equal(first.body.duplicates, undefined);
  const second = await w.api('POST', '/contacts', { last_name: 'Dup', emails: [{ address: 'DUP@x.example' }] });
  assert.equal(second.status, 201);
  assert.deepEqual(second.body.duplicates, [first.body.id]);
  const third = await w.api('POST', '/contacts?duplicates=refuse', { last_name: 'Dup', emails: [{ address: 'dup@x.example' }] });
  assert.equal(third.status, 409);
  assert.equal(third.body.errors[0].field, 'emails');
});

test('upsert by external id and by e-mail', async () => {
  const made = await w.api('POST', '/companies/upsert?key=external_id', { name: "O'Hara", external_id: "o'hara" });
  assert.equal(made.status, 201);
  const again = await w.api('POST', '/companies/upsert?key=external_id', { name: 'Hara', external_id: "o'hara" });
  assert.equal(again.status, 200);
  assert.equal(again.body.id, made.body.id);
  assert.equal(again.body.name, 'Hara');
  const person = await w.api('POST', '/contacts/upsert?key=email', { last_name: 'U', emails: [{ address: 'up@x.example' }] });
  const same = await w.api('POST', '/contacts/upsert?key=email', { last_name: 'V', emails: [{ address: 'up@x.example' }] });
  assert.equal(same.body.id, person.body.id);
  const two = await w.api('POST', '/contacts/upsert?key=email', { last_name: 'W', emails: [{ address: 'dup@x.example' }] });
  assert.equal(two.status, 409);
  assert.equal((await w.api('POST', '/contacts/upsert?key=colour', {})).status, 422);
});

test('a change set tells what it did to which records, and to whom', async () => {
  const ids = [];
  for (const name of ['Tell 1', 'Tell 2', 'Tell 3', 'Tell 4']) ids.push((await w.api('POST', '/companies', { name })).body.id);
  await w.api('PATCH', `/companies/${ids[0]}`, { name: 'Told', website: 'told.example' });
  const newest = async (query = '') => (await w.api('GET', `/change_sets?limit=1${query}`)).body.items[0];
  let set = await newest();
  assert.deepEqual([set.changes, set.can_undo, set.user_name], [1, true, 'admin']);
  assert.deepEqual(set.records, [{ entity: 'company', id: ids[0], name: 'Told', kind: 'changed', fields: ['name', 'domain', 'website'] }]);
  await w.api('POST', '/batch', { operations: ids.map((id) => ({ method: 'DELETE', path: `/companies/${id}` })) });
  set = await newest();
  assert.deepEqual([set.changes, set.records.length, set.records[1].kind, set.records[1].name], [4, 3, 'deleted', 'Tell 2']);
  assert.equal((await w.api('POST', '/undo', { change_set: set.id })).status, 200);
  assert.equal((await newest()).undo_of, set.id);
  assert.equal((await w.api('GET', '/change_sets?limit=2')).body.items[1].can_undo, false);
  // another's are for administrators, and name only what one may read
  const other = await w.user('tell@kith.example', [{ entity: 'task', read: 'own', create: 'own' }]);
  assert.equal((await other.api('GET', `/change_sets?user=${set.user}`)).status, 403);
  const task = await other.api('POST', '/tasks', { title: 'Mine' });
  assert.equal(task.status, 201, task.text);
  set = await newest(`&user=${task.body.created_by.id}`);
  assert.deepEqual([set.user_name, set.records[0].name], ['tell', 'Mine']);
  assert.equal((await w.api('GET', '/change_sets?user=999999')).body.items.length, 0);
  assert.equal((await other.api('GET', '/change_sets?people')).status, 403);
  assert.ok((await w.api('GET', '/change_sets?people&limit=200')).body.items.every((s) => s.user || s.via === 'shell'));
});

test('undo takes a change set back', async () => {
  const made = await w.api('POST', '/companies', { name: 'Before' });
  await w.api('PATCH', `/companies/${made.body.id}`, { name: 'After' });
  const sets = await w.api('GET', '/change_sets?limit=1');
  const undone = await w.api('POST', '/undo', { change_set: sets.body.items[0].id });
  assert.equal(undone.status, 200, undone.text);
  assert.equal((await w.api('GET', `/companies/${made.body.id}`)).body.name, 'Before');
  assert.equal((await w.api('POST', '/undo', { change_set: 'x' })).status, 422);
});

test('exports run to the end of any list', async () => {
  const operations = [];
  for (let i = 0; i < 100; i++) operations.push({ method: 'POST', path: '/companies', body: { name: `Export, "${i}"` } });
  for (let k = 0; k < 5; k++) assert.equal((await w.api('POST', '/batch', { operations })).status, 200);
  const where = encodeURIComponent("name like 'Export%'");
  const csv = await w.api('GET', `/companies/export?format=csv&fields=id,name&where=${where}`);
  assert.equal(csv.status, 200);
  const lines = csv.text.trim().split('\r\n');
  assert.equal(lines.length, 501);
  assert.equal(lines[0], 'id,name');
  assert.match(lines[1], /^\d+,"Export, ""\d+"""$/);
  const jsonl = await w.api('GET', `/companies/export?format=jsonl&fields=id,name&where=${where}`);
  const rows = jsonl.text.trim().split('\n').map((l) => JSON.parse(l));
  assert.equal(new Set(rows.map((r) => r.id)).size, 500);
  assert.equal((await w.api('GET', '/companies/export?format=xml')).status, 422);
  assert.equal((await w.api('GET', '/companies/export?where=nope%3D1')).status, 422);
});

test('meta, OpenAPI and explain', async () => {
  const meta = await w.api('GET', '/meta');
  const contact = meta.body.entities.find((e) => e.name === 'contact');
  assert.equal(contact.plural, 'contacts');
  assert.equal(contact.rights.read, 'all');
  assert.ok(contact.fields.find((f) => f.name === 'emails').kind === 'emails');
  const again = await w.api('GET', '/meta', undefined, { 'if-none-match': meta.headers.get('etag') });
  assert.equal(again.status, 304);
  const openapi = await w.api('GET', '/openapi.json');
  assert.equal(openapi.body.openapi, '3.1.0');
  assert.ok(openapi.body.paths['/api/v1/contacts/{id}'].patch);
  assert.ok(openapi.body.components.schemas.contact.properties.last_name);
  const one = await w.api('POST', '/contacts', { last_name: 'Explained' });
  const why = await w.api('GET', `/explain?entity=contact&id=${one.body.id}&where=${encodeURIComponent("last_name = 'Explained'")}`);
  assert.equal(why.body.holds, true);
});

test("a user's own field is there at once, on every server", async () => {
  const made = await w.api('POST', '/fields', { entity: 'contact', name: 'x_size', kind: 'integer', label: 'Size' });
  assert.equal(made.status, 201, made.text);
  for (let i = 0; i < 4; i++) {
    const c = await w.api('POST', '/contacts', { last_name: 'Sized', x_size: 40 + i });
    assert.equal(c.status, 201, c.text);
    const found = await w.api('GET', `/contacts?where=x_size=${40 + i}&fields=id,x_size`);
    assert.deepEqual(found.body.items, [{ id: c.body.id, x_size: 40 + i }]);
  }
  const openapi = await w.api('GET', '/openapi.json');
  assert.ok(openapi.body.components.schemas.contact.properties.x_size);
});

test('search finds a record just made', async () => {
  const made = await w.api('POST', '/contacts', { first_name: 'Zarathustra', last_name: 'Quux' });
  const found = await w.api('GET', '/search?q=zarathus');
  assert.equal(found.status, 200, found.text);
  assert.ok(found.body.items.some((i) => i.entity === 'contact' && i.id === made.body.id));
  assert.equal((await w.api('GET', '/search?q=')).status, 422);
});

test('files go up and come down, whole and in part', async () => {
  const bytes = Buffer.alloc(3_000_000, 'kith ');
  const up = await w.api('POST', '/files?name=big%20one.txt', bytes, { 'content-type': 'text/plain' });
  assert.equal(up.status, 201, up.text);
  assert.equal(up.body.size, bytes.length);
  const down = await w.api('GET', `/files/${up.body.id}/content`);
  assert.ok(down.text === bytes.toString());
  assert.match(down.headers.get('content-disposition'), /^attachment; filename\*=UTF-8''big%20one.txt$/);
  const part = await w.api('GET', `/files/${up.body.id}/content`, undefined, { range: 'bytes=5-8' });
  assert.equal(part.status, 206);
  assert.equal(part.text, 'kith');
  assert.equal(part.headers.get('content-range'), `bytes 5-8/${bytes.length}`);
  const past = await w.api('GET', `/files/${up.body.id}/content`, undefined, { range: 'bytes=99999999-' });
  assert.equal(past.status, 416);
});

test('a row that fails behind its first write takes nothing along', async () => {
  const rows = [
    ['Stays', 'import-1', 'import-kept'],
    ['Clashes', 'import-1', 'import-never'], // the new tag is written before the key is found taken
    ['', '', ''],                            // refused before anything is written
    ['Stays too', 'import-2', ''],
  ];
  const chunk = { columns: ['last_name', 'external_id', 'tags'], rows, first_row: 1 };
  const done = await w.api('POST', '/contacts/import', chunk);
  assert.equal(done.status, 200, done.text);
  assert.equal(done.body.created, 2);
  assert.deepEqual(done.body.rejected.map((r) => r.row), [2, 3]);
  assert.equal(done.body.rejected[0].errors[0].field, 'external_id');
  const kept = await w.api('GET', "/contacts?where=last_name in ('Stays','Stays too')&fields=id");
  assert.equal(kept.body.items.length, 2);
  const tags = await w.api('GET', "/choices?where=code in ('import-kept','import-never')&fields=code");
  assert.deepEqual(tags.body.items, [{ code: 'import-kept' }]);
});

test('who sees little gets the order and the pages that everybody gets', async () => {
  const few = await w.user('few@kith.example',
    [{ entity: 'contact', read: 'own', create: 'own', update: 'own' }]);
  const names = ['Mira', null, 'Anton', null, 'Zoe', 'Berta'];
  for (const [i, last_name] of names.entries()) {
    const made = await few.api('POST', '/contacts', { last_name, external_id: `few-${i}`, score: i });
    assert.equal(made.status, 201, made.text);
    if (i < 2) { // his own, and shared with him besides
      const share = await w.api('POST', '/shares',
        { record: { entity: 'contact', id: made.body.id }, user: few.id, level: 'read' });
      assert.equal(share.status, 201, share.text);
    }
  }
  const list = async (api, query, limit) => {
    const got = [];
    for (let after = ''; after !== null;) {
      const page = await api('GET', `/contacts?where=external_id starts with 'few-' and score >= 0${query}`
        + `&fields=external_id&limit=${limit}${after && `&after=${encodeURIComponent(after)}`}`);
      assert.equal(page.status, 200, page.text);
      got.push(...page.body.items.map((c) => c.external_id));
      after = page.body.next;
    }
    return got;
  };
  for (const sort of ['', '&sort=last_name', '&sort=-last_name', '&sort=-last_name,score']) {
    const all = await list(w.api.bind(w), sort, 100);
    assert.equal(all.length, names.length);
    for (const limit of [1, 2, 4, 6, 100]) {
      assert.deepEqual(await list(few.api, sort, limit), all, `${sort} by ${limit}`);
    }
  }
  assert.equal((await list(few.api, '&sort=last_name', 100))[0], 'few-2');
});

test('a view shows its filter with the names of now; groups are cut at their limit', async () => {
  const view = await w.api('POST', '/views', { name: 'Here', entity: 'contact', where: "city = 'Berlin @1' and first_name is not empty" });
  assert.equal(view.status, 201, view.text);
  assert.match(view.body.where, /city/);
  assert.match(view.body.where, /first_name/);
  assert.match(view.body.where, /'Berlin @1'/);
  for (const city of ['Aa', 'Bb', 'Cc']) await w.api('POST', '/contacts', { last_name: `Grouped ${city}`, addresses: [{ city }] });
  await eventually(async () => (await w.api('GET', '/contacts?q=Grouped')).body.items.length === 3);
  const cut = await w.api('GET', '/contacts/aggregate?measure=count()&group=city&limit=2&sort=city&q=Grouped');
  assert.deepEqual(cut.body.rows.map((r) => r.city), ['Aa', 'Bb']);
  assert.equal(cut.body.more, true);
  const all = await w.api('GET', '/contacts/aggregate?measure=count()&group=city&q=Grouped');
  assert.equal(all.body.rows.length, 3);
  assert.equal(all.body.more, undefined);
});

test('a large file goes up in pieces, is one with the same content, and needs the right', async () => {
  const bytes = Buffer.alloc(5 << 20);
  for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE((i * 2654435761) >>> 0, i);
  const headers = { authorization: `Bearer ${w.token}`, 'content-type': 'application/octet-stream' };
  const up = (h = headers, name = 'large.bin') => w.request('POST', `/api/v1/files?name=${name}`, bytes, h);
  const made = await up();
  assert.equal(made.status, 201, made.text);
  assert.equal(made.body.size, bytes.length);
  const again = await up();
  assert.equal(again.body.hash, made.body.hash);
  const back = await fetch(`${w.server.url}/api/v1/files/${made.body.id}/content`, { headers: { authorization: headers.authorization } }).then((r) => r.arrayBuffer());
  assert.ok(Buffer.from(back).equals(bytes));
  assert.equal((await up({ 'content-type': 'application/octet-stream' })).status, 401);
  const none = await w.user('nofiles@kith.example', [{ entity: 'contact', read: 'all' }]);
  assert.equal((await up({ ...headers, authorization: `Bearer ${none.token}` })).status, 403);
  assert.equal((await up(headers, '')).status, 422);
  assert.equal((await w.request('POST', '/api/v1/files?name=a.png', bytes, { ...headers, 'content-type': 'image/png' })).status, 422, 'not what it says it is');
});

test('words of one and two letters stand beside longer ones in a search', async () => {
  const r = await w.api('POST', '/contacts', { last_name: 'Shortword', phones: ['+49 30 5551001'] });
  await eventually(async () => (await w.api('GET', '/search?q=shortword')).body.items.length);
  for (const q of ['+49 30 5551001', '49 30 555', 'a b shortword', 'x', 'sh or tword', '+4 +4', '% shortword']) {
    assert.equal((await w.api('GET', `/search?q=${encodeURIComponent(q)}`)).status, 200, q);
    assert.equal((await w.api('GET', `/contacts?q=${encodeURIComponent(q)}`)).status, 200, q);
  }
  assert.ok((await w.api('GET', `/search?q=${encodeURIComponent('+49 30 5551001')}`)).body.items.some((i) => i.id === r.body.id));
});

test('files are listed like everything else', async () => {
  const r = await w.api('GET', '/files?limit=1&fields=id,name');
  assert.equal(r.status, 200, r.text);
  assert.equal(r.body.items.length, 1);
  assert.equal((await w.api('PUT', '/files', {})).status, 405);
  assert.equal((await w.api('POST', '/files/import', { columns: ['name'], rows: [['x.txt']] })).status, 409, 'a file comes with its bytes');
});
