// phone.mjs - how long until the first row stands on a slow phone: the processor slowed down four times, 9 Mbit/s, 60 ms,
// nothing kept from before. Over the bare DevTools protocol: a browser whose scripts are followed (Runtime.enable, which
// playwright needs) notes where each call comes from and reads the whole application twice for it, half a second on a phone.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const NET = { offline: false, latency: 60, downloadThroughput: 9e6 / 8, uploadThroughput: 9e6 / 8 };

/** A browser of its own; `send` is one command to its page, `close` ends it. */
async function begin(executable) {
  const folder = mkdtempSync(path.join(tmpdir(), 'kith-phone-'));
  const child = spawn(executable, ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--lang=en-GB', '--window-size=360,740', '--remote-debugging-port=0', `--user-data-dir=${folder}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const port = await new Promise((done, failed) => {
    let text = '';
    child.stderr.on('data', (d) => { const m = /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(text += d); if (m) done(m[1]); });
    child.on('exit', () => failed(new Error('the browser did not start: ' + text)));
  });
  const pages = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const socket = new WebSocket(pages.find((p) => p.type === 'page').webSocketDebuggerUrl);
  await new Promise((done, failed) => { socket.onopen = done; socket.onerror = failed; });
  const waiting = new Map();
  let last = 0;
  socket.onmessage = (m) => {
    const { id, result, error } = JSON.parse(m.data);
    if (!id) return;
    waiting.get(id)(error ? Promise.reject(new Error(error.message)) : result);
    waiting.delete(id);
  };
  const send = (method, params = {}) => new Promise((done) => { waiting.set(++last, done); socket.send(JSON.stringify({ id: last, method, params })); });
  return { send, close: async () => { socket.close(); await new Promise((done) => { child.on('exit', done); child.kill(); }); await new Promise((done) => setTimeout(done, 300)); rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 }); } };
}

/** Milliseconds from the beginning of the navigation to the frame after the first card, `times` over. */
export async function firstRow(executable, url, email, password, times) {
  const { send, close } = await begin(executable);
  const value = async (expression) => {
    const r = await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (r.exceptionDetails) throw new Error(r.exceptionDetails.exception?.description ?? r.exceptionDetails.text);
    return r.result.value;
  };
  const until = async (expression) => { for (let i = 0; i < 600; i++) { const v = await value(expression).catch(() => 0); if (v) return v; await new Promise((done) => setTimeout(done, 100)); } throw new Error('never: ' + expression); };
  await send('Page.enable');
  await send('Emulation.setDeviceMetricsOverride', { width: 360, height: 740, deviceScaleFactor: 1, mobile: true });
  await send('Emulation.setTouchEmulationEnabled', { enabled: true });
  await send('Page.navigate', { url });
  await until("location.pathname === '/' && document.readyState === 'complete'");
  const status = await value(`fetch('/api/v1/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: ${JSON.stringify(JSON.stringify({ email, password }))} }).then((r) => r.status)`);
  if (status !== 200) throw new Error(`not signed in: ${status}`);
  await send('Page.navigate', { url });
  await until("document.querySelector('h1')?.textContent.startsWith('Hello')");
  await send('Network.enable');
  await send('Network.setCacheDisabled', { cacheDisabled: true });
  await send('Network.emulateNetworkConditions', NET);
  await send('Emulation.setCPUThrottlingRate', { rate: 4 });
  const look = () => {
    const frame = () => { if (document.querySelector('.cards .card a.cardlink b')?.textContent) requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = () => { window.firstRow = performance.now(); }; c.port2.postMessage(0); }); else requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
  };
  await send('Page.addScriptToEvaluateOnNewDocument', { source: `(${look})()` });
  const spans = [];
  for (let i = 0; i < times; i++) {
    await send('Page.navigate', { url: 'about:blank' });
    await until("location.href === 'about:blank'");
    await send('Page.navigate', { url: url + '/e/contacts' });
    spans.push(await until("location.pathname === '/e/contacts' && window.firstRow"));
  }
  await close();
  return spans;
}
