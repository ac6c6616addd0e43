// Purchases and segments on the screens that are drawn from the model.
import assert from 'node:assert/strict';
import { api, e2e, look, serve, step, until, visit } from './server.mjs';

serve({ people: 300 });

step('a person shows what was bought; an order its lines', async () => {
  const { page } = e2e;
  const best = (await api('GET', '/contacts?where=total_spent%20%3E%200&sort=-total_spent&limit=1&fields=id,name')).body.items[0];
  await visit(`/e/contacts/${best.id}`);
  await page.getByRole('heading', { name: best.name }).waitFor();
  await page.getByText('Order count').first().waitFor();
  await page.getByText('Total spent').first().waitFor();
  await look('purchases-person');
  const order = (await api('GET', `/orders?where=${encodeURIComponent(`contact = ${best.id} and kind = 'sale'`)}&limit=1&fields=id,number`)).body.items[0];
  await visit(`/e/orders/${order.id}`);
  await page.getByRole('heading', { name: order.number }).waitFor();
  await look('purchases-order');
  await visit('/e/orders');
  await page.getByText(/^B\d{6}-\d\d$/).first().waitFor();
  await look('purchases-orders');
});

step('a segment is made, built, and used as a filter', async () => {
  const { page } = e2e;
  const made = await api('POST', '/segments', { name: 'Spent a hundred', where: 'total_spent > 100' });
  assert.equal(made.status, 201);
  await until(async () => (await api('GET', `/segments/${made.body.id}`)).body.state === 'live');
  await visit('/e/segments');
  await page.getByText('Spent a hundred').first().waitFor();
  await look('segments');
  await visit(`/e/segments/${made.body.id}`, { afresh: true });
  await page.getByRole('heading', { name: 'Spent a hundred' }).waitFor();
  await look('segment');
});
