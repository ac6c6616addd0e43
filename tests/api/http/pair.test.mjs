// Two servers on one PostgreSQL: what other databases of the cluster do holds nothing up, and the death of one
// server loses nothing and doubles nothing.
import assert from 'node:assert/strict';
import { spawn, execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { eventually, listen, POSTGRES, sleep, world } from '../kith.mjs';

const run = promisify(execFile);
const skip = POSTGRES ? false : 'of PostgreSQL';

test('a writer left open in another database of the cluster holds nothing up', { skip }, async () => {
  const w = await world();
  const name = 'foreign_' + process.pid;
  await run('psql', [POSTGRES, '-qc', `CREATE DATABASE ${name}`]);
  const url = new URL(POSTGRES);
  url.pathname = '/' + name;
  const psql = spawn('psql', [url.href, '-q'], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    psql.stdin.write("BEGIN; CREATE TABLE t (a int); INSERT INTO t VALUES (1); SELECT 'open';\n");
    await new Promise((done) => psql.stdout.once('data', done));
    const stream = listen(w.servers[1], w.token);
    await eventually(() => stream.status === 200);
    await sleep(200);
    for (let i = 0; i < 5; i++) {
      const r = await w.request('POST', '/api/v1/contacts', { last_name: `Foreign ${i}` }, { authorization: `Bearer ${w.token}` }, w.servers[0]);
      assert.equal(r.status, 201);
      const seen = await w.request('GET', `/api/v1/contacts/${r.body.id}`, undefined, { authorization: `Bearer ${w.token}` }, w.servers[1]);
      assert.equal(seen.status, 200);
      await eventually(() => JSON.stringify(stream.events).includes(`"id":${r.body.id}`) || JSON.stringify(stream.events).includes(`\\"id\\":${r.body.id}`), 2);
    }
    stream.request.destroy();
    await eventually(async () => (await w.api('GET', '/search?q=Foreign')).body.items.length === 5, 3);
  } finally {
    psql.stdin.end('ROLLBACK;\n');
    await new Promise((done) => psql.on('exit', done));
    await w.close();
    await run('psql', [POSTGRES, '-qc', `DROP DATABASE ${name} WITH (FORCE)`]);
  }
});

// Nobody looks by himself for ten minutes here: what is seen at once was told.
test('servers wake each other: stream, jobs, model, rights', { skip }, async () => {
  const w = await world({ conf: 'idle_look = 600000' });
  const [a, b] = w.servers;
  const admin = { authorization: `Bearer ${w.token}` };
  const on = (server, method, path, body, headers = admin) => w.request(method, '/api/v1' + path, body, headers, server);
  const metric = async (server, name) => Number(new RegExp(`^kith_${name} (\\d+)`, 'm').exec(await (await fetch(`${server.url}/metrics`)).text())[1]);
  const psql = (sql) => run('psql', [w.database.url, '-qc', `SET search_path TO kith_main; ${sql}`]);
  try {
    const stream = listen(b, w.token);
    await stream.opened;
    const heard = await metric(b, 'notices_heard_total');
    // the looks that a server gives by itself grow rarer each time: ten in a row are not theirs
    for (let i = 0; i < 10; i++) {
      await sleep(300 + i * 20);
      const r = await on(a, 'POST', '/contacts', { last_name: `Told ${i}` });
      await eventually(() => stream.events.some((e) => e.event === 'change' && e.data.id === r.body.id), 1);
    }
    await eventually(async () => await metric(b, 'notices_heard_total') >= heard + 10, 1); // the last may be seen before it is told
    // the consumers too: another server's record is indexed
    await eventually(async () => (await on(b, 'GET', '/search?q=Told')).body.items.length === 10, 3);
    // a field: the stream tells of the new model without a request on b
    for (const name of ['x_one', 'x_two', 'x_three']) {
      const metas = stream.events.filter((e) => e.event === 'meta').length;
      assert.equal((await on(a, 'POST', '/fields', { entity: 'contact', name, kind: 'text', label: name })).status, 201);
      await eventually(() => stream.events.filter((e) => e.event === 'meta').length > metas, 2);
    }
    // a revoked token: its stream on the other server ends
    for (let i = 0; i < 3; i++) {
      const made = await on(a, 'POST', '/tokens', { name: 'short' });
      const own = listen(b, made.body.token);
      await own.opened;
      await sleep(300);
      assert.equal(own.ended, false);
      assert.equal((await on(a, 'DELETE', `/tokens/${made.body.id}`)).status, 204);
      await eventually(() => own.ended, 2);
    }
    // a job that neither of them ordered
    for (let i = 0; i < 3; i++) {
      await psql("INSERT INTO jobs (kind, state, due, mark, done, total, attempts, cancel, input, created_at) SELECT 'housekeeping', 'waiting', 0, 0, 0, 0, 0, 0, '{}', 0; NOTIFY kith_main, 'jobs'");
      await eventually(async () => !(await on(a, 'GET', '/jobs?state=waiting')).body.items.some((j) => j.kind === 'housekeeping' && Date.parse(j.due) === 0), 2);
    }
    // a burst is told together
    const sent = await metric(a, 'notices_sent_total'), from = Date.now();
    await Promise.all(Array.from({ length: 300 }, (_, i) => on(a, 'POST', '/contacts', { last_name: `Burst ${i}` })));
    const most = (Date.now() - from) / 20 + 3;
    const told = await metric(a, 'notices_sent_total') - sent;
    assert.ok(told > 0 && told <= most, `${told} of at most ${most}`);
    // what listened is cut off: it comes back and goes on
    await psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ~ 'LISTEN|pg_notify|SELECT 1$'");
    await sleep(1500);
    const r = await on(a, 'POST', '/contacts', { last_name: 'Back' });
    await eventually(() => stream.events.some((e) => e.event === 'change' && e.data.id === r.body.id), 3);
    stream.close();
  } finally {
    await w.close();
  }
});

test('one server dies in the middle of an import: the other ends it, no row lost or doubled', { skip }, async () => {
  const w = await world();
  const n = 8000;
  const headers = { authorization: `Bearer ${w.token}` };
  const on = (server, method, path, body, more = {}) => w.request(method, '/api/v1' + path, body, { ...headers, ...more }, server);
  const [stays, dies] = w.servers;
  const text = 'Last Name,External id\n' + Array.from({ length: n }, (_, k) => `Pair${k},pair${k}`).join('\n') + '\n';
  const file = await on(stays, 'POST', '/files?name=pair.csv', Buffer.from(text), { 'content-type': 'text/csv' });
  const made = await on(stays, 'POST', '/imports', { entity: 'contacts', file: file.body.id });
  const look = async () => (await on(stays, 'GET', `/imports/${made.body.id}`)).body;
  await eventually(async () => (await look()).rows === n, 20);
  await on(stays, 'POST', `/imports/${made.body.id}/start`, {});
  await eventually(async () => (await look()).position > 500, 20);
  dies.process.kill('SIGKILL');
  await dies.ended;
  const ended = async () => {
    const i = await look();
    return (i.state?.code ?? i.state) === 'done' ? i : null;
  };
  // if it was at work there, its lease has to run out first
  let done = await eventually(ended, 15).catch(() => null);
  if (!done) {
    await w.request('PUT', '/test/clock', { now: new Date(Date.now() + 120000).toISOString() }, headers, stays);
    done = await eventually(ended, 60);
  }
  assert.equal(done.created, n);
  const count = async (where) => (await on(stays, 'GET', `/contacts/aggregate?measure=count()&where=${encodeURIComponent(where)}`)).body.rows[0]['count()'];
  assert.equal(await count("last_name like 'Pair%'"), n);
  await stays.stop();
  w.servers = [];
  await w.close();
});

test('who orders the same job at the same moment through either server gets the one job', async () => {
  const w = await world();
  try {
    const { id } = (await w.api('POST', '/segments', { name: 'Asked for by many', where: "last_name = 'x'" })).body;
    for (let round = 0; round < 10; round++) {
      const all = await Promise.all(Array.from({ length: 12 }, () => w.api('POST', `/segments/${id}/build`, {})));
      assert.deepEqual(all.filter((r) => r.status !== 200).map((r) => r.text), []);
    }
  } finally {
    await w.close();
  }
});
