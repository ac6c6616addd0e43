// Members that follow each change and the clock are those that a full evaluation finds. KITH_SEGMENT_CHANGES=200000 for more.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, sleep, world } from '../kith.mjs';

const CHANGES = Number(process.env.KITH_SEGMENT_CHANGES ?? 1500), PEOPLE = 60, ROUND = 150;
let seed = 20261122;
const random = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor((seed / 2147483648) * n); };
const pick = (list) => list[random(list.length)];

const CONDITIONS = [
  "job_title = 'Baker'", "job_title != 'Baker'", 'order_count >= 2', 'total_spent > 50', 'last_order_at > now - 20d',
  'first_order_at < now - 60d and last_order_at < now - 10d', "count(orders where placed_at > now - 45d and status != 'cancelled') >= 2",
  "any(purchases where product.sku = 'A') and not any(purchases where product.sku = 'B')", "anniversary_in(birthday, 14d)",
  "age(birthday) between 25 and 34", "company.name = 'North'", 'company is empty',
  "has_consent('newsletter', 'email') or has_consent('service', 'sms')",
  "in_segment('s0') and order_count = 0", "not in_segment('s4')", "in_segment('s14') or last_name like 'P1%'",
];

// Jobs that always wait for a day to come. The second may have been placed by the true clock, which is far ahead of the test's.
const ASIDE = ['segment_timers', 'segment_housekeeping'];

test('incremental membership equals a full evaluation, over months of random changes', { timeout: 1800000 }, async () => {
  const w = await world();
  try {
    let at = Date.parse('2026-01-10T08:00:00Z');
    const clock = async () => {
      for (const server of w.servers) await w.request('PUT', '/test/clock', { now: new Date(at).toISOString() }, {}, server);
    };
    await clock();
    const made = async (path, body) => {
      const r = await w.api('POST', path, body);
      assert.ok(r.status < 300, JSON.stringify(r.body));
      return r.body;
    };
    const firms = [(await made('/companies', { name: 'North' })).id, (await made('/companies', { name: 'South' })).id];
    const purposes = (await w.api('GET', '/consent_purposes?sort=position&limit=2')).body.items.map((p) => p.id);
    const people = [];
    for (let i = 0; i < PEOPLE; i++) people.push((await made('/contacts', { last_name: `P${i}` })).id);
    const segments = [];
    for (const [i, text] of CONDITIONS.entries()) segments.push(await made('/segments', { name: `S${i}`, where: text }));
    let orders = 0;
    const placed = [];
    const act = [
      () => w.api('PATCH', `/contacts/${pick(people)}`, { job_title: pick(['Baker', 'Cook', null]) }),
      () => w.api('PATCH', `/contacts/${pick(people)}`, { birthday: `${1985 + random(20)}-${String(1 + random(12)).padStart(2, '0')}-${String(1 + random(28)).padStart(2, '0')}` }),
      () => w.api('PATCH', `/contacts/${pick(people)}`, { company: pick([...firms, null]) }),
      () => w.api('PATCH', `/companies/${pick(firms)}`, { name: pick(['North', 'South']) }),
      async () => {
        const r = await w.api('POST', '/orders/record', { number: `S-${orders++}`, placed_at: new Date(at - random(40) * 86400000).toISOString(),
          lines: [{ sku: pick(['A', 'B', 'C']), quantity: 1 + random(3), unit_price: 5 + random(30) }] });
        assert.equal(r.status, 200, JSON.stringify(r.body));
        placed.push(r.body.id);
        return w.api('PATCH', `/orders/${r.body.id}`, { contact: pick(people) });
      },
      () => placed.length && w.api('PATCH', `/orders/${pick(placed)}`, { status: pick(['cancelled', 'completed']) }),
      () => placed.length && w.api('PATCH', `/orders/${pick(placed)}`, { contact: pick(people) }),
      () => w.api('POST', '/consent_entries', { contact: pick(people), purpose: pick(purposes), channel: pick(['email', 'sms']), state: pick(['granted', 'denied', 'withdrawn', 'pending']) }),
      () => w.api('DELETE', `/contacts/${pick(people)}`),
      () => w.api('POST', `/contacts/${pick(people)}/restore`, {}),
    ];
    const settled = () => eventually(async () => {
      // the clock of a test stands still, and some jobs wait for a second; but not so fast that those at work lose their lease
      at += 1100;
      await clock();
      await sleep(250);
      const text = (await w.request('GET', '/metrics', undefined, { authorization: `Bearer ${w.token}` })).text;
      const n = Object.fromEntries([...text.matchAll(/^kith_(feed_\w+) (\d+)/gm)].map((m) => [m[1], Number(m[2])]));
      const jobs = (await w.api('GET', '/jobs?limit=200')).body.items.filter((j) => ['waiting', 'running'].includes(j.state) && j.kind.startsWith('segment'));
      return n.feed_slowest_consumer >= n.feed_newest && jobs.every((j) => ASIDE.includes(j.kind) && Date.parse(j.due) > at);
    }, 60);
    for (let done = 0; done < CHANGES; done += ROUND) {
      for (let i = 0; i < ROUND; i++) await pick(act)();
      await settled();
      at += (1 + random(12)) * 86400000 + random(86400) * 1000;
      await clock();
      await settled();
      for (const s of segments) {
        const { job } = await made(`/segments/${s.id}/build`, {});
        const ended = await eventually(async () => { const j = (await w.api('GET', `/jobs/${job}`)).body; return ['done', 'failed'].includes(j.state) ? j : null; }, 30);
        assert.deepEqual(ended.result, { entered: 0, left: 0 }, `${s.code} after ${done + ROUND} changes at ${new Date(at).toISOString()}: ${CONDITIONS[segments.indexOf(s)]}`);
      }
    }
  } finally {
    await w.close();
  }
});
