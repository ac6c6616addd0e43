// views.test.mjs - saved views, and the other ways to look at a list: board, chart, calendar.
import assert from 'node:assert/strict';
import { api, e2e, hands, look, made, serve, signIn, step, until, visit } from './server.mjs';

serve();

const grid = () => e2e.page.getByRole('grid');
const sidebar = (name) => e2e.page.getByRole('navigation', { name: 'Main navigation' }).getByRole('link', { name, exact: true });
const tab = (name) => e2e.page.getByRole('navigation', { name: 'Views' }).getByRole('button', { name });
const stored = async (name) => (await api('GET', '/views?where=' + encodeURIComponent(`name = '${name}'`))).body.items[0];
const kind = (name) => e2e.page.getByRole('radiogroup', { name: 'How to look at it' }).getByText(name, { exact: true });

step('filter and save the view: five clicks and keys from the home page', async () => {
  const { page } = e2e;
  const h = hands();
  await h.click(sidebar('Contacts'));
  await grid().getByRole('row').nth(3).waitFor();
  await h.click(page.getByRole('button', { name: '+ Filter' }));
  await page.getByRole('combobox', { name: 'Add a filter' }).and(page.locator(':focus')).waitFor();
  await h.type('city berlin');
  await page.getByRole('option', { name: 'City is berlin' }).waitFor();
  await h.press('Enter');
  await h.click(page.getByRole('button', { name: 'Save view' }));
  await page.getByRole('textbox', { name: 'Name' }).and(page.locator(':focus')).waitFor();
  await look('saveview');
  await page.getByRole('textbox', { name: 'Name' }).focus();
  await h.type('Berliners');
  await h.press('Enter');
  await tab('Berliners').and(page.locator('[aria-current=true]')).waitFor();
  assert.ok(h.n <= 5, `${h.n} clicks and keys`);
  const v = await stored('Berliners');
  assert.deepEqual([v.entity, v.kind, v.shared, v.pinned], ['contact', 'list', false, true]);
  // kept by the number of the field, shown by its name
  assert.match(v.where, /^city = 'berlin'$/);
  // what the application begins with is asked before it is there, and each once
  const asked = [];
  const note = (r) => { const m = /\/api\/v1\/(me|meta|views)(\?|$)/.exec(r.url()); if (m) asked.push(m[1]); };
  page.on('request', note);
  await page.reload();
  await page.getByRole('button', { name: 'Change: City is berlin' }).waitFor();
  page.off('request', note);
  assert.deepEqual(asked, ['me', 'meta', 'views']);
  assert.equal(await page.evaluate(() => window.kithAsked.length), 3);
  // on a phone the sidebar goes when a link in it is followed, also to the list that is open
  await page.setViewportSize({ width: 360, height: 740 });
  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  await sidebar('Berliners').click();
  await page.getByRole('navigation', { name: 'Main navigation' }).waitFor({ state: 'detached' });
  await page.setViewportSize({ width: 1440, height: 900 });
});

step('share a view: three from the home page', async () => {
  const { page } = e2e;
  await visit('/');
  const h = hands();
  await h.click(sidebar('Berliners'));
  await h.click(page.getByRole('button', { name: 'Share', exact: true }));
  await look('share');
  await h.click(page.getByRole('switch', { name: 'With everyone' }));
  await page.waitForFunction(async () => (await (await fetch('/api/v1/views?limit=1')).json()).items[0].shared);
  assert.ok(h.n <= 3, `${h.n} clicks`);
  await page.keyboard.press('Escape');
});

step('shared with a team, and no more', async () => {
  const { page } = e2e;
  const team = (await api('POST', '/teams', { name: 'Lighthouse' })).body;
  await api('PATCH', `/views/${(await stored('Berliners')).id}`, { shared: false });
  await page.reload();
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  const box = (checked) => page.getByRole('checkbox', { name: 'Lighthouse', checked });
  await box(false).click();
  await box(true).waitFor();
  const shares = async () => (await api('GET', '/shares?where=' + encodeURIComponent(`with_team = ${team.id}`))).body.items;
  await until(async () => (await shares()).length === 1);
  assert.equal((await shares())[0].record.entity, 'view');
  await look('shareteams');
  await box(true).click();
  await until(async () => (await shares()).length === 0);
  await page.keyboard.press('Escape');
  await api('PATCH', `/views/${(await stored('Berliners')).id}`, { shared: true });
  await page.reload();
});

step('a changed view: reset, save, save as; renamed, first, deleted and back', async () => {
  const { page } = e2e;
  assert.equal(await page.getByRole('button', { name: 'Reset' }).count(), 0);
  await page.getByRole('button', { name: 'Name', exact: true }).click();
  await page.getByRole('button', { name: 'Reset' }).click();
  await page.waitForFunction(() => !/sort=/.test(location.search));
  await page.getByRole('button', { name: 'Name', exact: true }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: 'Reset' }).waitFor({ state: 'detached' });
  await until(async () => (await stored('Berliners')).sort === 'name');
  await page.getByRole('button', { name: 'Name', exact: true }).click();
  await page.getByRole('button', { name: 'Save as' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Downwards');
  await page.getByRole('checkbox', { name: 'Show in the sidebar' }).uncheck();
  await page.keyboard.press('Enter');
  await tab('Downwards').and(page.locator('[aria-current=true]')).waitFor();
  await page.getByRole('button', { name: 'Options of Downwards' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Upside down');
  await page.getByRole('button', { name: 'Rename' }).click();
  await tab('Upside down').waitFor();
  await page.getByRole('button', { name: 'Options of Upside down' }).click();
  await page.getByRole('checkbox', { name: 'Open first' }).click();
  await page.getByRole('checkbox', { name: 'Open first', checked: true }).waitFor();
  await look('viewoptions');
  await page.keyboard.press('Escape');
  await sidebar('Contacts').click();
  await tab('Upside down').and(page.locator('[aria-current=true]')).waitFor();
  await tab('All Contacts').click();
  await e2e.page.getByTestId('total').getByText('300').waitFor();
  await tab('Upside down').click();
  await page.getByRole('button', { name: 'Options of Upside down' }).click();
  await page.getByRole('button', { name: 'Delete view' }).click();
  await page.getByText('The view Upside down was deleted.').waitFor();
  await tab('Upside down').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Undo' }).click();
  await tab('Upside down').waitFor();
  const v = await stored('Upside down');
  await api('PATCH', `/views/${v.id}`, { options: null });
});

step('a view made by a program, over an object of one\'s own', async () => {
  const { page } = e2e;
  const made = (await api('POST', '/objects', { name: 'x_boat', label: 'Boat', title_field: 'x_name' })).body;
  await api('POST', '/fields', { entity: 'x_boat', name: 'x_name', label: 'Name', kind: 'text' });
  const field = (await api('POST', '/fields', { entity: 'x_boat', name: 'x_size', label: 'Size', kind: 'integer' })).body;
  assert.ok(made?.id && field?.id, JSON.stringify([made, field]));
  for (const n of [3, 9]) await api('POST', '/x_boats', { x_name: `Boat ${n}`, x_size: n });
  const v = (await api('POST', '/views', { entity: 'x_boat', name: 'Big ones', where: 'x_size > 5' })).body;
  await visit(`/e/x_boats?view=${v.id}`);
  await page.getByRole('button', { name: 'Change: Size over 5' }).waitFor();
  await grid().getByText('Boat 9').waitFor();
  assert.equal(await grid().getByText('Boat 3').count(), 0);
});

step('make a board: four from the home page', async () => {
  const { page } = e2e;
  for (const [name, status] of [['Call the mayor', 'not_started'], ['Paint the boat', 'in_progress'], ['Buy rope', 'not_started']]) {
    const r = await api('POST', '/tasks', { title: name, status, due: '2026-11-20T10:00:00Z' });
    assert.ok(r.status < 300, JSON.stringify(r.body));
  }
  await visit('/');
  const h = hands();
  await h.click(sidebar('Tasks'));
  await grid().getByRole('row').nth(1).waitFor();
  await h.click(kind('Board'));
  await page.getByRole('list', { name: 'In progress' }).waitFor();
  await h.click(page.getByRole('button', { name: 'Save view' }));
  await page.getByRole('textbox', { name: 'Name' }).and(page.locator(':focus')).waitFor();
  await h.type('Wall');
  await h.press('Enter');
  await tab('Wall').and(page.locator('[aria-current=true]')).waitFor();
  assert.ok(h.n <= 4, `${h.n} clicks and keys`);
  const v = await stored('Wall');
  assert.deepEqual([v.kind, v.group], ['board', 'status']);
});

step('a card moved by one drag, by menu, by keys; refused and taken back', async () => {
  const { page } = e2e;
  const card = (col, name) => page.getByRole('list', { name: col }).getByRole('listitem').filter({ hasText: name });
  await visit(`/e/tasks?kind=board&group=status&where=${encodeURIComponent("title in ('Call the mayor', 'Paint the boat', 'Buy rope')")}`, { afresh: true });
  await card('Not started', 'Buy rope').waitFor();
  await look('board');
  await card('Not started', 'Buy rope').dragTo(page.locator('[data-col="in_progress"]'));
  await card('In progress', 'Buy rope').waitFor();
  await page.getByText('Buy rope moved to In progress').waitFor();
  const status = async () => (await api('GET', '/tasks?where=' + encodeURIComponent("title = 'Buy rope'") + '&fields=status')).body.items[0].status;
  assert.equal(await status(), 'in_progress');
  await page.locator('[data-col="in_progress"] [data-count]').getByText('2').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await card('Not started', 'Buy rope').waitFor();
  assert.equal(await status(), 'not_started');
  await page.getByRole('link', { name: 'Buy rope' }).focus();
  await page.keyboard.press('m');
  await look('movemenu');
  await page.getByRole('menuitem', { name: 'Done' }).click();
  await card('Done', 'Buy rope').waitFor();
  await page.getByRole('link', { name: 'Call the mayor' }).focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Paint the boat');
  await page.getByRole('button', { name: 'Move Paint the boat' }).click();
  await page.getByRole('menuitem', { name: 'Not started' }).click();
  await card('Not started', 'Paint the boat').waitFor();
  // the server says no: the card stands where it stood
  await page.route('**/api/v1/tasks/*', (r) => (r.request().method() === 'PATCH' ? r.fulfill({ status: 422, contentType: 'application/problem+json', body: '{"code":"invalid","detail":"Not today.","errors":[]}' }) : r.continue()));
  await card('Not started', 'Paint the boat').dragTo(page.locator('[data-col="waiting"]'));
  await page.getByText('Not today.').waitFor();
  await page.locator('.mantine-Notification-root').filter({ hasText: 'Not today.' }).getByRole('button', { name: 'Close' }).click();
  await card('Not started', 'Paint the boat').waitFor();
  await page.unroute('**/api/v1/tasks/*');
  // one more, in its column
  await visit(`/e/tasks?kind=board&group=status&where=${encodeURIComponent("title starts with 'Mend'")}`);
  await page.locator('[data-col="in_progress"]').getByRole('button', { name: '+ Add' }).click();
  await page.keyboard.type('Mend the net');
  await page.keyboard.press('Enter');
  await card('In progress', 'Mend the net').waitFor();
});

step('a board by a reference, with sums', async () => {
  const { page } = e2e;
  await visit(`/e/companies?kind=board&group=owner&measure=${encodeURIComponent('sum(employees)')}`);
  await page.locator('[data-col] [data-card]').first().waitFor();
  const sums = (await api('GET', '/companies/aggregate?group=owner&measure=' + encodeURIComponent('sum(employees) as s'))).body.rows;
  const shown = await page.locator('[data-col] header').allInnerTexts();
  for (const r of sums.filter((x) => x.owner)) assert.ok(shown.some((x) => x.includes(r.owner.name)), `${r.owner.name} among ${shown.join()}`);
  await look('board-owner');
});

step('make a chart of a list: four from the home page; table and drill-down', async () => {
  const { page } = e2e;
  await visit('/');
  const h = hands();
  await h.click(sidebar('Contacts'));
  await grid().getByRole('row').nth(3).waitFor();
  await h.click(kind('Chart'));
  await page.locator('[data-chart=bar] .recharts-bar-rectangle').first().waitFor();
  await h.click(page.getByRole('button', { name: 'Save view' }));
  await page.getByRole('textbox', { name: 'Name' }).and(page.locator(':focus')).waitFor();
  await h.type('By lifecycle');
  await h.press('Enter');
  await tab('By lifecycle').and(page.locator('[aria-current=true]')).waitFor();
  assert.ok(h.n <= 4, `${h.n} clicks and keys`);
  await look('chart-bar');
  await page.getByRole('radiogroup', { name: 'Kind of chart' }).getByText('Ring').click();
  await page.locator('[data-chart=donut] .recharts-pie-sector').first().waitFor();
  await look('chart-donut');
  await page.getByLabel('by', { exact: true }).selectOption('created_at');
  await page.getByRole('radiogroup', { name: 'Kind of chart' }).getByText('Line').click();
  await page.locator('[data-chart=line] .recharts-line-curve').waitFor();
  await look('chart-line');
  await page.getByLabel('by', { exact: true }).selectOption('lifecycle');
  await page.getByRole('radiogroup', { name: 'Kind of chart' }).getByText('Bars').click();
  await page.getByLabel('Measure').selectOption('sum(score)');
  await page.getByLabel('Measure').selectOption('');
  await page.getByRole('button', { name: 'Show as table' }).click();
  const rows = (await api('GET', '/contacts/aggregate?group=lifecycle&measure=count()')).body.rows;
  const leads = rows.find((r) => r.lifecycle === 'lead')['count()'];
  const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: 'Lead', exact: true }) });
  await row.getByText(String(leads), { exact: true }).waitFor();
  await look('chart-table');
  await page.getByRole('button', { name: 'Show as table' }).click();
  await page.locator('.recharts-bar-rectangle').first().click();
  await grid().waitFor();
  await page.getByRole('button', { name: /^Change: Lifecycle is/ }).waitFor();
  await page.getByTestId('total').getByText(String(leads), { exact: true }).waitFor();
});

step('a calendar: month, week, more, keys', async () => {
  const { page } = e2e;
  await visit(`/e/tasks?kind=calendar&date=due&at=2026-11-15&where=${encodeURIComponent("due between 2026-11-01 and 2026-11-30 and title in ('Call the mayor', 'Paint the boat', 'Buy rope')")}`, { afresh: true });
  await page.locator('[data-day="2026-11-20"]').getByText('Buy rope').waitFor();
  await page.getByRole('heading', { name: 'November 2026' }).waitFor();
  assert.equal(await page.locator('[data-day="2026-11-20"] a').count(), 3);
  await look('calendar');
  await page.getByRole('radiogroup', { name: 'How much' }).getByText('Week').click();
  assert.equal(await page.locator('[data-day]').count(), 7);
  await page.getByRole('button', { name: 'After' }).click();
  await page.locator('[data-day="2026-11-20"]').getByText('Buy rope').waitFor();
  await look('calendar-week');
  await page.locator('[data-day][tabindex="0"]').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: /New/ }).waitFor();
  await page.keyboard.press('Escape');
});

step('the calendar of an object is that of its own date; birthdays come every year; the week begins as one has chosen', async () => {
  const { page } = e2e;
  const date = page.getByLabel('Which date', { exact: true });
  for (const [plural, field] of [['tasks', 'due'], ['orders', 'placed_at'], ['contacts', 'birthday']]) {
    await visit(`/e/${plural}?kind=calendar`);
    await date.waitFor();
    assert.equal(await date.inputValue(), field);
  }
  await made('contacts', { last_name: 'Yearling', birthday: '1981-05-17' });
  await made('contacts', { last_name: 'Ageless', birthday: '--05-17' });
  await visit(`/e/contacts?kind=calendar&at=2026-05-01&where=${encodeURIComponent("last_name in ('Yearling', 'Ageless')")}`);
  for (const name of ['Yearling', 'Ageless']) await page.locator('[data-day="2026-05-17"]').getByText(name).waitFor();
  // in the month of today as well: before and after it
  const now = new Date(), days = [-2, 0, 2].map((n) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + n)).toISOString().slice(0, 10));
  for (const d of days) await made('contacts', { last_name: 'Near ' + d, birthday: '1990' + d.slice(4) });
  for (const d of days) {
    await visit(`/e/contacts?kind=calendar&span=week&at=${d}&where=${encodeURIComponent("last_name starts with 'Near'")}`);
    await page.locator(`[data-day="${d}"]`).getByText('Near ' + d).waitFor();
  }
  assert.equal(await page.getByRole('columnheader').first().innerText(), 'Mon');
  assert.equal((await api('PUT', '/settings', { name: 'week.starts_on', scope: 'user', value: 7 })).status, 204);
  await visit('/e/tasks?kind=calendar&at=2026-05-01', { afresh: true });
  await page.getByRole('columnheader', { name: 'Sun' }).first().waitFor();
  await until(async () => (await page.getByRole('columnheader').first().innerText()) === 'Sun');
  assert.equal(await page.locator('[data-day]').first().getAttribute('data-day'), '2026-04-26');
});

step('what one shares another opens, and cannot change', async () => {
  const { page, context } = e2e;
  await api('POST', '/me/password', { user: (await api('GET', '/users?where=' + encodeURIComponent("name = 'Maya Lindt'"))).body.items[0].id, password: 'correct horse battery' });
  const maya = (await api('GET', '/users?where=' + encodeURIComponent("name = 'Maya Lindt'"))).body.items[0];
  const role = (await api('POST', '/roles', { name: 'Readers' })).body;
  await api('POST', '/grants', { role: role.id, entity: '*', read: 'all', update: 'own', create: 'own' });
  await api('PATCH', `/users/${maya.id}`, { roles: [{ id: role.id }] });
  await context.clearCookies();
  await signIn(maya.email);
  await sidebar('Berliners').click();
  await page.getByRole('button', { name: 'Change: City is berlin' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Share', exact: true }).count(), 0);
  assert.equal(await page.getByRole('button', { name: /^Options of/ }).count(), 0);
});
