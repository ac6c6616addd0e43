// The purchases of a real shop come in: customers, products, orders, lines, returns. A fiftieth of the customers, and
// all of them with KITH_RETAIL=all, whose totals are published.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { kith, world } from '../kith.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const file = path.join(root, '../shared/data/online-retail-half/online_retail_half.csv.gz');
const skip = existsSync(file) ? false : 'the data are not here';
const whole = process.env.KITH_RETAIL === 'all';

// The file quotes descriptions that hold a comma, and has no line breaks within.
function cellsOf(line) {
  const cells = [];
  for (const m of line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)) {
    cells.push(m[1].startsWith('"') ? m[1].slice(1, -1).replaceAll('""', '"') : m[1]);
  }
  return cells.slice(0, 8);
}
const groupBy = (list, key) => list.reduce((m, r) => (m.has(key(r)) ? m.get(key(r)).push(r) : m.set(key(r), [r]), m), new Map());
const quoted = (s) => '"' + s.replaceAll('"', '""') + '"';
const cents = (quantity, price) => Math.sign(quantity) * Math.round(Math.abs(quantity) * Math.round(Number(price) * 10000) / 100 + 1e-9);

function rowsOf() {
  const all = gunzipSync(readFileSync(file)).toString('utf8').split(/\r?\n/).slice(1).filter(Boolean).map(cellsOf)
    .map(([invoice, sku, name, quantity, at, price, customer, country]) => ({ invoice, sku, name, quantity: Number(quantity), at: at.replace(' ', 'T') + 'Z', price, customer: /^\d+/.exec(customer)?.[0] ?? '', country }));
  return whole ? all : all.filter((r) => r.customer && Math.floor(Number(r.customer) / 2) % 50 === 7);
}

test('purchases of a real shop: totals, months, returns and the figures of each customer', { skip, timeout: 1200000 }, async () => {
  const w = await world();
  try {
    const rows = rowsOf(), customers = new Map(), products = new Map(), orders = new Map(), lines = [];
    for (const r of rows) {
      if (r.customer && !customers.has(r.customer)) customers.set(r.customer, r.country);
      if (!products.get(r.sku)) products.set(r.sku, r.name);
      if (!orders.has(r.invoice)) orders.set(r.invoice, { ...r, lines: 0 });
      lines.push([r.invoice, ++orders.get(r.invoice).lines, r.sku, r.name, r.quantity, r.price]);
    }
    const shell = async (...args) => {
      const r = await kith([...args, '--data', w.dir]);
      assert.equal(r.code, 0, r.stderr);
      return r.stdout;
    };
    const bring = async (entity, head, list) => {
      const csv = path.join(w.dir, `${entity}.csv`);
      writeFileSync(csv, [head, ...list].join('\n') + '\n');
      const said = JSON.parse(await shell('import', entity, csv, '--json'));
      assert.deepEqual([said.created, said.rejected, said.warnings], [list.length, 0, 0], entity);
      return said;
    };
    const known = (c) => !['Channel Islands', 'European Community', 'Unspecified', 'RSA'].includes(c) ? c : '';
    await bring('contacts', 'external_id,country,last_name', [...customers].map(([id, c]) => `${id},${known(c)},Customer ${id}`));
    await bring('products', 'sku,name', [...products].map(([sku, name]) => `${quoted(sku)},${quoted(name || sku)}`));
    await bring('orders', 'number,kind,placed_at,contact.external_id', [...orders].map(([n, o]) => `${n},${n.startsWith('C') ? 'return' : 'sale'},${o.at},${o.customer}`));
    const brought = await bring('order_lines', 'order.number,position,product.sku,name,quantity,unit_price',
      lines.map(([n, position, sku, name, q, p]) => `${n},${position},${quoted(sku)},${quoted(name)},${q},${p}`));

    const ask = async (text) => (await shell('query', text, '--json')).trim().split('\n').filter(Boolean).map((l) => JSON.parse(l));
    const sum = (list) => list.reduce((s, r) => s + cents(r.quantity, r.price), 0);
    const clean = rows.filter((r) => r.customer && r.quantity > 0 && Number(r.price) > 0);
    const filter = "contact is not empty and quantity > 0 and unit_price > 0";
    const [total] = await ask(`order_lines where ${filter} measure count() as n, sum(amount) as value`);
    assert.deepEqual([total.n, total.value.amount], [clean.length, (sum(clean) / 100).toFixed(2)]);
    const months = await ask(`order_lines where ${filter} group month(placed_at), year(placed_at) measure sum(amount) as value`);
    months.sort((a, b) => a['year(placed_at)'] - b['year(placed_at)'] || a['month(placed_at)'] - b['month(placed_at)']);
    const byMonth = groupBy(clean, (r) => r.at.slice(0, 7));
    assert.deepEqual(months.map((m) => m.value.amount), [...byMonth.keys()].sort().map((k) => (sum(byMonth.get(k)) / 100).toFixed(2)));

    const [net] = await ask('orders measure sum(total) as value, count() as n');
    assert.deepEqual([net.n, net.value.amount], [orders.size, (sum(rows) / 100).toFixed(2)]);
    const byCustomer = groupBy(rows.filter((r) => r.customer), (r) => r.customer);
    const people = await ask('contacts where external_id is not empty');
    const expected = new Map([...byCustomer].map(([id, list]) => {
      const sales = list.filter((r) => !r.invoice.startsWith('C'));
      const at = sales.map((r) => orders.get(r.invoice).at).sort(); // some invoices took longer than a minute
      return [id, [new Set(sales.map((r) => r.invoice)).size, (sum(list) / 100).toFixed(2), at[0] ?? null, at.at(-1) ?? null]];
    }));
    assert.equal(people.length, expected.size);
    for (const p of people) {
      assert.deepEqual([p.order_count, p.total_spent?.amount, p.first_order_at, p.last_order_at], expected.get(p.external_id), p.external_id);
    }
    if (whole) { // the published figures
      assert.deepEqual([rows.length, orders.size, customers.size, total.n, total.value.amount, net.value.amount],
        [261823, 12367, 2187, 190555, '4579032.54', '4832300.07']);
    }
    // and all lines go back by one undo; then nobody has spent anything
    await shell('undo', String(brought.change_set));
    const [left] = await ask('contacts where total_spent != 0 measure count() as n');
    assert.equal(left.n, 0);
    await shell('check');
  } finally {
    await w.close();
  }
});
