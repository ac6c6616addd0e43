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
      const at = Date.now();
      const r = await w.request('POST', '/api/v1/contacts', { last_name: `Foreign ${i}` }, { authorization: `Bearer ${w.token}` }, w.servers[0]);
      assert.equal(r.status, 201);
      const seen = await w.request('GET', `/api/v1/contacts/${r.body.id}`, undefined, { authorization: `Bearer ${w.token}` }, w.servers[1]);
      assert.equal(seen.status, 200);
      await eventually(() => JSON.stringify(stream.events).includes(`"id":${r.body.id}`) || JSON.stringify(stream.events).includes(`\\"id\\":${r.body.id}`), 2);
      assert.ok(Date.now() - at < 1500, `${Date.now() - at} ms`);
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
