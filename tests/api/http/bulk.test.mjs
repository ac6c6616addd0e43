// Bulk changes: a job over ids or a filter, with errors told per record, and one undo for all of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { world } from '../kith.mjs';

let w, berlin;
const get = (path) => w.api('GET', path);
const post = (path, body) => w.api('POST', path, body);

const sum = async (where) => (await get(`/contacts/aggregate?measure=count()&where=${encodeURIComponent(where)}`)).body.rows[0]['count()'];

async function bulk(body, path = '/contacts') {
  const r = await post(`${path}/bulk`, body);
  assert.equal(r.status, 202, JSON.stringify(r.body));
  for (;;) {
    const job = (await get(`/jobs/${r.body.job}`)).body;
    if (job.state !== 'waiting' && job.state !== 'running') {
      assert.equal(job.change_set, r.body.change_set);
      return { ...job, set: r.body.change_set };
    }
    await new Promise((done) => setTimeout(done, 20));
  }
}

before(async () => {
  w = await world();
  const rows = [];
  for (let i = 0; i < 450; i++) {
    rows.push([`Person${i}`, i % 3 ? 'Berlin' : 'Oslo', `p${i}@example.org`]);
  }
  const r = await post('/contacts/import', { columns: ['last_name', 'city', 'email'], rows });
  assert.equal(r.body.created, 450);
  berlin = 300;
});
after(() => w.close());

test('a filter: all that it finds are changed, and nothing else, and undone as one', async () => {
  const job = await bulk({ where: "city = 'Berlin'", set: { job_title: 'Neighbour' } });
  assert.equal(job.state, 'done');
  assert.deepEqual(job.result, { changed: berlin, unchanged: 0, failed: 0, errors: [] });
  assert.equal(job.done, berlin);
  assert.equal(job.total, berlin);
  assert.equal(await sum("job_title = 'Neighbour'"), berlin);
  assert.equal(await sum("job_title = 'Neighbour' and city = 'Oslo'"), 0);
  const again = await bulk({ where: "city = 'Berlin'", set: { job_title: 'Neighbour' } });
  assert.equal(again.result.unchanged, berlin);
  assert.equal((await post('/undo', { change_set: job.set })).status, 200);
  assert.equal(await sum("job_title = 'Neighbour'"), 0);
});

test('lists: entries are added and taken away, the others stay', async () => {
  const all = await bulk({ where: '', add: { tags: ['vip', 'spring'], emails: ['shared@example.org'] } });
  assert.equal(all.result.changed, 450, JSON.stringify(all.result));
  const some = await bulk({ where: "city = 'Oslo'", remove: { tags: ['vip'], emails: ['P0@example.org'] } });
  assert.equal(some.result.changed, 150, JSON.stringify(some.result));
  const p0 = (await get(`/contacts?where=${encodeURIComponent("last_name = 'Person0'")}`)).body.items[0];
  assert.deepEqual(p0.tags.map((t) => t.code ?? t), ['spring']);
  assert.deepEqual(p0.emails.map((e) => e.address), ['shared@example.org']);
  assert.equal(p0.emails[0].primary, true);
  const p1 = (await get(`/contacts?where=${encodeURIComponent("last_name = 'Person1'")}`)).body.items[0];
  assert.deepEqual(p1.emails.map((e) => e.address), ['p1@example.org', 'shared@example.org']);
  for (const set of [some.set, all.set]) {
    assert.equal((await post('/undo', { change_set: set })).status, 200);
  }
  const undone = (await get(`/contacts/${p0.id}`)).body;
  assert.deepEqual(undone.tags, []);
  assert.deepEqual(undone.emails.map((e) => e.address), ['p0@example.org']);
});

test('what refuses is told by id and hurts no other', async () => {
  const items = (await get('/contacts?limit=3&sort=id')).body.items;
  const ids = [items[0].id, 99999999, items[2].id];
  const job = await bulk({ ids, set: { city: null }, clear: ['job_title'], add: { tags: ['x'] } }).catch((e) => e);
  assert.ok(job.message, 'a computed field cannot be set');
  const good = await bulk({ ids, add: { tags: ['x'] } });
  assert.equal(good.result.changed, 2);
  assert.equal(good.result.failed, 1);
  assert.equal(good.result.errors[0].id, 99999999);
  assert.match(good.result.errors[0].message, /no contact with id/);
});

test('to the bin and back', async () => {
  const gone = await bulk({ where: "city = 'Oslo'", do: 'delete' });
  assert.equal(gone.result.changed, 150);
  assert.equal(await sum(''), 300);
  const back = await bulk({ where: "city = 'Oslo'", do: 'restore' });
  assert.equal(back.result.changed, 150);
  assert.equal(await sum(''), 450);
});

test('an order is checked before it is taken', async () => {
  const cases = [
    [{ set: { job_title: 'x' } }, 'ids'],
    [{ ids: [1], where: '', set: { job_title: 'x' } }, 'where'],
    [{ ids: [1] }, 'set'],
    [{ ids: [1], do: 'shout' }, 'do'],
    [{ ids: [1], do: 'delete', set: {} }, 'do'],
    [{ ids: ['1'], do: 'delete' }, 'ids'],
    [{ ids: [1], set: { shoe_size: 4 } }, 'shoe_size'],
    [{ ids: [1], set: { owner: 99999 } }, 'owner'],
    [{ ids: [1], add: { city: ['x'] } }, 'city'],
    [{ ids: [1], add: { emails: 'x' } }, 'emails'],
    [{ ids: [1], clear: ['created_at'] }, 'created_at'],
    [{ ids: [1], say: 1 }, 'say'],
  ];
  for (const [body, field] of cases) {
    const r = await post('/contacts/bulk', body);
    assert.equal(r.status, 422, JSON.stringify([body, r.body]));
    assert.equal(r.body.errors[0].field, field, JSON.stringify([body, r.body]));
  }
});

test('undo waits for the job, and cancelling leaves what was done to be undone', async () => {
  const r = await post('/contacts/bulk', { where: '', set: { job_title: 'Half' } });
  await post(`/jobs/${r.body.job}/cancel`, {});
  for (;;) {
    const job = (await get(`/jobs/${r.body.job}`)).body;
    if (job.state === 'cancelled' || job.state === 'done') break;
    await new Promise((done) => setTimeout(done, 20));
  }
  const n = await sum("job_title = 'Half'");
  const undo = await post('/undo', { change_set: r.body.change_set });
  assert.equal(undo.status, n ? 200 : 409, JSON.stringify(undo.body));
  assert.equal(await sum("job_title = 'Half'"), 0);
});
