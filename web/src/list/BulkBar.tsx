// What can be done with the chosen records: floats over the list as long as any are chosen.
import { Button, Group, Stack, TagsInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { get } from '../api/client';
import { Input } from '../fields/Input';
import { editableKind, isEmpty, number, toServer } from '../fields/format';
import { t } from '../locale/t';
import { can, useMeta, writable, type Entity, type Field } from '../meta/meta';
import { Complaint } from '../ui/bits';
import { Choices } from '../ui/Choices';
import { Drop } from '../ui/Drop';
import { Link } from '../ui/Link';
import { Nested } from '../ui/Nested';
import { bulk, type Target, type Work } from './bulk';
import type { Selection } from './selection';

interface Props { entity: Entity; selection: Selection; total: number | undefined; where: string; q: string; fields: string[] }

function Above({ label, children }: { label: string; children: (close: () => void) => ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <Drop opened={open} onClose={() => setOpen(false)} label={label} side="top" width={320} target={<Button size="xs" variant="default" onClick={() => setOpen(!open)}>{label}</Button>}>{open && <Nested>{children(() => setOpen(false))}</Nested>}
    </Drop>
  );
}

function SetField({ entity: e, onApply }: { entity: Entity; onApply: (w: Work) => Promise<void> }) {
  const [text, setText] = useState('');
  const [field, setField] = useState<Field | null>(null);
  const [value, setValue] = useState<any>(null);
  const [error, setError] = useState<unknown>(null);
  const apply = (v: unknown = value) => { if (!field) return; setError(null); onApply(isEmpty(v) ? { clear: [field.name] } : { set: { [field.name]: toServer(field, v) } }).catch(setError); };
  if (!field) {
    const low = text.trim().toLowerCase();
    const fields = e.fields.filter((f) => writable(f) && editableKind(f) && !f.hidden && !f.set_once && !f.unique && (!low || f.label.toLowerCase().includes(low)));
    fields.sort((a, b) => Number(b.label.toLowerCase().startsWith(low)) - Number(a.label.toLowerCase().startsWith(low)));
    return <Choices label={t('bulk.field')} placeholder={t('bulk.field')} empty={t('palette.none')} text={text} onText={setText} hits={fields.map((f) => ({ key: f.name, label: f.label, note: f.group?.replaceAll('_', ' '), take: () => setField(f) }))} />;
  }
  const enter = !['long_text', 'rich_text', 'json', 'choices', 'tags', 'many', 'emails', 'phones', 'urls', 'addresses', 'choice', 'reference', 'yes_no'].includes(field.kind);
  return (
    <Stack gap={8} onKeyDown={(ev) => { if (ev.key === 'Enter' && (enter || ev.ctrlKey)) { ev.preventDefault(); apply(); } }}>
      <Input field={field} label={field.label} value={value} autoFocus open onChange={setValue} />
      <Complaint error={error} />
      <Button size="xs" onClick={() => apply()}>{isEmpty(value) ? t('bulk.clear') : t('bulk.apply')}</Button>
    </Stack>
  );
}

function Tags({ field, onApply }: { field: Field; onApply: (w: Work) => Promise<void> }) {
  const known = useMeta().choices(field).map((c) => c.code);
  const [tags, setTags] = useState<string[]>([]);
  const [error, setError] = useState<unknown>(null);
  const apply = (how: 'add' | 'remove') => { setError(null); onApply({ [how]: { [field.name]: tags } }).catch(setError); };
  return (
    <Stack gap={8}>
      <TagsInput comboboxProps={{ withinPortal: false, position: 'top', middlewares: { flip: false } }} data-autofocus autoFocus label={field.label} data={known} value={tags} onChange={setTags} />
      <Complaint error={error} />
      <Group gap={6} grow><Button size="xs" disabled={!tags.length} onClick={() => apply('add')}>{t('bulk.add')}</Button><Button size="xs" variant="default" disabled={!tags.length} onClick={() => apply('remove')}>{t('bulk.remove')}</Button></Group>
    </Stack>
  );
}

export default function BulkBar({ entity: e, selection, total, where, q, fields }: Props) {
  const client = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [asking, setAsking] = useState(false);
  const bar = useRef<HTMLDivElement>(null);
  const n = selection.all ? total : selection.ids.size;
  const ids = [...selection.ids];
  const target: Target = selection.all ? { where, ...(q && { q }) } : { ids };
  const tags = e.fields.find((f) => f.kind === 'tags' && writable(f)), owner = e.fields.find((f) => f.standard && f.name === 'owner' && writable(f));
  useEffect(() => setError(null), [selection]);
  async function run(work: Work) { await bulk(client, e, target, work); selection.clear(); }
  const go = (work: Work) => run(work).catch(setError);
  const remove = () => { if ((n ?? 1e9) > 100 && !asking) setAsking(true); else { setAsking(false); void go({ do: 'delete' }); } };
  const exported = (format: string) => `/api/v1/${e.plural}/export?` + new URLSearchParams({ format, fields: ['id', ...fields.filter((f) => f !== 'id')].join(','), where: selection.all ? where : `id in (${ids.join(', ')})`, ...(selection.all && q && { q }) }).toString();
  const count = n === undefined ? t('bulk.all') : t('bulk.count', { n: number(n) });
  return (
    <div className="bulkbar" ref={bar} role="region" aria-label={t('bulk.label')}>
      <b role="status">{count}</b>
      {!selection.all && (total === undefined || total > selection.ids.size) && <Button size="xs" variant="subtle" onClick={selection.everything}>{total === undefined ? t('bulk.everything') : t('bulk.everything.n', { n: number(total) })}</Button>}
      {can(e, 'update') && can(e, 'bulk') && <Above label={t('bulk.set')}>{(close) => <SetField entity={e} onApply={async (w) => { await run(w); close(); }} />}</Above>}
      {can(e, 'update') && can(e, 'bulk') && tags && <Above label={tags.label}>{(close) => <Tags field={tags} onApply={async (w) => { await run(w); close(); }} />}</Above>}
      {can(e, 'update') && can(e, 'bulk') && owner && <Above label={owner.label}>{(close) => <Owner field={owner} onApply={async (w) => { await run(w); close(); }} />}</Above>}
      {can(e, 'export') && (selection.all || ids.length <= 500) && <Button size="xs" variant="default" component="a" href={exported('csv')} download={`${e.plural}.csv`}>{t('bulk.export')}</Button>}
      {!selection.all && ids.length > 1 && ids.length <= 50 && can(e, 'update') && can(e, 'delete') && <MergeButton entity={e} ids={ids} />}
      {can(e, 'delete') && can(e, 'bulk') && <Button size="xs" variant="default" onClick={remove}>{asking ? t('bulk.delete.sure', { n: n === undefined ? '' : number(n) }) : t('record.delete')}</Button>}
      <Button size="xs" variant="subtle" color="gray" onClick={selection.clear}>{t('bulk.none')}</Button>
      {error ? <Complaint error={error} /> : null}
    </div>
  );
}

/** Only where the server would do it: not every object is merged, and not everybody may. */
function MergeButton({ entity: e, ids }: { entity: Entity; ids: number[] }) {
  const may = useQuery({ queryKey: ['merge', e.name, ...ids], retry: false, queryFn: ({ signal }) => get(`/${e.plural}/merge`, { ids: ids.join(',') }, signal) });
  return may.data ? <Button size="xs" variant="default" component={Link} href={`/e/${e.plural}/merge?ids=${ids.join(',')}`}>{t('merge.open')}</Button> : null;
}

function Owner({ field, onApply }: { field: Field; onApply: (w: Work) => Promise<void> }) {
  const [error, setError] = useState<unknown>(null);
  return <Stack gap={8}><Input field={field} label={field.label} value={null} autoFocus open onChange={(v) => { if (v) onApply({ set: { [field.name]: toServer(field, v) } }).catch(setError); }} /><Complaint error={error} /></Stack>;
}
