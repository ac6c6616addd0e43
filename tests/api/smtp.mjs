// smtp.mjs - a mail server for tests: takes what it is sent and behaves as it is told.
import net from 'node:net';

export class Sink {
  mails = [];        // {from, to, data}
  connections = 0;
  begun = 0;         // mails that were handed over, answered or not
  offers = ['PIPELINING', '8BITMIME'];
  rcpt = () => '250 ok';  // (address, nth) => reply; null closes the connection
  data = () => '250 kept'; // (mail) => reply; null closes the connection; a promise waits

  dataRefused = '554 no valid recipients'; // what DATA gets after that; null closes the connection

  async start(port = 0) {
    this.server = net.createServer((s) => this.serve(s));
    await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
    this.server.unref(); // one that a failed test left behind does not keep the process
    this.port = this.server.address().port;
    return this;
  }

  // Who connects while it stops is sent away too: the end waits for all connections.
  async stop() {
    this.ending = true;
    for (const s of this.sockets) s.destroy();
    await new Promise((done) => this.server.close(done));
  }

  sockets = new Set();

  serve(s) {
    if (this.ending) { s.destroy(); return; }
    this.connections++;
    s.unref();
    this.sockets.add(s);
    s.on('close', () => this.sockets.delete(s));
    s.on('error', () => {});
    let text = '', mail = {}, inData = false, queue = Promise.resolve();
    const say = (line) => { if (line === null) s.destroy(); else s.write(line + '\r\n'); };
    s.setEncoding('latin1');
    say(this.greeting ?? '220 sink');
    const take = async (line) => {
      if (inData) {
        if (line !== '.') { mail.data.push(line.startsWith('.') ? line.slice(1) : line); return; }
        inData = false;
        const whole = { from: mail.from, to: mail.to, data: Buffer.from(mail.data.join('\r\n') + '\r\n', 'latin1').toString('utf8') };
        this.begun++;
        const reply = await this.data(whole);
        if (reply?.startsWith('2')) this.mails.push(whole);
        say(reply);
        return;
      }
      const [verb] = line.split(/[ :]/);
      switch (verb.toUpperCase()) {
        case 'EHLO': for (const o of this.offers) say('250-' + o); say('250 SIZE 10000000'); break;
        case 'AUTH': say(this.auth ? this.auth(line) : '535 no'); break;
        case 'MAIL': mail = { from: /<(.*)>/.exec(line)[1] }; say('250 ok'); break;
        case 'RCPT': { mail.to = /<(.*)>/.exec(line)[1]; const r = this.rcpt(mail.to); mail.refused = !r?.startsWith('2'); say(r); break; }
        case 'DATA': if (mail.refused) say(this.dataRefused); else { inData = true; mail.data = []; say('354 go on'); } break;
        case 'RSET': mail = {}; say('250 ok'); break;
        case 'QUIT': say('221 bye'); s.end(); break;
        default: say('500 what');
      }
    };
    s.on('data', (d) => {
      text += d;
      let at;
      while ((at = text.indexOf('\r\n')) >= 0) {
        const line = text.slice(0, at);
        text = text.slice(at + 2);
        queue = queue.then(() => take(line));
      }
    });
  }
}

// The parts of a multipart mail, decoded, and its headers by lower-case name.
export function parseMail(data) {
  const split = (text) => {
    const at = text.indexOf('\r\n\r\n');
    const headers = {};
    for (const line of text.slice(0, at).replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    return { headers, body: text.slice(at + 4) };
  };
  const words = (v) => v?.replace(/\?=\s+=\?/g, '?==?').replace(/(=\?utf-8\?B\?[^?]*\?=)+/gi,
    (all) => Buffer.concat([...all.matchAll(/\?B\?([^?]*)\?=/gi)].map((m) => Buffer.from(m[1], 'base64'))).toString('utf8'));
  const qp = (t) => Buffer.from(t.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, h) => String.fromCharCode(parseInt(h, 16))), 'latin1').toString('utf8');
  const { headers, body } = split(data);
  for (const k of Object.keys(headers)) headers[k] = words(headers[k]);
  const boundary = /boundary="([^"]+)"/.exec(headers['content-type'] ?? '')?.[1];
  const parts = {};
  for (const piece of boundary ? body.split('--' + boundary).slice(1, -1) : ['\r\n' + data]) {
    const p = split(piece.replace(/^\r\n/, ''));
    parts[/text\/(\w+)/.exec(p.headers['content-type'])[1]] = qp(p.body);
  }
  return { headers, ...parts };
}
