// What happened, written down above the timeline: a note, a call, a task, a meeting, and what is to be done next.
import { Button, Group, NativeSelect, Stack, Textarea, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call, Problem } from '../api/client';
import { Input } from '../fields/Input';
import { isEmpty } from '../fields/format';
import { noun, t } from '../locale/t';
import { writable, type Entity, type Field } from '../meta/meta';
import { Complaint } from '../ui/bits';
import { useDraft } from '../ui/drafts';

/** The field by which an activity refers to e: its own, else the one that takes anything. */
export const linkOf = (a: Entity, e: Entity) => a.fields.find((f) => f.kind === 'reference' && f.target === e.name && writable(f) && !f.standard) ?? a.fields.find((f) => f.kind === 'any_reference' && writable(f) && (!f.targets || f.targets.includes(e.name)));
export const bodyOf = (a: Entity): Field | undefined => a.fields.find((f) => (f.kind === 'rich_text' || f.kind === 'long_text') && writable(f) && (f.required || f.name === 'body'));
/** When it is to be done: only what lies ahead has such a field. */
const dueOf = (a: Entity) => a.fields.find((f) => f.kind === 'instant' && f.indexed && !f.required && !f.standard && writable(f));
const titleField = (a: Entity) => a.fields.find((f) => f.name === a.title && f.required);

const DAYS = [0, 1, 3, 7, 14] as const;
function morning(days: number) { const d = new Date(); d.setDate(d.getDate() + days); d.setHours(days ? 9 : 18, 0, 0, 0); return d.toISOString(); }

interface Typed { name: string; values: Record<string, any>; next: string; days: number }
const nothing: Typed = { name: '', values: {}, next: '', days: 1 };

export function Composer({ entity: e, id, makes, first }: { entity: Entity; id: number; makes: Entity[]; /** of which kind, where somebody came to write just that */ first?: string }) {
  const client = useQueryClient();
  const [draft, setDraft] = useDraft<Typed>(`compose ${e.name} ${id}`);
  const { values, next, days } = draft ?? nothing;
  const known = (m?: string) => makes.some((x) => x.name === m);
  const [name, setName] = useState(known(draft?.name) ? draft!.name : known(first) ? first! : makes[0]!.name);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const a = makes.find((m) => m.name === name) ?? makes[0]!;
  const title = titleField(a), body = bodyOf(a), due = dueOf(a);
  const outcome = a.fields.find((f) => f.kind === 'choice' && f.name === 'outcome');
  const follow = due ? undefined : makes.find((m) => dueOf(m) && titleField(m));
  const problem = error instanceof Problem ? error : null;
  const link = (of: Entity) => { const f = linkOf(of, e)!; return { [f.name]: f.kind === 'reference' ? id : { entity: e.name, id } }; };
  async function submit(ev: FormEvent) {
    ev.preventDefault();
    const now = new Date().toISOString();
    const out: Record<string, unknown> = link(a);
    for (const f of a.fields) if (f.kind === 'instant' && f.required && writable(f) && !f.standard) out[f.name] = now;
    for (const f of [title, body, due, outcome]) if (f && !isEmpty(values[f.name])) out[f.name] = values[f.name];
    setBusy(true);
    setError(null);
    try {
      if (follow && next.trim()) {
        // both or neither: a call without its next step would be forgotten
        await call('POST', '/batch', { operations: [{ method: 'POST', path: `/${a.plural}`, body: out }, { method: 'POST', path: `/${follow.plural}`, body: { ...link(follow), [titleField(follow)!.name]: next.trim(), [dueOf(follow)!.name]: morning(days) } }] });
      } else {
        await call('POST', `/${a.plural}`, out);
      }
      setDraft(() => undefined);
      await client.invalidateQueries({ queryKey: ['timeline', e.name, id] });
    } catch (x) {
      setError(x);
    } finally {
      setBusy(false);
    }
  }
  const type = (change: (old: Typed) => Partial<Typed>) => setDraft((old = nothing) => {
    const now = { ...old, ...change(old), name: a.name };
    return isEmpty(now.next.trim()) && Object.values(now.values).every(isEmpty) ? undefined : now;
  });
  const set = (f: Field, v: any) => type((old) => ({ values: { ...old.values, [f.name]: v } }));
  const asked = [title, body, due, outcome];
  return (
    <form className="composer" onSubmit={(ev) => void submit(ev)} onKeyDown={(ev) => { if (ev.key === 'Enter' && ev.ctrlKey) ev.currentTarget.requestSubmit(); }} noValidate>
      <Stack gap={8}>
        <Group gap={4} role="group" aria-label={t('timeline.kind')}>{makes.map((m) => <Button key={m.name} size="compact-sm" variant={m === a ? 'filled' : 'default'} aria-pressed={m === a} onClick={() => { setName(m.name); setError(null); setTimeout(() => document.querySelector<HTMLElement>('.composer input, .composer textarea')?.focus()); }}>{m.label}</Button>)}</Group>
        {title && <TextInput key={a.name} autoFocus={first === a.name} aria-label={title.label} placeholder={title.label} value={values[title.name] ?? ''} error={problem?.at(title.name)} onChange={(ev) => set(title, ev.currentTarget.value)} />}
        {follow && title && (
          <Group gap={8} wrap="nowrap">
            <TextInput className="grow" aria-label={t('timeline.next')} placeholder={t('timeline.next')} value={next} onChange={(ev) => { const to = ev.currentTarget.value; type(() => ({ next: to })); }} />
            <NativeSelect aria-label={t('timeline.when')} data={DAYS.map((n) => ({ value: String(n), label: n === 0 ? t('timeline.today') : n === 1 ? t('timeline.tomorrow') : t('timeline.indays', { n }) }))} value={String(days)} onChange={(ev) => { const to = Number(ev.currentTarget.value); type(() => ({ days: to })); }} />
          </Group>
        )}
        {body && <Textarea rows={title ? 2 : 3} aria-label={body.label} placeholder={t('timeline.write', { label: noun(a.label) })} value={values[body.name] ?? ''} error={problem?.at(body.name)} onChange={(ev) => set(body, ev.currentTarget.value)} />}
        <Group gap={8} align="flex-end">
          {due && <Input field={due} label={due.label} value={values[due.name]} error={problem?.at(due.name)} onChange={(v) => set(due, v)} />}
          {outcome && <Input field={outcome} label={outcome.label} value={values[outcome.name]} error={problem?.at(outcome.name)} onChange={(v) => set(outcome, v)} />}
          <span className="grow" />
          <Button type="submit" size="sm" loading={busy}>{t('timeline.add', { label: noun(a.label) })}</Button>
        </Group>
        {problem && !asked.some((f) => f && problem.at(f.name)) ? <Complaint error={error} /> : null}
      </Stack>
    </form>
  );
}
