// The text of a mail: written as code, shown as a person would get it, tried with a real mail.
import { Button, Group, Stack, Textarea, TextInput } from '@mantine/core';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { call, get, getSession, Problem } from '../../api/client';
import { Input } from '../../fields/Input';
import { PersonInput, type Person } from '../../fields/PersonInput';
import { bytes } from '../../fields/format';
import { t } from '../../locale/t';
import { mayRun, titleOf, useMeta, writable, type Rec } from '../../meta/meta';
import type { PanelProps } from '../../record/panel';
import { Complaint, Loading } from '../../ui/bits';
import { Segments } from '../../ui/Segments';
import { say } from '../../ui/undo';
import '../features.css';

interface Shown { subject: string; html: string; text: string; missing: string; bytes: number }
interface Draft { subject: string; html: string; text: string }

/** HTML in a document of its own, which can do nothing: styles and pictures of this server, no scripts. */
function Frame({ html, label }: { html: string; label: string }) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => { form.current?.submit(); }, [html]);
  return (
    <>
      <form ref={form} method="post" action="/app-frame/html" target="mailframe" hidden><input type="hidden" name="html" value={html} /></form>
      <iframe className="mailframe" name="mailframe" title={label} sandbox="" />
    </>
  );
}

type Sender = { id: number; name: string } | null;

function useShown(r: Rec, draft: Draft, person: { id: number } | null, sender: Sender) {
  const [asked, setAsked] = useState(draft);
  useEffect(() => { const wait = setTimeout(() => setAsked(draft), 500); return () => clearTimeout(wait); }, [draft]);
  return useQuery({
    queryKey: ['preview', r.id, asked, person?.id, sender?.id], retry: false, placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => (await call<Shown>('POST', `/mail_templates/${r.id}/preview`, { ...asked, ...(person && { person: person.id }), ...(sender && { sender: sender.id }) }, {}, signal)).data,
  });
}

function Try({ record: r, person, sender, setSender, disabled }: { record: Rec; person: { id: number } | null; sender: Sender; setSender: (s: Sender | ((was: Sender) => Sender)) => void; disabled: boolean }) {
  const meta = useMeta();
  const [to, setTo] = useState(getSession().user?.email ?? '');
  const [error, setError] = useState<unknown>(null);
  const senders = meta.entity('mail_sender');
  const newest = useQuery({ queryKey: ['related', 'mail_sender', 'newest'], enabled: !!senders, queryFn: ({ signal }) => get<{ items: Rec[] }>('/mail_senders', { limit: 1, sort: '-id', fields: 'id,name' }, signal) });
  const one = newest.data?.items[0];
  useEffect(() => { if (one && senders) setSender((s) => s ?? { id: one.id, name: titleOf(senders, one) }); }, [one, senders, setSender]);
  const field = meta.entity('campaign')?.fields.find((f) => f.name === 'sender');
  async function send() {
    setError(null);
    try {
      await call('POST', `/mail_templates/${r.id}/test`, { to, sender: sender?.id, ...(person && { person: person.id }) });
      say('test', t('tmpl.sent', { to }));
    } catch (x) { setError(x); }
  }
  if (!senders || !field) return null;
  if (newest.data && !one) return <p className="dim">{t('tmpl.nosender')}</p>;
  return (
    <Stack gap={6}>
      <Group gap={8} align="flex-end">
        <TextInput label={t('tmpl.to')} type="email" value={to} onChange={(ev) => setTo(ev.currentTarget.value)} style={{ flex: 1, minWidth: 180 }} />
        <div style={{ minWidth: 180, flex: 1 }}><Input field={field} label={field.label} value={sender} onChange={setSender} /></div>
        <Button variant="default" disabled={disabled || !to || !sender} title={disabled ? t('tmpl.savefirst') : undefined} onClick={() => void send()}>{t('tmpl.test')}</Button>
      </Group>
      <Complaint error={error ?? newest.error} />
    </Stack>
  );
}

export default function TemplatePanel({ entity: e, record: r }: PanelProps) {
  const client = useQueryClient();
  const saved: Draft = { subject: r.subject ?? '', html: r.html ?? '', text: r.text ?? '' };
  const [draft, setDraft] = useState(saved);
  const [as, setAs] = useState('html');
  const [person, setPerson] = useState<Person>(null);
  const [sender, setSender] = useState<Sender>(null); // of the test, and so of the preview
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const changed = draft.subject !== saved.subject || draft.html !== saved.html || draft.text !== saved.text;
  const shown = useShown(r, draft, person, sender);
  // while something is misspelt the last text that was right stays
  const last = useRef<Shown | undefined>(undefined);
  if (shown.data) last.current = shown.data;
  const now = shown.data ?? last.current;
  const may = e.fields.some((f) => f.name === 'html' && writable(f)) && e.rights.update !== 'none';
  const wrong = shown.error ?? error;
  const at = (f: string) => (wrong instanceof Problem ? wrong.at(f) : undefined);
  const put = (patch: Partial<Draft>) => { setError(null); setDraft({ ...draft, ...patch }); };
  async function save() {
    setBusy(true);
    setError(null);
    try {
      await call('PATCH', `/mail_templates/${r.id}`, { ...draft, text: draft.text || null, html: draft.html || null }, { 'If-Match': `"${r.version}"` });
      await client.invalidateQueries({ queryKey: ['record', e.name, r.id] });
      say('template', t('tmpl.saved'));
    } catch (x) { setError(x); }
    setBusy(false);
  }
  return (
    <Stack gap="sm">
      <TextInput label={t('tmpl.subject')} value={draft.subject} error={at('subject')} readOnly={!may} onChange={(ev) => put({ subject: ev.currentTarget.value })} />
      <Textarea className="mono" label={t('tmpl.html')} description={t('tmpl.help')} value={draft.html} error={at('html')} readOnly={!may} rows={12} spellCheck={false} onChange={(ev) => put({ html: ev.currentTarget.value })} />
      <Textarea className="mono" label={t('tmpl.text')} value={draft.text} error={at('text')} readOnly={!may} rows={3} spellCheck={false} onChange={(ev) => put({ text: ev.currentTarget.value })} />
      {wrong && !(wrong instanceof Problem && ['subject', 'html', 'text'].some((f) => wrong.at(f))) ? <Complaint error={wrong} /> : null}
      {may && <Group gap={8}><Button loading={busy} disabled={!changed} onClick={() => void save()}>{t('save')}</Button>{changed && <Button variant="default" onClick={() => { setDraft(saved); setError(null); }}>{t('tmpl.revert')}</Button>}</Group>}
      <section aria-label={t('tmpl.preview')}>
        <Group gap={10} align="flex-end" mb={8}>
          <div style={{ flex: 1, minWidth: 200 }}><PersonInput label={t('tmpl.as')} value={person} onChange={setPerson} /></div>
          <Segments small label={t('tmpl.preview')} data={[{ value: 'html', label: t('tmpl.show.html') }, { value: 'text', label: t('tmpl.show.text') }]} value={as} onChange={setAs} />
        </Group>
        {now && <p style={{ margin: '0 0 8px' }}><b>{now.subject || '–'}</b> <span className="dim">{bytes(now.bytes)}</span></p>}
        {now && !person && <p className="dim" role="note">{t('tmpl.nobody')}</p>}
        {now?.missing && person && <p role="note">{t('tmpl.missing', { names: now.missing })}</p>}
        {!now && !wrong && <Loading height={120} />}
        {now && (as === 'html' && now.html ? <Frame html={now.html} label={t('tmpl.preview')} /> : <pre className="mailframe plainmail" role="region" tabIndex={0} aria-label={t('tmpl.preview')}>{now.text}</pre>)}
      </section>
      {mayRun(e, 'test') && <section aria-label={t('tmpl.test')}><Try record={r} person={person} sender={sender} setSender={setSender} disabled={changed} /></section>}
    </Stack>
  );
}
