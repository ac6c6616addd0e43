// One's own account: password, second factor, where one is signed in, tokens for programs.
import { Button, Group, Modal, MultiSelect, NativeSelect, PasswordInput, Stack, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { begin, call, get, getSession, Problem } from '../api/client';
import { ago, date } from '../fields/format';
import { t } from '../locale/t';
import { useMeta } from '../meta/meta';
import { Complaint, ErrorState, Loading } from '../ui/bits';
import { say } from '../ui/undo';
import { Page } from './Page';
import { useSave } from './rows';

function Name() {
  const [name, setName] = useState(getSession().user!.name);
  const [error, setError] = useState<unknown>(null);
  const submit = (ev: FormEvent) => { ev.preventDefault(); setError(null); call('PATCH', '/me', { name: name.trim() }).then(() => { say('account', t('account.named')); void begin(); }, setError); };
  return (
    <form onSubmit={submit}>
      <Group gap="xs" align="flex-end"><TextInput w={340} label={t('account.name')} maxLength={200} value={name} error={error instanceof Problem ? error.message : undefined} onChange={(ev) => setName(ev.currentTarget.value)} /><Button type="submit" variant="default" disabled={!name.trim()}>{t('save')}</Button></Group>
    </form>
  );
}

function Password() {
  const [old, setOld] = useState('');
  const [fresh, setFresh] = useState('');
  const [error, setError] = useState<unknown>(null);
  const at = (f: string) => (error instanceof Problem ? error.at(f) : undefined);
  async function submit(ev: FormEvent) {
    ev.preventDefault();
    setError(null);
    try { await call('POST', '/me/password', { old_password: old, password: fresh }); setOld(''); setFresh(''); say('account', t('account.changed')); } catch (x) { setError(x); }
  }
  const show = { visibilityToggleButtonProps: { 'aria-label': t('signin.show') } };
  return (
    <form onSubmit={(ev) => void submit(ev)} aria-label={t('account.password')}>
      <Title order={2} size="h5" mb={6}>{t('account.password')}</Title>
      <Stack gap="xs" maw={340}>
        <PasswordInput label={t('account.old')} autoComplete="current-password" value={old} error={at('old_password')} onChange={(ev) => setOld(ev.currentTarget.value)} {...show} />
        <PasswordInput label={t('account.new')} description={t('users.password.help')} autoComplete="new-password" value={fresh} error={at('password')} onChange={(ev) => setFresh(ev.currentTarget.value)} {...show} />
        {error && !at('password') && !at('old_password') ? <Complaint error={error} /> : null}
        <Group><Button type="submit" variant="default" disabled={!old || !fresh}>{t('account.change')}</Button></Group>
      </Stack>
    </form>
  );
}

function SecondFactor() {
  const [secret, setSecret] = useState<{ secret: string; uri: string } | null>(null);
  const [code, setCode] = useState('');
  const [error, setError] = useState<unknown>(null);
  const begin = () => { setError(null); call<{ secret: string; uri: string }>('POST', '/me/totp', {}).then((r) => setSecret(r.data), setError); };
  const confirm = (ev: FormEvent) => { ev.preventDefault(); setError(null); call('PUT', '/me/totp', { code: code.trim() }).then(() => { setSecret(null); setCode(''); say('account', t('account.totp.on')); }, setError); };
  return (
    <section aria-label={t('account.totp')}>
      <Title order={2} size="h5" mb={6}>{t('account.totp')}</Title>
      {!secret ? <><p className="dim">{t('account.totp.why')}</p><Button variant="default" onClick={begin}>{t('account.totp.begin')}</Button></> : (
        <form onSubmit={confirm}><p>{t('account.totp.help')}</p><p><code style={{ overflowWrap: 'anywhere' }}>{secret.secret.replace(/(.{4})/g, '$1 ')}</code> · <a className="reflink" href={secret.uri}>{t('account.totp.open')}</a></p><div className="row"><TextInput aria-label={t('signin.totp')} placeholder="123456" inputMode="numeric" autoComplete="one-time-code" value={code} onChange={(ev) => setCode(ev.currentTarget.value)} /><Button type="submit">{t('account.totp.confirm')}</Button></div></form>
      )}
      <Complaint error={error} />
    </section>
  );
}

interface Token { id: number; name: string; scopes: string; created_at: string; used_at: string | null; expires_at: string | null }
interface Session { id: number; agent: string; address: string; created_at: string; seen_at: string; current: boolean }

/** "Firefox, Windows" of what a browser says of itself; a program is called what it calls itself. */
function deviceOf(agent: string): string {
  const find = (names: [RegExp, string][]) => names.find(([sign]) => sign.test(agent))?.[1];
  const browser = find([[/Edg/, 'Edge'], [/OPR/, 'Opera'], [/Firefox/, 'Firefox'], [/Chrom/, 'Chrome'], [/Safari/, 'Safari']]);
  const system = find([[/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS/, 'macOS'], [/Linux/, 'Linux']]);
  return browser ? [browser, system].filter(Boolean).join(', ') : agent || '–';
}

/** Asks before something ends that cannot be brought back. */
function Sure({ title, text, word, onYes, onClose }: { title: string; text: string; word: string; onYes: () => void; onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': t('close') }} transitionProps={{ duration: 0 }}>
      <p style={{ marginTop: 0 }}>{text}</p>
      <Group justify="flex-end"><Button variant="default" data-autofocus onClick={onClose}>{t('cancel')}</Button><Button color="red" variant="outline" onClick={() => { onYes(); onClose(); }}>{word}</Button></Group>
    </Modal>
  );
}

function Shown({ token, onClose }: { token: string; onClose: () => void }) {
  const copy = () => void navigator.clipboard.writeText(token).then(() => say('copy', t('account.copied')), (x) => say('copy', String(x), { red: true }));
  return (
    <div className="report" role="status" style={{ marginBottom: 12 }}>
      <div>{t('account.token.once')}</div>
      <code style={{ overflowWrap: 'anywhere', userSelect: 'all' }}>{token}</code>
      <div className="row">{'clipboard' in navigator && <Button size="compact-sm" onClick={copy}>{t('account.copy')}</Button>}<Button size="compact-sm" variant="default" onClick={onClose}>{t('account.token.done')}</Button></div>
    </div>
  );
}

const SCOPES = ['', 'read', 'some'] as const;
function Tokens() {
  const save = useSave();
  const meta = useMeta();
  const q = useQuery({ queryKey: ['settings', 'tokens'], queryFn: ({ signal }) => get<{ items: Token[] }>('/tokens', {}, signal) });
  const [name, setName] = useState('');
  const [reach, setReach] = useState<string>('');
  const [some, setSome] = useState<string[]>([]);
  const [shown, setShown] = useState('');
  const [leaving, setLeaving] = useState<Token | null>(null);
  const all = meta.nav().all.flatMap((e) => (['read', 'write'] as const).map((level) => ({ value: `${e.name}:${level}`, label: t(`account.may.${level}`, { label: e.label_plural }) })));
  const word = (scope: string) => {
    const [of = '', level] = scope.split(':'), e = meta.entity(of) ?? meta.plural(of);
    return scope === 'read' ? t('account.reach.read') : e && (level === 'read' || level === 'write') ? t(`account.may.${level}`, { label: e.label_plural }) : scope;
  };
  const words = (scopes: string) => (!scopes || scopes === '*' ? t('account.everything') : scopes.split(',').map((x) => word(x.trim())).join(', '));
  async function add(ev: FormEvent) {
    ev.preventDefault();
    const scopes = reach === 'some' ? some.join(',') : reach;
    const r = await save<{ token: string }>('POST', '/tokens', { name: name.trim(), ...(scopes && { scopes }) });
    if (r) { setShown(r.token); setName(''); setReach(''); setSome([]); }
  }
  return (
    <section aria-label={t('account.tokens')}>
      <Title order={2} size="h5" mb={6}>{t('account.tokens')}</Title>
      <p className="dim">{t('account.tokens.help')}</p>
      {shown && <Shown token={shown} onClose={() => setShown('')} />}
      {q.error ? <ErrorState error={q.error} retry={() => void q.refetch()} /> : !q.data ? <Loading height={40} /> : (
        <ul className="plainlist">
          {q.data.items.map((x) => <li key={x.id} className="wrapping" style={{ alignItems: 'center' }}><span className="grow" style={{ flexBasis: 160, overflowWrap: 'anywhere' }}><b>{x.name}</b><br /><small className="dim">{words(x.scopes)} · {x.used_at ? t('account.used', { when: ago(x.used_at) }) : t('account.unused')}{x.expires_at ? ` · ${t('account.expires', { when: date(x.expires_at.slice(0, 10)) })}` : ''}</small></span><Button size="compact-sm" variant="default" aria-label={t('account.revoke.of', { name: x.name })} onClick={() => setLeaving(x)}>{t('account.revoke')}</Button></li>)}
          {q.data.items.length === 0 && <li className="dim">{t('account.tokens.none')}</li>}
        </ul>
      )}
      <form onSubmit={(ev) => void add(ev)} aria-label={t('account.token.add')}>
        <Stack gap="xs" maw={340} mt="md">
          <TextInput label={t('account.token.name')} placeholder={t('account.token.eg')} maxLength={100} value={name} onChange={(ev) => setName(ev.currentTarget.value)} />
          <NativeSelect label={t('account.scopes')} data={SCOPES.map((value) => ({ value, label: value === '' ? t('account.reach.all') : t(`account.reach.${value}`) }))} value={reach} onChange={(ev) => setReach(ev.currentTarget.value)} />
          {reach === 'some' && <MultiSelect searchable label={t('account.reach.which')} data={all} value={some} onChange={setSome} />}
          <Group><Button type="submit" variant="default" disabled={!name.trim() || (reach === 'some' && some.length === 0)}>{t('account.token.add')}</Button></Group>
        </Stack>
      </form>
      {leaving && <Sure title={t('account.revoke.of', { name: leaving.name })} text={t('account.revoke.sure')} word={t('account.revoke')} onClose={() => setLeaving(null)} onYes={() => { setShown(''); void save('DELETE', `/tokens/${leaving.id}`); }} />}
    </section>
  );
}

function Sessions() {
  const save = useSave();
  const q = useQuery({ queryKey: ['settings', 'sessions'], queryFn: ({ signal }) => get<{ items: Session[] }>('/sessions', {}, signal) });
  const all = [...(q.data?.items ?? [])].sort((a, b) => Number(b.current) - Number(a.current) || b.seen_at.localeCompare(a.seen_at));
  return (
    <section aria-label={t('account.sessions')}>
      <Title order={2} size="h5" mb={6}>{t('account.sessions')}</Title>
      <p className="dim">{t('account.sessions.help')}</p>
      {q.error ? <ErrorState error={q.error} retry={() => void q.refetch()} /> : !q.data ? <Loading height={40} /> : (
        <ul className="plainlist">{all.map((x) => <li key={x.id} style={{ alignItems: 'center' }}><span className="grow" title={x.agent}>{deviceOf(x.agent)}<br /><small className="dim">{x.address} · {x.current ? t('account.here') : ago(x.seen_at)}</small></span>{!x.current && <Button size="compact-sm" variant="default" aria-label={t('account.end', { name: deviceOf(x.agent) })} onClick={() => void save('DELETE', `/sessions/${x.id}`)}>{t('shell.signout')}</Button>}</li>)}</ul>
      )}
    </section>
  );
}

export default function Account() {
  return <Page title={t('set.account')}><Stack gap="xl" mt="md"><Name /><Password /><SecondFactor /><Sessions /><Tokens /></Stack></Page>;
}
