// postfix.mjs - a real Postfix of one's own, that takes mails on loopback and hands them on to another port.
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const noPostfix = !existsSync('/usr/sbin/postfix') ? 'Postfix is not installed' : process.getuid() !== 0 ? 'Postfix starts as root only' : '';

const freePort = () => new Promise((done) => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); }); });

/** Relays everything to 127.0.0.1:`to`. Gives its port and how to end it. */
export async function startPostfix(dir, to) {
  const port = await freePort(), conf = path.join(dir, 'conf'), spool = path.join(dir, 'spool'), data = path.join(dir, 'data');
  for (const d of [dir, conf, spool, data]) { mkdirSync(d, { recursive: true }); chmodSync(d, 0o755); }
  const services = readFileSync('/usr/share/postfix/master.cf.dist', 'utf8').split('\n').filter((l) => l && !l.startsWith('#') && !/^(smtp\s+inet|maildrop|uucp|ifmail|bsmtp|scalemail|mailman|postlog|\s)/.test(l))
    .map((l) => { const f = l.split(/\s+/); f[4] = 'n'; return f.join(' '); });
  writeFileSync(path.join(conf, 'master.cf'), [`127.0.0.1:${port} inet n - n - - smtpd`, ...services, 'postlog unix-dgram n - n - 1 postlogd', ''].join('\n'));
  writeFileSync(path.join(conf, 'main.cf'), ['compatibility_level = 3.6', `queue_directory = ${spool}`, `data_directory = ${data}`, 'command_directory = /usr/sbin', 'daemon_directory = /usr/lib/postfix/sbin',
    'mail_owner = postfix', 'setgid_group = postdrop', 'inet_interfaces = 127.0.0.1', 'inet_protocols = ipv4', 'myhostname = relay.example', 'mydestination =', 'local_recipient_maps =', 'mynetworks = 127.0.0.0/8',
    `relayhost = [127.0.0.1]:${to}`, 'smtpd_relay_restrictions = permit_mynetworks, reject', 'disable_dns_lookups = yes', 'smtp_tls_security_level = none', 'smtpd_tls_security_level = none', `maillog_file = ${dir}/log`, `maillog_file_prefixes = ${dir}`,
    'alias_maps =', 'alias_database =', 'default_database_type = hash', ''].join('\n'));
  await run('chown', ['-R', 'root', dir]);
  await run('chown', ['postfix', data]);
  await run('/usr/sbin/postfix', ['-c', conf, 'check']).catch((e) => { throw new Error(e.stderr || e.message); });
  await run('/usr/sbin/postfix', ['-c', conf, 'start']).catch((e) => { throw new Error(e.stderr || e.message); });
  return { port, log: () => (existsSync(`${dir}/log`) ? readFileSync(`${dir}/log`, 'utf8') : ''), stop: async () => { await run('/usr/sbin/postfix', ['-c', conf, 'stop']).catch(() => {}); rmSync(dir, { recursive: true, force: true }); } };
}
