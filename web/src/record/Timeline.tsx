import { Button, Group, Skeleton, Stack, Textarea, TextInput } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { Link } from 'wouter';
import { call, get, Problem } from '../api/client';
import { Display } from '../fields/Display';
import { Input } from '../fields/Input';
import { ago, instant, isEmpty, plainText } from '../fields/format';
import { t } from '../locale/t';
import { address, can, titleOf, useMeta, writable, type Entity, type Field, type Rec } from '../meta/meta';
import { Complaint, Empty, ErrorState, Letter } from '../ui/bits';

interface Item { entity: string; id: number; at: string; record: Rec }

/** The field by which an activity refers to e: its own, else the one that takes anything. */
const linkOf = (a: Entity, e: Entity) => a.fields.find((f) => f.kind === 'reference' && f.target === e.name && writable(f) && !f.standard) ?? a.fields.find((f) => f.kind === 'any_reference' && writable(f) && (!f.targets || f.targets.includes(e.name)));
const bodyOf = (a: Entity): Field | undefined => a.fields.find((f) => (f.kind === 'rich_text' || f.kind === 'long_text') && writable(f) && (f.required || f.name === 'body'));

function Composer({ entity: e, id, makes }: { entity: Entity; id: number; makes: Entity[] }) {
  const client = useQueryClient();
  const [name, setName] = useState(makes[0]!.name);
  const [values, setValues] = useState<Record<string, any>>({});
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const a = makes.find((m) => m.name === name) ?? makes[0]!;
  const title = a.fields.find((f) => f.name === a.title && f.required);
  const body = bodyOf(a);
  const due = a.fields.find((f) => f.kind === 'instant' && f.indexed && !f.required && !f.standard && writable(f));
  const outcome = a.fields.find((f) => f.kind === 'choice' && f.name === 'outcome');
  const problem = error instanceof Problem ? error : null;
  async function submit(ev: FormEvent) {
    ev.preventDefault();
    const link = linkOf(a, e)!;
    const now = new Date().toISOString();
    const out: Record<string, unknown> = { [link.name]: link.kind === 'reference' ? id : { entity: e.name, id } };
    for (const f of a.fields) if (f.kind === 'instant' && f.required && writable(f) && !f.standard) out[f.name] = now;
    for (const f of [title, body, due, outcome]) if (f && !isEmpty(values[f.name])) out[f.name] = values[f.name];
    setBusy(true);
    setError(null);
    try {
      await call('POST', `/${a.plural}`, out);
      setValues({});
      await client.invalidateQueries({ queryKey: ['timeline', e.name, id] });
    } catch (x) {
      setError(x);
    } finally {
      setBusy(false);
    }
  }
  const set = (f: Field, v: any) => setValues((old) => ({ ...old, [f.name]: v }));
  return (
    <form className="composer" onSubmit={(ev) => void submit(ev)} onKeyDown={(ev) => { if (ev.key === 'Enter' && ev.ctrlKey) ev.currentTarget.requestSubmit(); }} noValidate>
      <Stack gap={8}>
        <Group gap={4} role="group" aria-label={t('timeline.kind')}>{makes.map((m) => <Button key={m.name} size="compact-sm" variant={m === a ? 'filled' : 'default'} aria-pressed={m === a} onClick={() => { setName(m.name); setError(null); }}>{m.label}</Button>)}</Group>
        {title && <TextInput aria-label={title.label} placeholder={title.label} value={values[title.name] ?? ''} error={problem?.at(title.name)} onChange={(ev) => set(title, ev.currentTarget.value)} />}
        {body && <Textarea rows={title ? 2 : 3} aria-label={body.label} placeholder={t('timeline.write', { label: a.label.toLowerCase() })} value={values[body.name] ?? ''} error={problem?.at(body.name)} onChange={(ev) => set(body, ev.currentTarget.value)} />}
        <Group gap={8} align="flex-end">
          {due && <Input field={due} label={due.label} value={values[due.name]} error={problem?.at(due.name)} onChange={(v) => set(due, v)} />}
          {outcome && <Input field={outcome} label={outcome.label} value={values[outcome.name]} error={problem?.at(outcome.name)} onChange={(v) => set(outcome, v)} />}
          <span className="grow" />
          <Button type="submit" size="sm" loading={busy}>{t('timeline.add', { label: a.label.toLowerCase() })}</Button>
        </Group>
        {problem && ![title, body, due, outcome].some((f) => f && problem.at(f.name)) ? <Complaint error={error} /> : null}
      </Stack>
    </form>
  );
}

export function Timeline({ entity: e, id }: { entity: Entity; id: number }) {
  const meta = useMeta();
  const list = useInfiniteQuery({
    queryKey: ['timeline', e.name, id], initialPageParam: '', getNextPageParam: (last: { items: Item[]; next: string | null }) => last.next,
    queryFn: ({ pageParam, signal }) => get<{ items: Item[]; next: string | null }>(`/${e.plural}/${id}/timeline`, { limit: 30, before: pageParam }, signal),
  });
  const order = (a: Entity) => (a.fields.find((f) => f.name === a.title)?.required ? 1 : 0);
  const makes = meta.raw.entities.filter((a) => a.activity && can(a, 'create') && linkOf(a, e)).sort((a, b) => order(a) - order(b));
  const items = list.data?.pages.flatMap((p) => p.items) ?? [];
  return (
    <>
      {makes.length > 0 && <Composer entity={e} id={id} makes={makes} />}
      {list.error ? <ErrorState error={list.error} retry={() => void list.refetch()} /> : list.isPending ? <Stack gap={10} pt="sm">{[1, 2, 3].map((i) => <Skeleton key={i} height={44} />)}</Stack> : items.length === 0 ? <Empty title={t('timeline.empty')} /> : null}
      <ol className="plainlist" aria-label={t('record.timeline')} style={{ display: 'block' }}>
        {items.map((i) => {
          const a = meta.entity(i.entity);
          if (!a) return null;
          const body = bodyOf(a);
          const text = body && i.record[body.name] ? plainText(i.record[body.name]) : '';
          const name = a.title && i.record[a.title] ? titleOf(a, i.record) : a.label;
          return (
            <li key={i.entity + i.id} className="entry" style={{ display: 'grid' }}>
              <Letter text={a.label} of={a.name} />
              <div style={{ minWidth: 0 }}>
                <Group gap={8} wrap="wrap"><Link className="rowlink" href={address(a, i.id)}>{name}</Link>{a.fields.filter((f) => f.kind === 'choice' && f.name === 'status' && i.record[f.name]).map((f) => <Display key={f.name} field={f} value={i.record[f.name]} />)}<time className="when" dateTime={i.at} title={instant(i.at)}>{ago(i.at)}</time>{i.record.owner?.name && <span className="when">{i.record.owner.name}</span>}</Group>
                {text && <div className="bodytext">{text}</div>}
              </div>
            </li>
          );
        })}
      </ol>
      {list.hasNextPage && <Button mt="sm" variant="default" size="xs" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t('more')}</Button>}
    </>
  );
}
