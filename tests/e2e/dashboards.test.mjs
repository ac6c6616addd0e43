// dashboards.test.mjs - tiles of every kind, asked once, followed, led behind, arranged by pointer and keys; whose they are.
import assert from 'node:assert/strict';
import { api, e2e, look, PASSWORD, serve, signIn, step, until, visit } from './server.mjs';

serve();

const sidebar = (name) => e2e.page.getByRole('navigation', { name: 'Main navigation' }).getByRole('link', { name, exact: true });
const grid = () => e2e.page.getByRole('grid');
const tile = (title) => e2e.page.getByRole('region', { name: title, exact: true });
const order = () => e2e.page.locator('[data-tile]').evaluateAll((all) => all.map((x) => x.getAttribute('aria-label')));
const value = async (plural, measure, where = '') => (await api('GET', `/${plural}/aggregate?measure=${encodeURIComponent(measure + ' as n')}&where=${encodeURIComponent(where)}`)).body.rows[0].n;
const words = (n) => new Intl.NumberFormat('en').format(n);

step('the shipped one shows what the API says, with one request a tile', async () => {
  const { page } = e2e;
  const asked = [];
  const note = (r) => { if (/\/aggregate|\/contacts\?/.test(r.url())) asked.push(decodeURIComponent(r.url())); };
  page.on('request', note);
  await sidebar('Overview').click();
  await tile('People').getByText(words(await value('contacts', 'count()')), { exact: true }).waitFor();
  await tile('Where they came from').locator('.recharts-pie-sector').first().waitFor();
  await tile('New people by month').locator('.recharts-line-curve').waitFor();
  await tile('Companies by industry').locator('.recharts-bar-rectangle').first().waitFor();
  await tile('Source and lifecycle').locator('[data-chart=heat] td a').first().waitFor();
  await tile('From lead to customer').locator('[data-chart=funnel] li').first().waitFor();
  await tile('Newest people').getByRole('listitem').first().waitFor();
  await page.setViewportSize({ width: 1100, height: 700 });
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.waitForTimeout(500);
  page.off('request', note);
  // what the home page before it asked, and this step itself, is written otherwise
  const tiles = asked.filter((u) => u.includes('as+n') || u.includes('fields=id,version'));
  assert.equal(new Set(tiles).size, tiles.length, 'asked twice: ' + tiles.join('\n'));
  assert.equal(tiles.length, await page.locator('[data-tile]').count(), tiles.join('\n'));
  await look('dashboard');
});

step('charts on a narrow screen are whole, and in the colours of the choices', async () => {
  const { page } = e2e;
  await page.setViewportSize({ width: 1024, height: 900 });
  await tile('Where they came from').locator('.legend li').last().waitFor();
  await page.waitForTimeout(200);
  const outside = await tile('Where they came from').evaluate((el) => {
    const body = el.querySelector('.dtilebody').getBoundingClientRect();
    return [...el.querySelectorAll('.legend li, .recharts-pie-sector')].map((x) => x.getBoundingClientRect()).filter((r) => r.right > body.right + 1 || r.bottom > body.bottom + 1 || r.left < body.left - 1).length;
  });
  assert.equal(outside, 0);
  const dot = await tile('New people by month').locator('.recharts-line-dot').last().evaluate((d) => d.getBoundingClientRect().right - d.closest('svg').getBoundingClientRect().right);
  assert.ok(dot < 0, `the last point is cut by ${dot}`);
  const names = await tile('Companies by industry').locator('.recharts-xAxis .recharts-cartesian-axis-tick').count();
  assert.equal(names, await tile('Companies by industry').locator('.recharts-bar-rectangle').count());
  const name = (style) => /--mantine-color-(\w+)-/.exec(style)[1];
  const bar = name(await tile('From lead to customer').getByRole('listitem').filter({ hasText: 'Customer' }).locator('.funnelbar > span').getAttribute('style'));
  await page.setViewportSize({ width: 1440, height: 900 });
  await visit('/e/contacts?where=' + encodeURIComponent("lifecycle = 'customer'"));
  assert.equal(bar, name(await grid().locator('.chip').filter({ hasText: /^Customer$/ }).first().getAttribute('style')));
  await sidebar('Overview').click();
  await tile('People').waitFor();
});

step('on a phone: one column, nothing wider than the screen', async () => {
  const { page } = e2e;
  await page.setViewportSize({ width: 360, height: 740 });
  await page.waitForTimeout(200);
  const boxes = await page.locator('[data-tile]').evaluateAll((all) => all.map((x) => x.getBoundingClientRect()).map((r) => [Math.round(r.left), Math.round(r.width)]));
  assert.equal(new Set(boxes.map(String)).size, 1, JSON.stringify(boxes));
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360));
  // what a tile says is not cut off
  assert.deepEqual(await page.locator('.tilenumber').evaluateAll((all) => all.filter((x) => x.getBoundingClientRect().bottom > x.closest('[data-tile]').getBoundingClientRect().bottom).map((x) => x.textContent)), []);
  // a long title and a large number break, and nothing of them is cut off
  const over = await page.evaluate(() => {
    const change = (el, text) => { const was = el.firstChild.nodeValue; el.firstChild.nodeValue = text; return () => { el.firstChild.nodeValue = was; }; };
    const back = [...[...document.querySelectorAll('[data-tile] h2')].map((h) => change(h, 'Bestandskundenrückgewinnungskampagnenergebnisse nach Postleitzahlengebieten')),
      ...[...document.querySelectorAll('.tilenumber')].map((n) => change(n, 'EUR 1,234,567,890,123,456.78'))];
    const wide = [...document.querySelectorAll('[data-tile] h2, .tilenumber, [data-tile].k-number, [data-tile].k-number .dtilebody')].filter((x) => x.scrollWidth > x.clientWidth + 1 && getComputedStyle(x).display !== 'inline');
    const found = wide.map((x) => `${x.tagName} ${x.className} ${x.scrollWidth} > ${x.clientWidth}`);
    for (const b of back) b();
    return found;
  });
  assert.deepEqual(over, []);
  await page.setViewportSize({ width: 1440, height: 900 });
});

step('every tile leads to what is behind it', async () => {
  const { page } = e2e;
  await tile('Open tasks').locator('.tilenumber').click();
  await grid().waitFor();
  await page.getByTestId('total').getByText(words(await value('tasks', 'count()', 'completed_at is empty')), { exact: true }).waitFor();
  await page.goBack();
  const leads = await value('contacts', 'count()', "lifecycle = 'lead'");
  await tile('From lead to customer').getByRole('link', { name: 'Lead', exact: true }).click();
  await page.getByTestId('total').getByText(words(leads), { exact: true }).waitFor();
  await page.goBack();
  const cell = tile('Source and lifecycle').locator('td a').first();
  const n = await cell.innerText();
  await cell.click();
  await page.getByTestId('total').getByText(n, { exact: true }).waitFor();
  await page.goBack();
  await tile('New people by month').getByRole('link', { name: 'New people by month' }).click();
  await page.locator('[data-chart=line]').waitFor();
  await page.goBack();
});

step('it follows what others do, and one tile in trouble leaves the rest alone', async () => {
  const { page } = e2e;
  await tile('People').locator('.tilenumber').waitFor();
  const before = await value('contacts', 'count()');
  await api('POST', '/contacts', { last_name: 'Dashman' });
  await tile('People').getByText(words(before + 1), { exact: true }).waitFor();
  await tile('Newest people').getByText('Dashman').waitFor();
  const made = await api('POST', '/dashboards', { name: 'Odd', tiles: [
    { id: 'a', kind: 'view', view: 999999, w: 4, h: 2 }, { id: 'b', kind: 'number', title: 'Fine', entity: 'company', w: 4, h: 2 },
    { id: 'c', kind: 'number', title: 'Costly', entity: 'task', where: "title contains 'x'", w: 4, h: 2 }] });
  await page.route('**/api/v1/tasks/aggregate*', (r) => r.fulfill({ status: 422, contentType: 'application/problem+json', body: '{"code":"invalid","detail":"That cannot be asked.","errors":[]}' }));
  await visit(`/dashboards/${made.body.id}`, { afresh: true });
  await tile('Costly').getByText('That cannot be asked.').waitFor();
  await page.getByText('The view is not there').waitFor();
  await tile('Fine').getByText(words(await value('companies', 'count()')), { exact: true }).waitFor();
  await page.unroute('**/api/v1/tasks/aggregate*');
});

step('a new one: tiles are made in the dialog, moved by keys and by pointer, sized, saved, taken back', async () => {
  const { page } = e2e;
  await sidebar('Dashboards').click();
  await page.getByRole('button', { name: 'New dashboard' }).click();
  await page.getByRole('textbox', { name: 'Name' }).and(page.locator(':focus')).waitFor();
  await page.keyboard.type('Harbour');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Harbour' }).waitFor();
  const add = async (title, work) => {
    await page.getByRole('button', { name: 'Add a tile' }).first().click();
    const dialog = page.getByRole('dialog', { name: 'Add a tile' });
    await dialog.getByRole('textbox', { name: 'Title' }).fill(title);
    await work(dialog);
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await tile(title).waitFor();
  };
  const kind = (d, name) => d.getByRole('radiogroup', { name: 'What it shows' }).getByText(name, { exact: true }).click();
  await add('Score', async (d) => { await kind(d, 'Number'); await d.getByLabel('Of what').selectOption('company'); await d.getByLabel('Measure').selectOption('sum(employees)'); });
  await add('Stages', async (d) => {
    await kind(d, 'Chart'); await d.getByLabel('Of what').selectOption('contact');
    await d.getByRole('radiogroup', { name: 'Kind of chart' }).getByText('Funnel').click();
    await d.getByLabel('by', { exact: true }).selectOption('lifecycle');
    await d.locator('[data-chart=funnel]').waitFor();
    await look('tile-dialog');
  });
  await add('Next', async (d) => { await kind(d, 'List'); await d.getByLabel('Of what').selectOption('task'); await d.getByLabel('Sort', { exact: true }).selectOption('due'); });
  await add('Words', async (d) => { await kind(d, 'Text'); await d.getByRole('textbox', { name: 'Text' }).fill('# Ahoy\nAll hands.'); });
  assert.deepEqual(await order(), ['Score', 'Stages', 'Next', 'Words']);
  await look('dashboard-arrange');
  // by keys: Words to the front, Score wider
  await page.getByRole('button', { name: 'Move Words' }).focus();
  for (const _ of [1, 2, 3]) { await page.keyboard.press('ArrowLeft'); await page.waitForTimeout(60); }
  assert.deepEqual(await order(), ['Words', 'Score', 'Stages', 'Next']);
  await page.getByRole('status').getByText('Words: place 1 of 4').waitFor();
  const width = async (title) => Math.round((await tile(title).boundingBox()).width);
  const small = await width('Score');
  await page.getByRole('button', { name: 'Move Score' }).focus();
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowDown');
  await until(async () => (await width('Score')) > small);
  // by the menu, and by dragging: Next before Score
  await page.getByRole('button', { name: 'Options of Stages' }).click();
  await page.getByRole('menuitem', { name: 'Wider' }).click();
  await page.getByRole('button', { name: 'Move Next' }).dragTo(tile('Score'));
  assert.deepEqual(await order(), ['Words', 'Next', 'Score', 'Stages']);
  // leaving the page loses nothing
  await sidebar('Contacts').click();
  await grid().waitFor();
  await sidebar('Harbour').click();
  assert.deepEqual(await order(), ['Words', 'Next', 'Score', 'Stages']);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('The dashboard was saved.').waitFor();
  const kept = (await api('GET', '/dashboards?where=' + encodeURIComponent("name = 'Harbour'"))).body.items[0];
  assert.deepEqual(kept.tiles.map((x) => [x.title, x.w, x.h]), [['Words', 12, 1], ['Next', 4, 6], ['Score', 4, 3], ['Stages', 7, 6]]);
  await tile('Score').getByText(words(await value('companies', 'sum(employees)')), { exact: true }).waitFor();
  await tile('Words').getByText('Ahoy').waitFor();
  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await page.getByText('There is nothing on it yet.').waitFor();
});

step('somebody else arranged it meanwhile: nothing is written over unasked', async () => {
  const { page } = e2e;
  const d = (await api('GET', '/dashboards?where=' + encodeURIComponent("name = 'Harbour'"))).body.items[0];
  const theirs = [{ id: 't', kind: 'text', title: 'Theirs', text: 'x', w: 6, h: 2 }];
  await page.getByRole('button', { name: 'Add a tile' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a tile' });
  await dialog.getByRole('textbox', { name: 'Title' }).fill('Mine');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  assert.equal((await api('PATCH', `/dashboards/${d.id}`, { tiles: theirs })).status, 200);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Somebody else has changed this dashboard').waitFor();
  await page.getByRole('button', { name: 'Take theirs' }).click();
  await tile('Theirs').waitFor();
});

step('from a list onto a dashboard: an open view, a chart', async () => {
  const { page } = e2e;
  await visit('/e/contacts?kind=chart&chart=heat&group=lead_source&across=lifecycle');
  await page.locator('[data-chart=heat] td a').first().waitFor();
  await look('chart-heat');
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Put on a dashboard…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Put on a dashboard…' });
  await dialog.getByLabel('Dashboard').selectOption({ label: 'Harbour' });
  await dialog.getByRole('textbox', { name: 'Title' }).fill('Heat');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await tile('Heat').locator('[data-chart=heat]').waitFor();
  const view = (await api('POST', '/views', { entity: 'company', name: 'Few', kind: 'list', where: 'employees < 500', columns: [{ name: 'employees' }], pinned: true })).body;
  await visit(`/e/companies?view=${view.id}`);
  await grid().getByRole('row').nth(1).waitFor();
  await page.getByRole('navigation', { name: 'Main navigation' }).getByRole('link', { name: 'Few', exact: true }).waitFor(); // it was made behind the page's back
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Put on a dashboard…' }).click();
  await dialog.getByLabel('Dashboard').selectOption({ label: 'Harbour' });
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await tile('Few').getByRole('listitem').first().waitFor();
  await tile('Few').getByRole('link', { name: 'Few' }).click();
  await page.getByRole('button', { name: /^Change: Employees/ }).waitFor();
});

step('on the home page, in place of the usual one', async () => {
  const { page } = e2e;
  await visit('/dashboards', { afresh: true });
  await sidebar('Overview').click();
  await page.getByRole('button', { name: 'Options of Overview' }).click();
  await page.getByRole('checkbox', { name: 'On my home page' }).click();
  await page.keyboard.press('Escape');
  await sidebar('Home').click();
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
  await tile('Overview').getByRole('region', { name: 'People' }).locator('.tilenumber').waitFor();
  await look('home-dashboard');
  await page.reload();
  await tile('Newest people').getByRole('listitem').first().waitFor();
});

step('shared ones are seen by others with their own rights, and not changed; a copy is', async () => {
  const { page, context } = e2e;
  const maya = (await api('GET', '/users?where=' + encodeURIComponent("name = 'Maya Lindt'"))).body.items[0];
  await api('POST', '/me/password', { user: maya.id, password: PASSWORD });
  const role = (await api('POST', '/roles', { name: 'Own people' })).body;
  await api('POST', '/grants', { role: role.id, entity: 'contact', read: 'own' });
  await api('PATCH', `/users/${maya.id}`, { roles: [{ id: role.id }] });
  const all = await value('contacts', 'count()');
  await context.clearCookies();
  await signIn(maya.email);
  await sidebar('Overview').click();
  const mine = await value('contacts', 'count()');
  assert.ok(mine > 0 && mine < all, `${mine} of ${all}`);
  await tile('People').getByText(words(mine), { exact: true }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Arrange' }).count(), 0);
  assert.equal(await sidebar('Harbour').count(), 0);
  await page.getByRole('button', { name: 'Copy', exact: true }).click();
  await page.getByRole('textbox', { name: 'Name' }).and(page.locator(':focus')).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Overview (copy)' }).waitFor();
  await page.getByRole('button', { name: 'Arrange' }).waitFor();
});
